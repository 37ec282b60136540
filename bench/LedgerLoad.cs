using System.Diagnostics;
using System.Globalization;
using System.Text;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Ledger;
using Mailkey.Hosting.Postgres;
using Mailkey.Ledger;
using Mailkey.Ledger.Chain;
using Mailkey.Ledger.Subscriptions;
using Mailkey.Testkit.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Bench;

/// <summary>Fills a ledger of agreements and replays it.</summary>
internal static class LedgerLoad
{
    private const int PerAgreement = 10;
    private const int AgreementsPerBatch = 500;
    private static readonly DateTimeOffset Start = new(2026, 1, 5, 8, 0, 0, TimeSpan.Zero);

    /// <summary>Measures, and gives the figures as Markdown.</summary>
    public static async Task<string> RunAsync(int events, CancellationToken cancellationToken)
    {
        await using var postgres = await OwnPostgresServer.StartNewAsync(cancellationToken);
        await using var database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await new SchemaMigrator(database, NullLogger<SchemaMigrator>.Instance).ApplyAsync(AgreementsLedger.Migrations(), cancellationToken);
        var store = new PostgresEventStore(database, AgreementsLedger.Schema);
        var text = new StringBuilder();
        text.AppendLine("| | events | rows | seconds | events/s |").AppendLine("|---|---:|---:|---:|---:|");

        Console.Error.WriteLine($"appending {events} events");
        var begun = Stopwatch.GetTimestamp();
        long appended = 0;
        while (appended < events)
        {
            List<NewEvent> batch = [];
            for (var i = 0; i < AgreementsPerBatch; i++)
            {
                batch.AddRange(Life(appended + i));
            }

            appended += await store.AppendBatchAsync(batch, cancellationToken);
        }

        Line("append, in batches", appended, null);

        Console.Error.WriteLine("reading and decoding");
        begun = Stopwatch.GetTimestamp();
        var upTo = await store.SafePositionAsync(cancellationToken);
        long decoded = 0;
        await foreach (var stored in store.ReadRangeAsync(0, upTo, cancellationToken))
        {
            decoded += AgreementsLedger.Catalog.TryDecode(stored, out _) ? 1 : 0;
        }

        Line("read and decode", decoded, null);

        Console.Error.WriteLine("verifying");
        begun = Stopwatch.GetTimestamp();
        var audit = new ChainAudit();
        await foreach (var stored in store.ReadRangeAsync(0, upTo, cancellationToken))
        {
            if (audit.Next(stored) is { } problem)
            {
                throw new InvalidOperationException($"{problem.StreamId}: {problem.Problem}");
            }
        }

        Line("read and verify hashes", audit.Events, null);

        Console.Error.WriteLine("rebuilding the read models");
        begun = Stopwatch.GetTimestamp();
        long rows = 0;
        foreach (var projection in AgreementsLedger.Projections)
        {
            // The live one has seen nothing, so there is nothing to compare with: what is made takes its place.
            rows += (await new ProjectionReplay(database, store, AgreementsLedger.Catalog).RunAsync(projection, AgreementsLedger.Schema, replace: true, null, cancellationToken)).Rows;
        }

        Line("rebuild the read models", appended, rows);
        return text.ToString();

        void Line(string what, long count, long? made)
        {
            var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            text.AppendLine(CultureInfo.InvariantCulture, $"| {what} | {count} | {made} | {seconds:F1} | {count / seconds:F0} |");
        }
    }

    // An agreement that came into force and lived for a while.
    private static IReadOnlyList<NewEvent> Life(long number)
    {
        var stream = AgreementId.Mint().StreamId;
        var user = string.Create(CultureInfo.InvariantCulture, $"user{number % 50_000}@b.example");
        var terms = new Terms
        {
            Dnsbl = DnsblTerm.Skip,
            Spf = SpfTerm.Ignore,
            Mailkey = MailkeyTerm.IgnoreRecipientBinding,
            Feedback = new(FeedbackFormat.Arf, "abuse@a.example"),
            Rate = 200,
            Size = 20 << 20,
        };
        var at = Start.AddMinutes(number % 100_000);
        AgreementEvent[] life =
        [
            new AgreementProposed
            {
                Forwarder = string.Create(CultureInfo.InvariantCulture, $"a{number % 1000}.example"),
                Recipient = user,
                Account = user,
                Category = "mailing-list",
                Subscription = "dev.lists.a.example",
                DisplayName = "Developers",
                Methods = [AgreementMethod.Reference],
                By = Party.Forwarder,
                Terms = terms,
                AnswerBy = at.AddDays(3),
            },
            new ProofRequested([], at.AddDays(3)),
            new ProofAccepted([], at.AddDays(14)),
            new ConsentRequested(1, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", at.AddDays(14)),
            new AgreementActivated(1, new Probation(20, 1 << 20, at.AddDays(30))),
            .. Enumerable.Range(0, PerAgreement - 6).Select(day => new TrafficRecorded(DateOnly.FromDateTime(at.UtcDateTime).AddDays(day), 5 + day)),
            new AgreementPromoted(40, PerAgreement - 6),
        ];
        var encoded = life.Select((e, i) => AgreementsLedger.Catalog.Encode(e, Guid.CreateVersion7(at.AddSeconds(i)), stream, at.AddSeconds(i))).ToArray();
        return EventChain.Bind(EventChain.Origin, 0, encoded, $"user:{user}", null).Events;
    }
}
