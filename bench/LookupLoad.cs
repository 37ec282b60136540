using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Credentials;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Ledger;
using Mailkey.Agreements.Lookups;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Mailkey.Ledger;
using Mailkey.Messaging.Agreements;
using Mailkey.Testkit.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Bench;

/// <summary>Looks agreements up among more and more of them: the time in the agreements service, and the memory of those who keep the answers.</summary>
internal static class LookupLoad
{
    private const int First = 10_000;
    private const int Questions = 2000;
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Measures at 10^4, 10^5 and so on, up to a number of rows, and gives the figures as Markdown.</summary>
    public static async Task<string> RunAsync(int rows, CancellationToken cancellationToken)
    {
        await using var postgres = await OwnPostgresServer.StartNewAsync(cancellationToken);
        await using var database = NpgsqlDataSource.Create($"{postgres.ConnectionString};Max Auto Prepare=50");
        await new SchemaMigrator(database, NullLogger<SchemaMigrator>.Instance).ApplyAsync([.. AgreementsLedger.Migrations(), CredentialStore.Migration], cancellationToken);
        var finder = new AgreementFinder(database, new PostgresEventStore(database, AgreementsLedger.Schema), TimeProvider.System, NullLogger<AgreementFinder>.Instance);
        var text = new StringBuilder();
        text.AppendLine("| rows | table and indexes MB | by id µs | by address µs | by subscription µs | nothing there µs | kept: octets each |").AppendLine("|---:|---:|---:|---:|---:|---:|---:|");
        List<(string Id, string Address, string Subscription)> known = [];
        for (var size = First; size <= rows; size *= 10)
        {
            Console.Error.WriteLine($"{size} rows");
            await FillAsync(database, known, size, cancellationToken);
            var random = new Random(size);
            var picked = Enumerable.Range(0, Questions).Select(_ => known[random.Next(known.Count)]).ToList();
            var byId = await TimeAsync(picked.Select(name => AgreementKey.OfId(name.Id)));
            var byAddress = await TimeAsync(picked.Select(name => AgreementKey.OfAddress(name.Address)));
            var bySubscription = await TimeAsync(picked.Select(name => AgreementKey.OfSubscription("a.example", $"{name.Subscription}@b.example", name.Subscription)));
            var nothing = await TimeAsync(picked.Select(_ => AgreementKey.OfAddress(UniqueAddress.Mint("nobody@b.example").ToString())));
            await using var measure = database.CreateCommand("SELECT pg_total_relation_size('agreements.agreement_list') >> 20");
            var megabytes = (long)(await measure.ExecuteScalarAsync(cancellationToken))!;
            text.AppendLine(
                CultureInfo.InvariantCulture, $"| {size} | {megabytes} | {byId:F0} | {byAddress:F0} | {bySubscription:F0} | {nothing:F0} | {await KeptAsync(picked):F0} |");
        }

        return text.ToString();

        // The median, without the bus.
        async Task<double> TimeAsync(IEnumerable<string> keys)
        {
            List<double> times = [];
            foreach (var key in keys)
            {
                var begun = Stopwatch.GetTimestamp();
                _ = await finder.FindAsync([key], cancellationToken) ?? throw new InvalidOperationException("no database");
                times.Add(Stopwatch.GetElapsedTime(begun).TotalMicroseconds);
            }

            times.Sort();
            return times[times.Count / 2];
        }

        // What one process of ingress keeps of an agreement that is known by id and address.
        async Task<double> KeptAsync(List<(string Id, string Address, string Subscription)> picked)
        {
            var memory = new AgreementMemory(new AgreementsSmtpOptions { CacheEntries = int.MaxValue }, TimeProvider.System);
            var before = GC.GetTotalMemory(forceFullCollection: true);
            foreach (var (_, address, _) in picked.Distinct())
            {
                foreach (var found in (await finder.FindAsync([AgreementKey.OfAddress(address)], cancellationToken))!)
                {
                    // As it comes from the bus: nothing shared with others.
                    memory.Keep(JsonSerializer.Deserialize<Mailkey.Contracts.Agreements.AgreementFound>(JsonSerializer.SerializeToUtf8Bytes(found))!, memory.Epoch);
                }
            }

            var kept = GC.GetTotalMemory(forceFullCollection: true) - before;
            GC.KeepAlive(memory);
            return (double)kept / picked.Distinct().Count();
        }
    }

    private static async Task FillAsync(NpgsqlDataSource database, List<(string Id, string Address, string Subscription)> known, int size, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using (var copy = await connection.BeginBinaryImportAsync(
            "COPY agreements.agreement_list (id, version, created_at, changed_at, state, account, forwarder, recipient, category, subscription, status, address) FROM STDIN (FORMAT BINARY)",
            cancellationToken))
        {
            while (known.Count < size)
            {
                var user = string.Create(CultureInfo.InvariantCulture, $"user{known.Count}");
                var (id, recipient) = (AgreementId.Mint(), $"{user}@b.example");
                var address = UniqueAddress.Mint(recipient).ToString();
                known.Add((id.ToString(), address, user));
                await copy.StartRowAsync(cancellationToken);
                await copy.WriteAsync(id.StreamId, NpgsqlDbType.Varchar, cancellationToken);
                await copy.WriteAsync(10L, NpgsqlDbType.Bigint, cancellationToken);
                await copy.WriteAsync(Now, NpgsqlDbType.TimestampTz, cancellationToken);
                await copy.WriteAsync(Now, NpgsqlDbType.TimestampTz, cancellationToken);
                await copy.WriteAsync(JsonSerializer.Serialize(State(recipient, user, address), AgreementsJson.Default.AgreementState), NpgsqlDbType.Jsonb, cancellationToken);
                foreach (var value in (string[])[recipient, "a.example", recipient, "mailing-list", user, "active-established", address])
                {
                    await copy.WriteAsync(value, NpgsqlDbType.Text, cancellationToken);
                }
            }

            await copy.CompleteAsync(cancellationToken);
        }

        await using var analyze = new NpgsqlCommand("ANALYZE agreements.agreement_list", connection) { CommandTimeout = 0 };
        await analyze.ExecuteNonQueryAsync(cancellationToken);
    }

    private static AgreementState State(string recipient, string subscription, string address) => AgreementState.None with
    {
        Phase = AgreementPhase.InForce,
        Forwarder = "a.example",
        Recipient = recipient,
        Account = recipient,
        Category = "mailing-list",
        Subscription = subscription,
        Methods = [AgreementMethod.Reference, AgreementMethod.Address],
        Versions = ImmutableList.Create(new TermsVersion(
            1,
            new()
            {
                Dnsbl = DnsblTerm.Skip,
                Spf = SpfTerm.Ignore,
                Mailkey = MailkeyTerm.IgnoreRecipientBinding,
                Feedback = Feedback.Off,
                Rate = 200,
                Size = 20 << 20,
            },
            Party.Forwarder,
            TermsStanding.Binding)),
        Version = 1,
        Trust = TrustLevel.Established,
        Address = address,
    };
}
