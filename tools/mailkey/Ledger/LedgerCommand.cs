using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Mailkey.Agreements.Ledger;
using Mailkey.Ledger;
using Mailkey.Ledger.Chain;
using Mailkey.Ledger.Subscriptions;
using Mailkey.Tool.Configuration;
using Mailkey.Tool.Journal;
using Npgsql;

namespace Mailkey.Tool.Ledger;

/// <summary><c>mailkey ledger</c></summary>
internal static class LedgerCommand
{
    private const string Schema = AgreementsLedger.Schema;

    /// <summary>Problems printed at most; the number of all is told.</summary>
    private const int MaxProblems = 20;

    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(2);

    public static Command Create(ToolConsole console, TimeProvider time) =>
        new("ledger", "Print, export, verify and replay the ledger of agreements.")
        {
            History(console, time),
            Export(console),
            Verify(console, time),
            Replay(console, time),
        };

    private static ToolCommand History(ToolConsole console, TimeProvider time)
    {
        var what = new Argument<string>("what") { Description = "An agreement's id, a user's address, a forwarder's domain, or the id of any stream." };
        var category = new Option<string?>("--category") { Description = "Only agreements of this category, such as newsletter." };
        var byCategory = new Option<bool>("--by-category") { Description = "Category by category, and within each in historical order." };
        var asOf = new Option<string?>("--as-of") { Description = "As it was then: 2026-11-22T03:00 (UTC), or an age such as 2h, 3d." };
        var json = new Option<bool>("--json") { Description = "Print the events as they are exported, one in each line." };
        var command = new ToolCommand(
            "history",
            "Print what happened, in historical order: when, who, what.",
            """
            Of a user: all agreements over all forwarders. Of a forwarder: the organisation, and all agreements with it.

            Examples:
              mailkey ledger history agreement-7f3q
              mailkey ledger history ann@example.org --by-category
              mailkey ledger history lists.example.net --category mailing-list --as-of 3d
            """)
        { what, category, byCategory, asOf, json };
        command.SetAction((result, cancellationToken) => GuardedAsync(console, async (database, store) =>
        {
            if (!TraceCommand.TryTime(console, "--as-of", result.GetValue(asOf), time.GetUtcNow(), out var then))
            {
                return ExitCode.NotDone;
            }

            var subject = result.GetValue(what)!;
            var streams = await LedgerSubject.StreamsAsync(subject, database, store, cancellationToken);
            var only = result.GetValue(category);
            List<(string? Category, StoredEvent Stored)> events = [];
            foreach (var stream in streams.Where(stream => only is null || stream.Category == only))
            {
                await foreach (var stored in store.ReadStreamAsync(stream.Id, 0, then, cancellationToken))
                {
                    events.Add((stream.Category, stored));
                }
            }

            if (events.Count == 0)
            {
                return console.Fail(
                    $"nothing is known of {LifeOfMessage.Text(subject)}{(only is null ? "" : $" in the category {LifeOfMessage.Text(only)}")}{(then is null ? "" : " at that time")}.",
                    ExitCode.No);
            }

            string? heading = null;
            foreach (var (of, stored) in events
                .OrderBy(e => result.GetValue(byCategory) ? e.Category ?? "" : "", StringComparer.Ordinal)
                .ThenBy(e => e.Stored.Position))
            {
                if (result.GetValue(json))
                {
                    await WriteAsync(console.Output, stored, cancellationToken);
                    continue;
                }

                if (result.GetValue(byCategory) && of is not null && of != heading)
                {
                    console.Text.WriteLine($"{LifeOfMessage.Text(of)}:");
                    heading = of;
                }

                Print(console.Text, stored, isOneOfMany: streams.Count > 1);
            }

            return ExitCode.Yes;
        }));
        return command;
    }

    private static ToolCommand Export(ToolConsole console)
    {
        var command = new ToolCommand(
            "export",
            "Write the whole ledger to standard output, one event in each line.",
            """
            The file is JSON, line by line, in the order of events, and holds all that its verification needs.

            Examples:
              mailkey ledger export > ledger.jsonl
              mailkey ledger verify ledger.jsonl
            """);
        command.SetAction((_, cancellationToken) => GuardedAsync(console, async store =>
        {
            await foreach (var stored in store.ReadRangeAsync(0, await store.SafePositionAsync(cancellationToken), cancellationToken))
            {
                await WriteAsync(console.Output, stored, cancellationToken);
            }

            return ExitCode.Yes;
        }));
        return command;
    }

    private static ToolCommand Verify(ToolConsole console, TimeProvider time)
    {
        var file = new Argument<string?>("file") { Description = "An exported ledger; - reads standard input. Default: the ledger in the database.", Arity = ArgumentArity.ZeroOrOne };
        var heads = new Option<bool>("--heads") { Description = "Print the last hash of every stream: stream, version, hash." };
        var command = new ToolCommand(
            "verify",
            "Check that no event of the ledger was changed, removed or put in.",
            """
            Every event holds a hash of itself and of the one before it in its stream. A file needs neither database nor network.
            What the chain alone cannot show is a stream whose end, or all of it, is gone: keep the output of --heads apart, and compare.

            Examples:
              mailkey ledger verify
              mailkey ledger verify ledger.jsonl
              mailkey ledger verify --heads | sort > heads-2026-11.txt
            """)
        { file, heads };
        command.SetAction(async (result, cancellationToken) =>
        {
            switch (result.GetValue(file))
            {
                case null:
                    return await GuardedAsync(console, store => AuditAsync(console, time, EventsOf(store, cancellationToken), result.GetValue(heads)));
                case "-":
                    return await OfFileAsync(console.Input);
                case var path:
                    await using (var input = File.OpenRead(path))
                    {
                        return await OfFileAsync(input);
                    }
            }

            async Task<int> OfFileAsync(Stream input)
            {
                try
                {
                    return await AuditAsync(console, time, LedgerFile.ReadAsync(input, cancellationToken), result.GetValue(heads));
                }
                catch (FormatException e)
                {
                    return console.Fail(e.Message);
                }
            }
        });
        return command;
    }

    private static ToolCommand Replay(ToolConsole console, TimeProvider time)
    {
        var replace = new Option<bool>("--replace") { Description = "Put what was made into the place of the live read models." };
        var command = new ToolCommand(
            "replay",
            "Make every read model again from the first event, and compare it with the live one.",
            """
            The services may run meanwhile: what is made stands beside the live tables, and the two are compared at the same event. A
            difference is a defect, or somebody changed a table by hand; --replace mends it. Events are never touched.

            Examples:
              mailkey ledger replay
              mailkey ledger replay --replace
            """)
        { replace };
        command.SetAction((result, cancellationToken) => GuardedAsync(console, async (database, store) =>
        {
            var replay = new ProjectionReplay(database, store, AgreementsLedger.Catalog);
            var differences = 0;
            foreach (var projection in AgreementsLedger.Projections)
            {
                var begun = time.GetTimestamp();
                var made = await replay.RunAsync(projection, Schema, result.GetValue(replace), new ReplayReport(console, time, projection.Name), cancellationToken);
                var seconds = time.GetElapsedTime(begun).TotalSeconds;
                differences += made.Differences.Count;
                console.Text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{projection.Name}: {made.Events} events, {made.Rows} rows, {seconds:F1} s: {Outcome(made)}"));
                foreach (var difference in made.Differences)
                {
                    console.Text.WriteLine($"  only {difference.Side}, {difference.Table}: {LifeOfMessage.Text(difference.Row)}");
                }
            }

            return differences == 0 || result.GetValue(replace) ? ExitCode.Yes : ExitCode.No;
        }));
        return command;

        static string Outcome(ReplayResult made) => (made.Differences.Count, made.Replaced) switch
        {
            (0, false) => "equal to the live one.",
            (0, true) => "equal to the live one, and in its place now.",
            (_, false) => "NOT equal to the live one.",
            _ => "was not equal to the live one, and is in its place now.",
        };
    }

    private static async Task<int> AuditAsync(ToolConsole console, TimeProvider time, IAsyncEnumerable<StoredEvent> events, bool heads)
    {
        var audit = new ChainAudit();
        var problems = 0;
        var told = time.GetTimestamp();
        await foreach (var stored in events)
        {
            if (audit.Next(stored) is { } problem && ++problems <= MaxProblems)
            {
                console.Text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{LifeOfMessage.Text(problem.StreamId)}, event {problem.Version}: {LifeOfMessage.Text(problem.Problem)}"));
            }

            if (time.GetElapsedTime(told) > ProgressInterval)
            {
                told = time.GetTimestamp();
                await console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{audit.Events} events"));
            }
        }

        if (heads)
        {
            foreach (var (stream, version, hash) in audit.Heads)
            {
                console.Text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{LifeOfMessage.Text(stream)} {version} {hash}"));
            }
        }

        // With --heads standard output is for a file.
        await (heads ? console.Error : console.Text).WriteLineAsync(problems == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{audit.Events} events in {audit.Streams} streams: every hash fits.")
            : string.Create(CultureInfo.InvariantCulture, $"{audit.Events} events in {audit.Streams} streams: {problems} streams are broken."));
        return problems == 0 ? ExitCode.Yes : ExitCode.No;
    }

    private static async IAsyncEnumerable<StoredEvent> EventsOf(PostgresEventStore store, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var stored in store.ReadRangeAsync(0, await store.SafePositionAsync(cancellationToken), cancellationToken))
        {
            yield return stored;
        }
    }

    private static void Print(TextWriter output, StoredEvent stored, bool isOneOfMany)
    {
        var headers = EventHeaders.Read(stored.Headers);
        using var data = JsonDocument.Parse(stored.Data);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{LifeOfMessage.Time(stored.At)}  {stored.Version,4}  {LifeOfMessage.Text(stored.Type)}  by {LifeOfMessage.Text(headers?.Actor ?? "?")}{(isOneOfMany ? $"  in {LifeOfMessage.Text(stored.StreamId)}" : "")}"));
        foreach (var property in data.RootElement.EnumerateObject())
        {
            output.WriteLine($"                                {LifeOfMessage.Text(property.Name)}: {LifeOfMessage.Text(property.Value.ToString())}");
        }
    }

    private static async Task WriteAsync(Stream output, StoredEvent stored, CancellationToken cancellationToken)
    {
        var line = new ArrayBufferWriter<byte>();
        LedgerFile.Write(stored, line);
        await output.WriteAsync(line.WrittenMemory, cancellationToken);
    }

    private static Task<int> GuardedAsync(ToolConsole console, Func<PostgresEventStore, Task<int>> run) => GuardedAsync(console, (_, store) => run(store));

    private static Task<int> GuardedAsync(ToolConsole console, Func<NpgsqlDataSource, PostgresEventStore, Task<int>> run) => ServiceStore.Ledger.ReadAsync(console, async () =>
    {
        await using var database = NpgsqlDataSource.Create(ServiceOptions.Read().Postgres.ConnectionString);
        return await run(database, new(database, Schema));
    });

    private sealed class ReplayReport(ToolConsole console, TimeProvider time, string name) : IProgress<ReplayProgress>
    {
        private long _told = time.GetTimestamp();

        public void Report(ReplayProgress value)
        {
            if (time.GetElapsedTime(_told) > ProgressInterval)
            {
                _told = time.GetTimestamp();
                console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {value.Events} events, {100 * value.Position / Math.Max(1, value.UpTo)} %"));
            }
        }
    }
}
