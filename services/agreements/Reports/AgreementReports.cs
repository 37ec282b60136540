using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Contracts.Agreements;
using Mailkey.Hosting.Postgres;
using Mailkey.Ledger.Events;
using Microsoft.Extensions.Logging;

namespace Mailkey.Agreements.Reports;

/// <summary>Brings what SMTP reports into the ledger, where it decides about trust.</summary>
public sealed class AgreementReports(
    TrafficTable traffic, Aggregates<AgreementState> agreements, DeskPolicies policies, TimeProvider time, ILogger<AgreementReports> logger)
{
    private static readonly Actor Smtp = new(ActorKind.System, "smtp");

    /// <summary>
    /// Counts messages. The ledger hears of the first message of a day, of every doubling, and of the whole when the day is over: soon enough for a
    /// brake on sudden volume, and few events for a busy list.
    /// </summary>
    public async Task CountAsync(AgreementsUsed used, CancellationToken cancellationToken)
    {
        var uses = used.Uses.Where(use => use.Messages > 0 && AgreementId.TryParse(use.AgreementId, out _)).ToList();
        if (uses.Count == 0)
        {
            return;
        }

        foreach (var day in await traffic.AddAsync(used with { Uses = uses }, cancellationToken))
        {
            if (day.Messages >= 2L * day.Recorded && day.Messages > day.Recorded)
            {
                await RecordAsync(day, cancellationToken);
            }
        }
    }

    /// <summary>Reports misuse; a report that comes again is known by its transaction.</summary>
    public async Task ReportAsync(AgreementMisused misused, CancellationToken cancellationToken)
    {
        MisuseKind? kind = misused.Kind switch
        {
            "foreign-reference" => MisuseKind.ForeignReference,
            "wrong-reference" => MisuseKind.WrongReference,
            "address-used-by-another" => MisuseKind.AddressUsedByAnother,
            "message-replayed" => MisuseKind.MessageReplayed,
            _ => null,
        };
        if (kind is { } known && AgreementId.TryParse(misused.AgreementId, out var id))
        {
            await DecideAsync(id, new ReportMisuse(Smtp, known, misused.QueueId), $"{misused.QueueId} from {misused.ClientAddress}", cancellationToken);
        }
        else
        {
            logger.LogWarning("A report of misuse names no agreement or no kind that is known");
        }
    }

    /// <summary>Records the days that are over.</summary>
    public async Task CloseDaysAsync(CancellationToken cancellationToken)
    {
        const int portion = 500;
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        int failed;
        int found;
        do
        {
            var days = await traffic.UnrecordedAsync(today, portion, cancellationToken);
            (found, failed) = (days.Count, 0);
            foreach (var day in days)
            {
                try
                {
                    await RecordAsync(day, cancellationToken);
                }
                catch (Exception e) when (e is not OperationCanceledException && !DatabaseOutage.Is(e))
                {
                    // A stream that a newer program wrote, or one under contention: it waits for the next round, and the others do not.
                    failed++;
                    logger.LogWarning(e, "The traffic of {Agreement} on {Day} waits: {Reason}", day.AgreementId, day.Day, e.Message);
                }
            }
        }
        while (found == portion && failed == 0);

        // A process that was cut off from the broker may still report yesterday.
        await traffic.ForgetAsync(today.AddDays(-3), cancellationToken);
    }

    private async Task RecordAsync(DayOfTraffic day, CancellationToken cancellationToken)
    {
        if (AgreementId.TryParse(day.AgreementId, out var id))
        {
            await DecideAsync(id, new RecordTraffic(Smtp, day.Day, day.Messages), cause: null, cancellationToken);
        }

        await traffic.RecordedAsync(day, cancellationToken);
    }

    // A refusal is final too: the agreement has ended meanwhile.
    private async Task DecideAsync(AgreementId id, AgreementCommand command, string? cause, CancellationToken cancellationToken)
    {
        var (_, decision) = await agreements.DecideAsync<Decision<AgreementEvent>>(
            id.StreamId,
            state =>
            {
                var decided = Agreement.Decide(state, command, policies.Agreements, time.GetUtcNow());
                return (decided.Events, decided);
            },
            Smtp.ToString(),
            cause,
            cancellationToken);
        if (decision.Refusal is { } refusal)
        {
            logger.LogInformation("{Command} of {Agreement} came too late: {Refusal}", command.GetType().Name, id, refusal.Code);
        }
    }
}
