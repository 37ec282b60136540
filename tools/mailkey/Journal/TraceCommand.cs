using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Mailkey.Ledger;
using Mailkey.Tool.Configuration;
using Npgsql;

namespace Mailkey.Tool.Journal;

/// <summary><c>mailkey trace</c></summary>
internal static class TraceCommand
{
    /// <summary>Messages listed at most.</summary>
    private const int ListLimit = 50;

    public static Command Create(ToolConsole console, TimeProvider time)
    {
        var what = new Argument<string?>("what") { Description = "Queue id, Message-ID or address.", Arity = ArgumentArity.ZeroOrOne };
        var since = new Option<string?>("--since") { Description = "Only messages received since then: 2026-11-22T03:00 (UTC), or an age such as 30m, 2h, 3d." };
        var until = new Option<string?>("--until") { Description = "Only messages received before then." };
        var json = new Option<bool>("--json") { Description = "Print JSON: every message found, with its events." };
        var command = new ToolCommand(
            "trace",
            "Print the life of a message, from the connection to the last recipient.",
            """
            The queue id stands in the 250 that the client got, in our Received field, and in every log line. One message is
            printed whole; several are listed, the latest first. Refused transactions are there too.

            Examples:
              mailkey trace 0ABCDEF123456
              mailkey trace '<20261122.1@example.org>'
              mailkey trace alice@example.org --since 2h
              mailkey trace --since 10m
              mailkey trace bob@example.net --json | jq '.messages[].events[].type'
            """)
        { what, since, until, json };
        command.SetAction(async (result, cancellationToken) =>
        {
            var now = time.GetUtcNow();
            if (!TryTime(console, "--since", result.GetValue(since), now, out var from) || !TryTime(console, "--until", result.GetValue(until), now, out var to))
            {
                return ExitCode.NotDone;
            }

            if (result.GetValue(what) is null && from is null)
            {
                return console.Fail("trace needs a queue id, a Message-ID, an address, or --since.");
            }

            return await ServiceStore.Journal.ReadAsync(console, () => RunAsync(console, result.GetValue(what), from, to, result.GetValue(json), cancellationToken));
        });
        return command;
    }

    private static async Task<int> RunAsync(
        ToolConsole console, string? what, DateTimeOffset? since, DateTimeOffset? until, bool json, CancellationToken cancellationToken)
    {
        var options = ServiceOptions.Read();
        await using var database = NpgsqlDataSource.Create(options.Postgres.ConnectionString);
        var journal = new JournalReader(database);
        var found = await journal.FindAsync(what, since, until, ListLimit + 1, cancellationToken);
        if (found.Count == 0)
        {
            return console.Fail(NotFound(what, since, until, options.Journal.Retention), ExitCode.No);
        }

        if (json)
        {
            await JsonAsync(console, journal, found, cancellationToken);
        }
        else if (found.Count == 1)
        {
            new LifeOfMessage(found[0].QueueId, await journal.EventsAsync(found[0].QueueId, cancellationToken)).Write(console.Text);
        }
        else
        {
            List(console, found);
        }

        return ExitCode.Yes;
    }

    internal static bool TryTime(ToolConsole console, string option, string? text, DateTimeOffset now, out DateTimeOffset? time)
    {
        time = null;
        if (text is null)
        {
            return true;
        }

        if (TimeArgument.TryParse(text, now, out var parsed))
        {
            time = parsed;
            return true;
        }

        console.Fail($"{option}: \"{LifeOfMessage.Text(text)}\" is no time. Write 2026-11-22, 2026-11-22T03:04Z, or an age such as 90s, 30m, 2h, 3d.");
        return false;
    }

    private static string NotFound(string? what, DateTimeOffset? since, DateTimeOffset? until, TimeSpan retention)
    {
        var range = $"{(since is { } s ? $" since {LifeOfMessage.Time(s)}" : "")}{(until is { } u ? $" until {LifeOfMessage.Time(u)}" : "")}";
        return what is null
            ? $"no message was received{range}."
            : string.Create(CultureInfo.InvariantCulture, $"""
              nothing about {LifeOfMessage.Text(what)}{range}. It was looked for as a queue id, as a Message-ID, and as an address of the envelope.
                The journal is written within a second or so; when the journal service is down its queue keeps the events.
                Messages are kept for {retention.TotalDays:0.#} days. A client that never got to RCPT leaves no trace here: see the log of ingress.
              """);
    }

    private static void List(ToolConsole console, IReadOnlyList<FoundMessage> found)
    {
        foreach (var message in found.Take(ListLimit))
        {
            var others = message.Addresses.Where(address => !string.Equals(address, message.ReversePath, StringComparison.OrdinalIgnoreCase)).ToList();
            var to = others.Count switch
            {
                0 => "?",
                1 => $"<{LifeOfMessage.Text(others[0])}>",
                _ => string.Create(CultureInfo.InvariantCulture, $"<{LifeOfMessage.Text(others[0])}> and {others.Count - 1} more"),
            };
            var from = message.ReversePath is { } path ? $"<{LifeOfMessage.Text(path)}>" : "?";
            console.Text.WriteLine($"{LifeOfMessage.Time(message.ReceivedAt)}  {LifeOfMessage.Text(message.QueueId)}  {message.State,-9}  {from} -> {to}");
        }

        console.Text.WriteLine();
        console.Text.WriteLine(found.Count > ListLimit
            ? string.Create(CultureInfo.InvariantCulture, $"These are the latest {ListLimit}; --since and --until narrow it down. The whole life of one: mailkey trace QUEUE-ID")
            : "The whole life of one: mailkey trace QUEUE-ID");
    }

    private static Task JsonAsync(ToolConsole console, JournalReader journal, IReadOnlyList<FoundMessage> found, CancellationToken cancellationToken) =>
        console.WriteJsonAsync(
            async writer =>
            {
                writer.WriteBoolean("more", found.Count > ListLimit);
                writer.WriteStartArray("messages");
                foreach (var message in found.Take(ListLimit))
                {
                    writer.WriteStartObject();
                    writer.WriteString("queueId", message.QueueId);
                    writer.WriteString("receivedAt", message.ReceivedAt);
                    writer.WriteString("state", message.State);
                    writer.WriteString("messageId", message.MessageId);
                    writer.WriteString("reversePath", message.ReversePath);
                    writer.WriteStartArray("events");
                    foreach (var e in await journal.EventsAsync(message.QueueId, cancellationToken))
                    {
                        Event(writer, e);
                    }

                    writer.WriteEndArray();
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            },
            cancellationToken);

    private static void Event(Utf8JsonWriter writer, StoredEvent e)
    {
        writer.WriteStartObject();
        writer.WriteString("at", e.At);
        writer.WriteString("type", e.Type);
        writer.WriteString("id", e.Id);
        writer.WritePropertyName("data");

        // Written anew, so that the writer escapes whatever a terminal would obey.
        using var data = JsonDocument.Parse(e.Data);
        data.RootElement.WriteTo(writer);
        writer.WriteEndObject();
    }
}
