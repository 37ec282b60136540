using Mailkey.Agreements.Decisions;
using Decision = Mailkey.Agreements.Decisions.Decision<Mailkey.Agreements.Agreements.AgreementEvent>;

namespace Mailkey.Agreements.Agreements;

public static partial class Agreement
{
    private static Decision OnRecordTraffic(AgreementState state, RecordTraffic c, AgreementPolicy policy)
    {
        // What is late, or lower than what is known, is a repetition: counts of a day only grow.
        var isKnown = c.Day < state.Traffic.LastDay || (c.Day == state.Traffic.LastDay && c.Messages <= state.Traffic.LastDayMessages);
        if (c.Messages <= 0 || isKnown)
        {
            return Decision.Nothing;
        }

        List<AgreementEvent> events = [new TrafficRecorded(c.Day, c.Messages)];
        var average = state.Traffic.AverageBefore(c.Day);
        if (average > 0 && c.Messages >= policy.Trust.VolumeFloor && c.Messages > (long)average * policy.Trust.VolumeFactor)
        {
            events.AddRange(Misused(state, MisuseKind.SuddenVolume, $"{c.Day:yyyy-MM-dd}", policy));
        }

        return Decision.Of(events);
    }

    private static Decision OnComplain(AgreementState state, Complain c, AgreementPolicy policy, DateTimeOffset now)
    {
        if (!SingleLine.IsAcceptable(c.Reference, MaxReferenceLength) || !Enum.IsDefined(c.Class) || !Enum.IsDefined(c.Scope))
        {
            return AgreementRefusals.ReferenceInvalid;
        }

        if (state.Reports.Contains(ReportOf(c.Scope, c.Reference)))
        {
            return Decision.Nothing;
        }

        if (CountReports(state, ofMisuse: false) >= MaxReports)
        {
            return AgreementRefusals.TooManyReports;
        }

        List<AgreementEvent> events = [new ComplaintReceived(c.Scope, c.Class, c.Reference)];
        var step = policy.Trust.Complaints.FirstOrDefault(step => step.Class == c.Class && step.Scope == c.Scope);
        var count = CountOf(state, c.Class, c.Scope) + 1;
        if (state.Phase == AgreementPhase.InForce && step is not null && count >= step.At && !state.Holds.Contains(Hold.Complaints))
        {
            events.Add(step.DemoteFirst && state.Trust == TrustLevel.Established
                ? new AgreementDemoted(DemotionReason.Complaints, policy.Trust.BeginProbation(now))
                : new AgreementSuspended(Hold.Complaints, $"{count} complaints: {KebabCase<ComplaintClass>.Word(c.Class)}, about the {KebabCase<ComplaintScope>.Word(c.Scope)}"));
        }

        return Decision.Of(events);
    }

    private static Decision OnReportMisuse(AgreementState state, ReportMisuse c, AgreementPolicy policy, DateTimeOffset now)
    {
        if (!SingleLine.IsAcceptable(c.Reference, MaxReferenceLength) || !Enum.IsDefined(c.Kind))
        {
            return AgreementRefusals.ReferenceInvalid;
        }

        if (state.Reports.Contains(ReportOf(c.Kind, c.Reference)))
        {
            return Decision.Nothing;
        }

        return c.Kind == MisuseKind.AddressUsedByAnother ? OnLeak(state, c.Reference, policy)
            : c.Kind == MisuseKind.MessageReplayed ? OnReplay(state, c.Reference, policy, DateOnly.FromDateTime(now.UtcDateTime))
            : CountReports(state, ofMisuse: true) >= MaxReports ? AgreementRefusals.TooManyReports
            : Decision.Of([.. Misused(state, c.Kind, c.Reference, policy)]);
    }

    // An alarm, once for each address: whoever has it is anybody, and must neither stop the user's mail, nor spoil the forwarder's name, nor
    // use up what is kept of reports.
    private static Decision OnLeak(AgreementState state, string reference, AgreementPolicy policy)
    {
        if (state.Address is not { } address || state.LeakedAddress == address)
        {
            return Decision.Nothing;
        }

        return policy.Trust.SuspendsOnLeak && !state.Holds.Contains(Hold.AddressLeak)
            ? Decision.Of(new AddressLeaked(address, reference), new AgreementSuspended(Hold.AddressLeak, KebabCase<MisuseKind>.Word(MisuseKind.AddressUsedByAnother)))
            : new AddressLeaked(address, reference);
    }

    // An alarm too, for the same reasons; every few days at most, since those who replay choose how often they do.
    private static Decision OnReplay(AgreementState state, string reference, AgreementPolicy policy, DateOnly today) =>
        state.Replayed is { } last && today.DayNumber - last.DayNumber < policy.Trust.ReplayAlarmDays ? Decision.Nothing : new MessageReplayed(today, reference);

    private static IEnumerable<AgreementEvent> Misused(AgreementState state, MisuseKind kind, string reference, AgreementPolicy policy)
    {
        if (state.Reports.Contains(ReportOf(kind, reference)) || CountReports(state, ofMisuse: true) >= MaxReports)
        {
            yield break;
        }

        yield return new MisuseObserved(kind, reference);
        if (policy.Trust.Misuse.TryGetValue(kind, out var limit) && CountOf(state, kind) + 1 >= limit && !state.Holds.Contains(Hold.Misuse))
        {
            yield return new AgreementSuspended(Hold.Misuse, KebabCase<MisuseKind>.Word(kind));
        }
    }

    private static Decision OnReviewTrust(AgreementState state, AgreementPolicy policy, DateTimeOffset now)
    {
        if (state.Trust == TrustLevel.Established)
        {
            return Decision.Nothing;
        }

        var (traffic, trust) = (state.Traffic, policy.Trust);
        return state.Probation?.ReviewFrom > now ? AgreementRefusals.HistoryTooShort.With("Probation goes on.")
            : traffic.Messages < trust.HistoryMessages ? AgreementRefusals.HistoryTooShort.With($"{traffic.Messages} of {trust.HistoryMessages} messages.")
            : traffic.Days < trust.HistoryDays ? AgreementRefusals.HistoryTooShort.With($"{traffic.Days} of {trust.HistoryDays} days with messages.")
            : (state.Complaints.Sum(c => (long)c.Count) + state.Misuse.Sum(m => m.Count)) * 1000 > (long)traffic.Messages * trust.ReportsPerThousand
                ? AgreementRefusals.HistoryTooShort.With($"More than {trust.ReportsPerThousand} complaints or observations of misuse for 1000 messages.")
            : new AgreementPromoted(traffic.Messages, traffic.Days);
    }

    private static Decision OnSuspend(AgreementState state, Suspend c)
    {
        var hold = c.Actor.Kind == ActorKind.Operator ? Hold.Operator : Hold.Organization;
        return state.Holds.Contains(hold) ? Decision.Nothing : Reasoned(c.Reason, reason => new AgreementSuspended(hold, reason));
    }

    private static Decision OnLiftSuspension(AgreementState state, LiftSuspension c, AgreementPolicy policy, DateTimeOffset now)
    {
        if (c.Hold == Hold.Pause || (c.Actor.Kind == ActorKind.System && c.Hold != Hold.Organization))
        {
            return AgreementRefusals.NotYours;
        }

        if (!state.Holds.Contains(c.Hold))
        {
            return Decision.Nothing;
        }

        // After bad conduct trust is won again from the beginning.
        return c.Hold is Hold.Operator or Hold.Organization
            ? new SuspensionLifted(c.Hold)
            : Decision.Of(new SuspensionLifted(c.Hold), new AgreementDemoted(DemotionReason.AfterSuspension, policy.Trust.BeginProbation(now)));
    }
}
