using System.CommandLine;
using System.Globalization;
using System.Net;
using Mailkey.Contracts;
using Mailkey.Dns;
using Mailkey.Policy;
using Mailkey.Policy.State;
using Mailkey.Tool.Configuration;
using Mailkey.Tool.Journal;
using Npgsql;

namespace Mailkey.Tool.Policy;

/// <summary><c>mailkey policy explain</c></summary>
internal sealed class ExplainPolicyCommand
{
    private readonly Argument<string> _file = new("policy") { Description = "A policy file, or \"current\" for the configured one." };
    private readonly Option<string?> _message = new("--message") { Description = "A stored message: queue id. The other options are not needed then." };
    private readonly Option<string?> _stage = new("--stage") { Description = $"One of {StagePolicy.StageNames}; the configured one when not given." };
    private readonly Option<string?> _from = new("--from") { Description = "Envelope sender; <> for the null reverse-path." };
    private readonly Option<string[]> _to = new("--to") { Description = "Recipient; several times for several." };
    private readonly Option<string?> _client = new("--client") { Description = "IP address of the client." };
    private readonly Option<string> _helo = new("--helo") { Description = "What the client says in EHLO.", DefaultValueFactory = _ => "client.invalid" };
    private readonly Option<bool> _tls = new("--tls") { Description = "The connection has TLS." };
    private readonly Option<string?> _spf = new("--spf") { Description = "Result of SPF, such as fail; unchecked when not given." };
    private readonly Option<string[]> _dkim = new("--dkim") { Description = "Result and domain of a DKIM signature, such as pass:example.org." };
    private readonly Option<string> _mailkey = new("--mailkey") { Description = "Result of mailkey: pass, fail, neutral, none, temperror, permerror.", DefaultValueFactory = _ => "none" };
    private readonly Option<string?> _host = new("--mailkey-host") { Description = "State of the mailkey host: exists, absent, unknown; follows from --mailkey when not given." };
    private readonly Option<string[]> _blocklist = new("--blocklist") { Description = "A zone that lists the client, with its answer: zone.example=127.0.0.2." };
    private readonly Option<long> _size = new("--size") { Description = "Octets.", DefaultValueFactory = _ => 10_000 };
    private readonly Option<bool> _problem = new("--header-problem") { Description = "The header block can be read in two ways." };
    private readonly Option<int?> _days = new("--first-seen-days") { Description = "Days since the sender domain was first seen." };
    private readonly Option<long> _accepted = new("--accepted") { Description = "Messages of the sender domain that were accepted." };
    private readonly Option<long> _refused = new("--refused") { Description = "Messages of the sender domain that were refused." };

    private readonly ToolConsole _console;
    private readonly TimeProvider _time;

    private ExplainPolicyCommand(ToolConsole console, TimeProvider time)
    {
        _console = console;
        _time = time;
    }

    public static Command Create(ToolConsole console, TimeProvider time)
    {
        var explain = new ExplainPolicyCommand(console, time);
        var command = new ToolCommand(
            "explain",
            "Say which rule decides about a message, and why the others don't.",
            """
            Give the message by what is known of it, or a stored one by its queue id. Greylisting and rate limits are shown
            for a first message.

            Examples:
              mailkey policy explain current --from alice@example.org --client 192.0.2.1 --to bob@example.net --spf fail
              mailkey policy explain new.json --from a@example.org --client 2001:db8::1 --to b@example.net --dkim pass:example.org
              mailkey policy explain new.json --message D205SW71R011QW0M
            """)
        {
            explain._file, explain._message, explain._stage, explain._from, explain._to, explain._client, explain._helo, explain._tls, explain._spf, explain._dkim, explain._mailkey, explain._host,
            explain._blocklist, explain._size, explain._problem, explain._days, explain._accepted, explain._refused,
        };
        command.SetAction((result, cancellationToken) => ServiceStore.Journal.ReadAsync(console, () => explain.RunAsync(result, cancellationToken)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var options = ServiceOptions.Read();
        if (PolicySource.Read(_console, options, result.GetValue(_file), result.GetValue(_stage)) is not { } policy)
        {
            return ExitCode.NotDone;
        }

        PolicyInput? input;
        if (result.GetValue(_message) is { } queueId)
        {
            await using var database = NpgsqlDataSource.Create(options.Postgres.ConnectionString);
            input = (await new StoredMessages(database).FindAsync(queueId, cancellationToken))?.Input;
            if (input is null)
            {
                return _console.Fail($"the journal has no judged message {LifeOfMessage.Text(queueId)}.", ExitCode.No);
            }
        }
        else
        {
            input = Input(result);
        }

        if (input is null)
        {
            return ExitCode.NotDone;
        }

        Explain(policy, input);
        return ExitCode.Yes;
    }

    private void Explain(ReceiverPolicy policy, PolicyInput input)
    {
        var plan = policy.Explain(input, out var steps);
        foreach (var step in steps)
        {
            _console.Text.WriteLine($"{(step.IsMatch ? "yes" : "no "),-4} {step.Rule,-30}  {LifeOfMessage.Text(step.Text)}");
        }

        _console.Text.WriteLine();
        var decision = plan.Settle(new MemoryPolicyState().Ask(plan.Queries));
        Decision(decision);
        if (decision != plan.Otherwise)
        {
            _console.Text.WriteLine("When it comes again after the wait:");
            Decision(plan.Otherwise);
        }
    }

    private void Decision(PolicyDecision decision)
    {
        _console.Text.WriteLine($"{decision.Outcome}, by {decision.Rule}");
        if (decision.Reply is { } reply)
        {
            _console.Text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {reply.Code} {reply.EnhancedCode} {LifeOfMessage.Text(reply.Text)}"));
        }

        foreach (var field in decision.AddedFields())
        {
            _console.Text.WriteLine($"  {field}");
        }
    }

    private PolicyInput? Input(ParseResult result)
    {
        var from = result.GetValue(_from);
        var to = result.GetValue(_to) ?? [];
        var client = result.GetValue(_client);
        if (from is null || client is null || to.Length == 0)
        {
            _console.Fail("explain needs --from, --client and --to, or --message.");
            return null;
        }

        if (!IPAddress.TryParse(client, out _))
        {
            _console.Fail($"--client: \"{LifeOfMessage.Text(client)}\" is no IP address.");
            return null;
        }

        var reversePath = from == "<>" ? "" : from.Trim('<', '>');
        var helo = result.GetValue(_helo)!;
        var name = reversePath.Length == 0 ? helo : reversePath[(reversePath.LastIndexOf('@') + 1)..];
        var domain = DomainName.TryNormalize(name, out var ascii) ? ascii : "";
        var mailkey = result.GetValue(_mailkey)!;
        var now = _time.GetUtcNow();
        var evidence = new Verdict
        {
            HostState = result.GetValue(_host) ?? mailkey switch { "none" => "absent", "temperror" => "unknown", _ => "exists" },
            Result = mailkey,
            Domain = domain,
            Reason = "as given on the command line",
            HeaderProblem = result.GetValue(_problem) ? "as given on the command line" : null,
            Spf = result.GetValue(_spf) is { } spf ? new() { Result = spf, Identity = reversePath.Length == 0 ? "helo" : "mailfrom", Domain = domain } : null,
            Dkim = [.. (result.GetValue(_dkim) ?? []).Select(given => given.Split(':', 2)).Select(parts => new DkimEvidence
            {
                Result = parts[0],
                Domain = parts.Length > 1 && DomainName.TryNormalize(parts[1], out var signer) ? signer : "",
                Selector = "s",
            })],
            Blocklists = [.. (result.GetValue(_blocklist) ?? []).Select(given => given.Split('=', 2)).Select(parts => new BlocklistEvidence
            {
                Zone = parts[0],
                Result = "listed",
                Codes = parts.Length > 1 ? [parts[1]] : ["127.0.0.2"],
            })],
            History = new()
            {
                FirstSeen = result.GetValue(_days) is { } days ? now.AddDays(-days) : null,
                LastSeen = result.GetValue(_days) is null ? null : now,
                Accepted = result.GetValue(_accepted),
                Refused = result.GetValue(_refused),
            },
            Rule = "",
            Verifier = "",
            ElapsedMicroseconds = 0,
        };
        return new(
            new() { ClientAddress = client, ClientName = helo, Protocol = "ESMTP", Tls = result.GetValue(_tls) ? "TLS" : null, Server = "" },
            new() { ReversePath = reversePath, Recipients = [.. to.Select(path => new Recipient { ForwardPath = path.Trim('<', '>') })] },
            evidence,
            result.GetValue(_size),
            now);
    }
}
