using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Mailkey.Smtp;
using Mailkey.Tool.Configuration;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Mailkey.Tool.DeadLetters;

/// <summary><c>mailkey dead-letters</c></summary>
internal static class DeadLettersCommand
{
    /// <summary>Messages of one queue that are listed.</summary>
    private const int ListLimit = 1000;

    /// <summary>Characters of a body or a stack trace that are printed.</summary>
    private const int TextLimit = 64 * 1024;

    public static Command Create(ToolConsole console) => new ToolCommand(
        "dead-letters",
        "List, show and redeliver bus messages that no consumer could take.",
        """
        A message that fails again and again is put aside into the queue NAME_error, one that nobody understands into
        NAME_skipped, one that kills its consumer into mailkey-dead-letters. Nothing is lost there, and nothing happens
        to it either, until somebody has mended the reason and redelivers it.

        Examples:
          mailkey dead-letters list
          mailkey dead-letters show 08de2a4b-7a55-0000-d866-ce8c00000001
          mailkey dead-letters redeliver 08de2a4b-7a55-0000-d866-ce8c00000001
          mailkey dead-letters redeliver --all --queue journal_error
        """)
    {
        List(console),
        Show(console),
        Redeliver(console),
    };

    private static Option<string[]> QueueOption() => new("--queue") { Description = "Look at this queue only; may be given again.", DefaultValueFactory = _ => [] };

    private static ToolCommand List(ToolConsole console)
    {
        var only = QueueOption();
        var command = new ToolCommand("list", "List the messages with the reason of each; nothing is taken away.", "Examples:\n  mailkey dead-letters list\n  mailkey dead-letters list --queue delivery_error") { only };
        command.SetAction((result, cancellationToken) => WithQueuesAsync(console, result.GetValue(only) ?? [], async (queues, names) =>
        {
            var count = 0;
            foreach (var (name, messages) in names)
            {
                await queues.WalkAsync(
                    name,
                    ListLimit,
                    (letter, _, _) =>
                    {
                        count++;
                        console.Text.WriteLine($"{Text(letter.Id)}  {Text(letter.Queue)}  {Text(letter.FaultedAt ?? "")}  {Text(ShortType(letter.Type))}");
                        console.Text.WriteLine($"    {Text(letter.Reason)}");
                        return Task.FromResult(false);
                    },
                    cancellationToken);
                if (messages > ListLimit)
                {
                    console.Text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{messages - ListLimit} more in {Text(name)}; redeliver --all takes them as well."));
                }
            }

            console.Text.WriteLine(count == 0
                ? "No dead letters."
                : string.Create(CultureInfo.InvariantCulture, $"{count} dead letters. mailkey dead-letters show ID prints one; when the reason is mended: mailkey dead-letters redeliver ID"));
            return ExitCode.Yes;
        }, cancellationToken));
        return command;
    }

    private static ToolCommand Show(ToolConsole console)
    {
        var id = new Argument<string>("id") { Description = "Id of the message as list prints it." };
        var only = QueueOption();
        var command = new ToolCommand("show", "Print one message: reason, stack trace, headers, body.", "Examples:\n  mailkey dead-letters show 08de2a4b-7a55-0000-d866-ce8c00000001") { id, only };
        command.SetAction((result, cancellationToken) => WithQueuesAsync(console, result.GetValue(only) ?? [], async (queues, names) =>
        {
            var wanted = result.GetRequiredValue(id);
            var found = false;
            foreach (var (name, messages) in names)
            {
                await queues.WalkAsync(
                    name,
                    messages,
                    (letter, _, _) =>
                    {
                        if (!found && string.Equals(letter.Id, wanted, StringComparison.OrdinalIgnoreCase))
                        {
                            found = true;
                            Print(console.Text, letter);
                        }

                        return Task.FromResult(false);
                    },
                    cancellationToken);
            }

            return found ? ExitCode.Yes : NotFound(console, wanted);
        }, cancellationToken));
        return command;
    }

    private static ToolCommand Redeliver(ToolConsole console)
    {
        var id = new Argument<string?>("id") { Description = "Id of the message as list prints it.", Arity = ArgumentArity.ZeroOrOne };
        var all = new Option<bool>("--all") { Description = "Redeliver every message of the queues." };
        var only = QueueOption();
        var command = new ToolCommand(
            "redeliver",
            "Put a message back into the queue it was meant for.",
            """
            The broker confirms the new message before the dead letter is removed. Should the command be stopped in between, both
            are there; consumers know a message that comes twice.

            Examples:
              mailkey dead-letters redeliver 08de2a4b-7a55-0000-d866-ce8c00000001
              mailkey dead-letters redeliver --all --queue delivery_error
            """)
        { id, all, only };
        command.SetAction((result, cancellationToken) =>
        {
            var wanted = result.GetValue(id);
            if ((wanted is null) != result.GetValue(all))
            {
                return Task.FromResult(console.Fail("redeliver needs either an id or --all."));
            }

            return WithQueuesAsync(console, result.GetValue(only) ?? [], async (queues, names) =>
            {
                var done = 0;
                var failed = 0;
                foreach (var (name, messages) in names)
                {
                    // No more than there were: one that fails again at once comes back while we are at it.
                    await queues.WalkAsync(
                        name,
                        messages,
                        async (letter, channel, cancel) =>
                        {
                            if (wanted is not null && (done + failed > 0 || !string.Equals(letter.Id, wanted, StringComparison.OrdinalIgnoreCase)))
                            {
                                return false;
                            }

                            var (isDone, line) = await RedeliverAsync(letter, channel, cancel);
                            _ = isDone ? done++ : failed++;
                            console.Text.WriteLine(line);
                            return isDone;
                        },
                        cancellationToken);
                }

                return failed > 0 ? ExitCode.No
                    : done > 0 ? ExitCode.Yes
                    : wanted is not null ? NotFound(console, wanted)
                    : console.Fail("there are no dead letters.", ExitCode.No);
            }, cancellationToken);
        });
        return command;
    }

    private static async Task<(bool IsDone, string Line)> RedeliverAsync(DeadLetter letter, IChannel channel, CancellationToken cancellationToken)
    {
        if (letter.OriginalQueue is not { } queue)
        {
            return (false, $"{Text(letter.Id)} stays in {Text(letter.Queue)}: nothing says which queue it was meant for.");
        }

        try
        {
            await DeadLetterQueues.RedeliverAsync(channel, queue, letter.Message, cancellationToken);
            return (true, $"{Text(letter.Id)} is in {Text(queue)} again.");
        }
        catch (PublishException)
        {
            return (false, $"{Text(letter.Id)} stays in {Text(letter.Queue)}: the broker has no queue {Text(queue)}.");
        }
    }

    private static async Task<int> WithQueuesAsync(
        ToolConsole console, string[] only, Func<DeadLetterQueues, IReadOnlyList<(string Queue, int Messages)>, Task<int>> use, CancellationToken cancellationToken)
    {
        try
        {
            var factory = new ConnectionFactory { Uri = new Uri(ServiceOptions.Read().RabbitMq.Uri), ClientProvidedName = "mailkey dead-letters", AutomaticRecoveryEnabled = false };
            await using var connection = await factory.CreateConnectionAsync(cancellationToken);
            var queues = new DeadLetterQueues(connection);
            var known = await queues.QueuesAsync(only, cancellationToken);
            var names = known.Where(queue => only.Length == 0 || only.Contains(queue.Queue, StringComparer.Ordinal)).Select(queue => (queue.Queue, (int)Math.Min(queue.Messages, int.MaxValue))).ToList();
            if (only.FirstOrDefault(name => !known.Any(queue => string.Equals(queue.Queue, name, StringComparison.Ordinal))) is { } missing)
            {
                return console.Fail($"the broker has no queue {Text(missing)}. Those of dead letters: {(known.Count == 0 ? "none yet" : string.Join(", ", known.Select(queue => queue.Queue)))}.");
            }

            return await use(queues, names);
        }
        catch (Exception e) when (e is BrokerUnreachableException or OperationInterruptedException or AlreadyClosedException)
        {
            return console.Fail($"the broker can't be reached: {(e.InnerException ?? e).Message} Mailkey:RabbitMq:Uri says where it is; mailkey config show prints it.");
        }
        catch (Exception e) when (e is InvalidOperationException or UriFormatException or FormatException)
        {
            return console.Fail($"the configuration can't be read: {e.Message} See mailkey config check.");
        }
    }

    private static void Print(TextWriter output, DeadLetter letter)
    {
        output.WriteLine($"Id        {Text(letter.Id)}");
        output.WriteLine($"In        {Text(letter.Queue)}");
        output.WriteLine($"Meant for {Text(letter.OriginalQueue ?? "unknown")}");
        output.WriteLine($"Type      {Text(letter.Type)}");
        output.WriteLine($"Failed    {Text(letter.FaultedAt ?? "unknown")}");
        output.WriteLine($"Reason    {(letter.ExceptionType is { } type ? Text(type) + ": " : "")}{Text(letter.Reason)}");
        if (letter.StackTrace is { } trace)
        {
            output.WriteLine();
            Lines(output, trace);
        }

        output.WriteLine();
        try
        {
            // Written anew: the serializer escapes whatever a terminal would obey.
            using var json = JsonDocument.Parse(letter.Message.Body);
            var text = JsonSerializer.Serialize(json.RootElement, Indented);
            output.WriteLine(text.Length <= TextLimit ? text : text[..TextLimit] + "…");
        }
        catch (JsonException)
        {
            Lines(output, System.Text.Encoding.UTF8.GetString(letter.Message.Body.Span));
        }
    }

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private static void Lines(TextWriter output, string text)
    {
        foreach (var line in text[..Math.Min(text.Length, TextLimit)].Split('\n'))
        {
            output.WriteLine(Printable.Escape(line.TrimEnd('\r'), TextLimit));
        }

        if (text.Length > TextLimit)
        {
            output.WriteLine("…");
        }
    }

    private static int NotFound(ToolConsole console, string id) =>
        console.Fail($"there is no dead letter {Text(id)}. mailkey dead-letters list prints them.", ExitCode.No);

    private static string ShortType(string urn) => urn[(urn.LastIndexOf(':') + 1)..];

    private static string Text(string text) => Printable.Escape(text, 1000);
}
