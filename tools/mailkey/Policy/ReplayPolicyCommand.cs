using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Mailkey.Policy;
using Mailkey.Policy.Replay;
using Mailkey.Tool.Configuration;
using Mailkey.Tool.Journal;
using Npgsql;

namespace Mailkey.Tool.Policy;

/// <summary><c>mailkey policy forecast</c> and <c>mailkey policy replay</c>: stored mail under another policy.</summary>
internal static class ReplayPolicyCommand
{
    /// <summary>Domains printed; JSON has ten times as many.</summary>
    private const int DomainsShown = 20;
    private const int DomainsInJson = 200;

    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(2);

    public static Command CreateForecast(ToolConsole console, TimeProvider time)
    {
        var (policy, stage, since, until, json) = Options();
        stage.Required = true;
        var command = new ToolCommand(
            "forecast",
            "Say how much mail a stage would have refused, and whose.",
            """
            Judges the stored mail of a time anew, as if the stage had been another one. Nothing is changed. "Refused" is for
            good (550), "put off" is 451. "Accepted then" are those that really came in: mail that somebody would miss.

            Examples:
              mailkey policy forecast --stage require-all --since 24h
              mailkey policy forecast --stage require-listed --since 7d --json
            """)
        { stage, since, until, policy, json };
        command.SetAction((result, cancellationToken) => RunAsync(
            console, time, new(result.GetValue(policy), result.GetValue(stage), result.GetValue(since)!, result.GetValue(until)), Forecast(console, result.GetValue(stage)!, result.GetValue(json)), cancellationToken));
        return command;
    }

    public static Command Create(ToolConsole console, TimeProvider time)
    {
        var (policy, stage, since, until, json) = Options();
        var command = new ToolCommand(
            "replay",
            "Run stored mail under another policy and print the difference.",
            """
            Each stored message is decided again on the evidence of then; nothing is asked of the network, nothing is changed.
            Greylisting and rate limits start from an empty memory and go by the times of the messages, so that mail of
            senders whom the running system knows already may show as greylisted. Without --policy the configured file is
            taken, without --stage the configured stage.

            Examples:
              mailkey policy replay --policy new.json --since 24h
              mailkey policy replay --policy new.json --stage require-listed --since 2026-11-01 --until 2026-11-08
              mailkey policy replay --stage observe --since 7d --json | jq .changed
            """)
        { policy, stage, since, until, json };
        command.SetAction((result, cancellationToken) => RunAsync(
            console, time, new(result.GetValue(policy), result.GetValue(stage), result.GetValue(since)!, result.GetValue(until)), Difference(console, result.GetValue(json)), cancellationToken));
        return command;
    }

    private static (Option<string?> Policy, Option<string?> Stage, Option<string> Since, Option<string?> Until, Option<bool> Json) Options() =>
    (
        new("--policy") { Description = "Policy file; the configured one when not given." },
        new("--stage") { Description = $"One of {StagePolicy.StageNames}." },
        new("--since") { Description = "Mail received since then: 2026-11-22T03:00 (UTC), or an age such as 30m, 24h, 7d.", Required = true },
        new("--until") { Description = "Mail received before then." },
        new("--json") { Description = "Print JSON." });

    private static async Task<int> RunAsync(
        ToolConsole console, TimeProvider time, ReplayOrder order, Func<PolicyReplay, StoredMessages, DateTimeOffset, CancellationToken, Task> print, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (!TraceCommand.TryTime(console, "--since", order.Since, now, out var since) || !TraceCommand.TryTime(console, "--until", order.Until, now, out var until))
        {
            return ExitCode.NotDone;
        }

        return await ServiceStore.Journal.ReadAsync(console, () => ReplayAsync(console, time, order, since!.Value, until, print, cancellationToken));
    }

    private static async Task<int> ReplayAsync(
        ToolConsole console, TimeProvider time, ReplayOrder order, DateTimeOffset since, DateTimeOffset? until, Func<PolicyReplay, StoredMessages, DateTimeOffset, CancellationToken, Task> print,
        CancellationToken cancellationToken)
    {
        var options = ServiceOptions.Read();
        if (PolicySource.Read(console, options, order.Policy, order.Stage) is not { } policy)
        {
            return ExitCode.NotDone;
        }

        await using var database = NpgsqlDataSource.Create(options.Postgres.ConnectionString);
        var stored = new StoredMessages(database);
        var replay = new PolicyReplay(policy);
        var told = time.GetTimestamp();
        await foreach (var message in stored.ReadAsync(since, until, cancellationToken))
        {
            replay.Add(message);
            if (time.GetElapsedTime(told) >= ProgressInterval)
            {
                told = time.GetTimestamp();
                await console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{replay.Messages} messages, up to {LifeOfMessage.Time(message.Input.ReceivedAt)}"));
            }
        }

        await print(replay, stored, since, cancellationToken);
        return ExitCode.Yes;
    }

    private static Func<PolicyReplay, StoredMessages, DateTimeOffset, CancellationToken, Task> Forecast(ToolConsole console, string stage, bool json) => (replay, stored, since, cancellationToken) =>
    {
        if (json)
        {
            return JsonAsync(console, writer =>
            {
                writer.WriteString("stage", stage);
                writer.WriteString("since", since);
                Totals(writer, replay, stored);
                Domains(writer, replay);
            }, cancellationToken);
        }

        var output = console.Text;
        output.WriteLine(Text($"The stage {stage} would have refused {replay.WouldRefuse} of {replay.Messages} messages since {LifeOfMessage.Time(since)}{(replay.WouldDefer > 0 ? Text($", and put off {replay.WouldDefer}") : "")}."));
        output.WriteLine(Text($"Of those {replay.WouldRefuse + replay.WouldDefer}, {replay.AcceptedNow} were accepted then."));
        if (replay.WouldRefuse + replay.WouldDefer > 0)
        {
            output.WriteLine();
            output.WriteLine("   refused   put off  accepted then  of messages  sender domain");
            foreach (var domain in replay.Domains.Take(DomainsShown))
            {
                output.WriteLine(Text($"{domain.WouldRefuse,10}{domain.WouldDefer,10}{domain.AcceptedNow,15}{domain.Messages,13}  {Name(domain.Domain)}"));
            }

            if (replay.Domains.Skip(DomainsShown).Any())
            {
                output.WriteLine(Text($"and {replay.Domains.Count() - DomainsShown} more domains"));
            }
        }

        Notes(output, replay, stored);
        return Task.CompletedTask;
    };

    private static Func<PolicyReplay, StoredMessages, DateTimeOffset, CancellationToken, Task> Difference(ToolConsole console, bool json) => (replay, stored, since, cancellationToken) =>
    {
        if (json)
        {
            return JsonAsync(console, writer =>
            {
                writer.WriteString("since", since);
                Totals(writer, replay, stored);
                Changes(writer, replay);
                Domains(writer, replay);
            }, cancellationToken);
        }

        var output = console.Text;
        output.WriteLine(Text($"{replay.Messages} messages since {LifeOfMessage.Time(since)}: {replay.Changed} with another outcome, {replay.OtherRule} with the same by another rule."));
        foreach (var change in replay.Changes)
        {
            output.WriteLine();
            output.WriteLine(Text($"{change.Before} -> {change.After}: {change.Count}"));
            foreach (var (before, after, count) in change.Rules)
            {
                output.WriteLine(Text($"{count,10}  {LifeOfMessage.Text(before)} -> {after}"));
            }

            foreach (var example in change.Examples)
            {
                output.WriteLine($"            such as {LifeOfMessage.Text(example.QueueId)}  <{LifeOfMessage.Text(example.Input.Envelope.ReversePath)}>");
            }
        }

        if (replay.Changed > 0)
        {
            output.WriteLine();
            output.WriteLine("Why: mailkey policy explain FILE --message QUEUE-ID");
        }

        Notes(output, replay, stored);
        return Task.CompletedTask;
    };

    private static string Text(FormattableString text) => FormattableString.Invariant(text);

    private static string Name(string domain) => domain.Length == 0 ? "(none)" : LifeOfMessage.Text(domain);

    private static void Notes(TextWriter output, PolicyReplay replay, StoredMessages stored)
    {
        if (replay.WithoutHistory > 0)
        {
            output.WriteLine();
            output.WriteLine(Text($"For {replay.WithoutHistory} messages no history of the sender is stored, since no rule asked for it then: rules about history were skipped."));
        }

        if (stored.Unjudged + stored.Unreadable > 0)
        {
            output.WriteLine();
            output.WriteLine(Text($"Left out: {stored.Unjudged} without a verdict (our own reports, refusals before the content), {stored.Unreadable} unreadable."));
        }
    }

    private static void Totals(Utf8JsonWriter writer, PolicyReplay replay, StoredMessages stored)
    {
        writer.WriteNumber("messages", replay.Messages);
        writer.WriteNumber("changed", replay.Changed);
        writer.WriteNumber("otherRule", replay.OtherRule);
        writer.WriteNumber("wouldRefuse", replay.WouldRefuse);
        writer.WriteNumber("wouldDefer", replay.WouldDefer);
        writer.WriteNumber("acceptedThen", replay.AcceptedNow);
        writer.WriteNumber("withoutHistory", replay.WithoutHistory);
        writer.WriteNumber("withoutVerdict", stored.Unjudged);
        writer.WriteNumber("unreadable", stored.Unreadable);
        writer.WriteStartObject("outcomes");
        foreach (var (outcome, count) in replay.Outcomes.OrderBy(outcome => outcome.Key, StringComparer.Ordinal))
        {
            writer.WriteNumber(outcome, count);
        }

        writer.WriteEndObject();
    }

    private static void Changes(Utf8JsonWriter writer, PolicyReplay replay)
    {
        writer.WriteStartArray("changes");
        foreach (var change in replay.Changes)
        {
            writer.WriteStartObject();
            writer.WriteString("before", change.Before);
            writer.WriteString("after", change.After);
            writer.WriteNumber("count", change.Count);
            writer.WriteStartArray("rules");
            foreach (var (before, after, count) in change.Rules)
            {
                writer.WriteStartObject();
                writer.WriteString("before", before);
                writer.WriteString("after", after);
                writer.WriteNumber("count", count);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteStartArray("examples");
            foreach (var example in change.Examples)
            {
                writer.WriteStringValue(example.QueueId);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Domains(Utf8JsonWriter writer, PolicyReplay replay)
    {
        writer.WriteStartArray("domains");
        foreach (var domain in replay.Domains.Take(DomainsInJson))
        {
            writer.WriteStartObject();
            writer.WriteString("domain", domain.Domain);
            writer.WriteNumber("messages", domain.Messages);
            writer.WriteNumber("wouldRefuse", domain.WouldRefuse);
            writer.WriteNumber("wouldDefer", domain.WouldDefer);
            writer.WriteNumber("acceptedThen", domain.AcceptedNow);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static Task JsonAsync(ToolConsole console, Action<Utf8JsonWriter> write, CancellationToken cancellationToken) =>
        console.WriteJsonAsync(
            writer =>
            {
                write(writer);
                return Task.CompletedTask;
            },
            cancellationToken);

    private sealed record ReplayOrder(string? Policy, string? Stage, string Since, string? Until);
}
