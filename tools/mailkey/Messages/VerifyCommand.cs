using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Tool.Keys;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Mailkey.Tool.Messages;

/// <summary><c>mailkey verify</c></summary>
internal static class VerifyCommand
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static Command Create(ToolConsole console, TimeProvider time)
    {
        var dkim = new Option<bool>("--dkim") { Description = "Verify the DKIM-Signatures with the keys of their own domains, and nothing else." };
        var from = new Option<string?>("--from") { Description = "The envelope sender as in MAIL FROM; \"<>\" for a bounce. Required but with --dkim." };
        var to = new Option<string[]>("--to") { Description = "The envelope recipients as in RCPT TO. Repeat for each. Required but with --dkim." };
        var helo = new Option<string?>("--helo") { Description = "The EHLO name of the client; judged when the sender is <>." };
        var resolver = Discovery.ResolverOption();
        var keySet = new Option<FileInfo?>("--key-set") { Description = "Host file of the key set, in place of looking for one." };
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var command = new ToolCommand(
            "verify",
            "Verify a message as a receiver would.",
            """
            Reads a message from standard input, looks for the key set of the sender's domain, and verifies its
            Mailkey-Signature or DKIM-Signature for the given envelope. Policy is left out: it says what the
            signature is worth, not what is done with the message.

            With --dkim the key of each DKIM-Signature is looked up at <selector>._domainkey.<domain>, whoever the
            envelope sender is.

            Exit code: 0 pass; 1 fail, permerror, neutral (test keys), policy, or none (no key set, no signature);
            2 temperror, or not done.

            Examples:
              mailkey verify --from ann@example.org --to bob@example.net < message.eml
              mailkey verify --from ann@example.org --to bob@example.net --resolver 127.0.0.1:5353 --json < message.eml
              mailkey records example.org --key 2026a=2026a.pem --form host > keys.json
              mailkey verify --from ann@example.org --to bob@example.net --key-set keys.json < message.eml
              mailkey verify --dkim < message.eml
            """)
        { dkim, from, to, helo, resolver, keySet, json };
        command.Validators.Add(result =>
        {
            if (!result.GetValue(dkim) && (result.GetValue(from) is null || result.GetValue(to) is not { Length: > 0 }))
            {
                result.AddError("--from and --to are required: a Mailkey-Signature binds the envelope.");
            }
        });
        command.SetAction((result, cancellationToken) => result.GetValue(dkim)
            ? RunDkimAsync(console, time, result.GetValue(resolver), result.GetValue(json), cancellationToken)
            : RunAsync(
                console, time,
                new Request(
                    EnvelopeOptions.WithoutBrackets(result.GetRequiredValue(from)!), [.. result.GetRequiredValue(to).Select(EnvelopeOptions.WithoutBrackets)], result.GetValue(helo),
                    result.GetValue(resolver), result.GetValue(keySet)),
                result.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunDkimAsync(ToolConsole console, TimeProvider time, string? resolver, bool json, CancellationToken cancellationToken)
    {
        if (!Discovery.TryBuild(resolver, time, out var services, out var error))
        {
            return console.Fail(error);
        }

        await using (services)
        {
            var (message, unreadable) = await MessageFile.ReadAsync(console.Input, cancellationToken);
            if (message is null)
            {
                return console.Fail(unreadable!);
            }

            var verifier = new DkimVerifier(services.GetRequiredService<IDnsResolver>(), time);
            var limit = services.GetRequiredService<IOptions<MailkeyOptions>>().Value.Dkim.Timeout;
            var findings = await verifier.VerifyAsync(message.Headers, message.HashBody(), limit, cancellationToken);
            Print(console, json, findings);
            return findings.Signatures.Any(finding => finding.Result == ResultWord.Pass) ? ExitCode.Yes
                : findings.Signatures.Any(finding => finding.Result == ResultWord.TempError) ? ExitCode.NotDone
                : ExitCode.No;
        }
    }

    private static async Task<int> RunAsync(ToolConsole console, TimeProvider time, Request request, bool json, CancellationToken cancellationToken)
    {
        var named = request.ReversePath.Length == 0 ? request.Helo : EnvelopeOptions.DomainOf(request.ReversePath);
        if (named is null || !DomainName.TryNormalize(named, out var domain))
        {
            return console.Fail(named is null ? "there is no domain to judge: give an address with domain as --from, or --helo for <>." : $"\"{named}\" is not a domain name.");
        }

        var (host, error) = request.KeySet is { } file ? Read(file, domain) : await FindAsync(request, domain, time, cancellationToken);
        if (host is null)
        {
            return console.Fail(error!);
        }

        var (message, unreadable) = await MessageFile.ReadAsync(console.Input, cancellationToken);
        if (message is null)
        {
            return console.Fail(unreadable!);
        }

        var verdict = host.State switch
        {
            KeyHostState.Exists => new SignatureVerifier().Verify(
                new SignatureInput
                {
                    Headers = message.Headers, Body = message.HashBody(), Domain = domain, ReversePath = request.ReversePath, ForwardPaths = request.ForwardPaths, Now = time.GetUtcNow(),
                },
                host.Keys!),
            KeyHostState.Absent => new SignatureVerdict { Result = ResultWord.None, Reason = host.Reason },
            _ => new SignatureVerdict { Result = ResultWord.TempError, Reason = host.Reason },
        };
        Print(console, json, domain, host, verdict);
        return verdict.Result switch { ResultWord.Pass => ExitCode.Yes, ResultWord.TempError => ExitCode.NotDone, _ => ExitCode.No };
    }

    private static (KeyHostFinding? Host, string? Error) Read(FileInfo file, string domain)
    {
        if (!file.Exists)
        {
            return (null, $"{file.FullName} does not exist. Make it with: mailkey records {domain} --key NAME=FILE --form host");
        }

        var octets = new byte[HostDocument.MaxLength + 1];
        using var stream = file.OpenRead();
        var length = stream.ReadAtLeast(octets, octets.Length, throwOnEndOfStream: false);
        return HostDocument.TryParse(octets.AsSpan(0, length), domain, out var document, out var error)
            ? (new() { State = KeyHostState.Exists, Keys = document.Keys, Source = "file", Host = file.FullName, Reason = "read from the file", MaxAge = TimeSpan.Zero }, null)
            : (null, $"{file.FullName} can't be used: {error}.");
    }

    private static async Task<(KeyHostFinding? Host, string? Error)> FindAsync(Request request, string domain, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!Discovery.TryBuild(request.Resolver, time, out var services, out var error))
        {
            return (null, error);
        }

        await using (services)
        {
            var options = services.GetRequiredService<IOptions<MailkeyOptions>>().Value.KeyHost;
            using var deadline = new CancellationTokenSource(options.Timeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
            try
            {
                return (await services.GetRequiredService<KeyHostSearch>().SearchAsync(domain, either.Token), null);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return (new() { State = KeyHostState.Unknown, Reason = $"no end of the search within {options.Timeout.TotalSeconds:0.#} s", MaxAge = TimeSpan.Zero }, null);
            }
        }
    }

    private static void Print(ToolConsole console, bool json, string domain, KeyHostFinding host, SignatureVerdict verdict)
    {
        var state = host.State switch { KeyHostState.Exists => "exists", KeyHostState.Absent => "absent", _ => "unknown" };
        if (json)
        {
            console.Text.WriteLine(JsonSerializer.Serialize(
                new { verdict.Result, verdict.Reason, Domain = domain, KeyHost = state, KeySource = host.Source, Signature = verdict.Kind, SignedBy = verdict.Domain, verdict.KeyName }, Json));
            return;
        }

        var text = new StringBuilder();
        text.Append("result     ").AppendLine(verdict.Result).Append("reason     ").AppendLine(verdict.Reason).Append("domain     ").AppendLine(domain)
            .Append("key host   ").Append(state).AppendLine(host.Source is null ? "" : $", {host.Source} at {host.Host}");
        if (verdict.Kind is not null)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"signature  {verdict.Kind}, key {verdict.KeyName ?? "?"} of {verdict.Domain ?? "?"}");
        }

        console.Text.Write(text.ToString());
    }

    private static void Print(ToolConsole console, bool json, DkimFindings findings)
    {
        if (json)
        {
            console.Text.WriteLine(JsonSerializer.Serialize(
                new
                {
                    Signatures = findings.Signatures.Select(finding => new { finding.Result, finding.Reason, finding.Domain, finding.Selector, finding.Identity, finding.Algorithm, finding.KeyBits, finding.SignatureStart }),
                    findings.Ignored,
                },
                Json));
            return;
        }

        if (findings.Signatures.Count == 0)
        {
            console.Text.WriteLine("none       no DKIM-Signature");
        }

        foreach (var finding in findings.Signatures)
        {
            console.Text.WriteLine($"{finding.Result,-10} d={finding.Domain} s={finding.Selector} a={finding.Algorithm ?? "?"} b={finding.SignatureStart ?? "?"}{(finding.Reason is null ? "" : $": {finding.Reason}")}");
        }

        if (findings.Ignored > 0)
        {
            console.Text.WriteLine($"and {findings.Ignored} more that nobody would look at");
        }
    }

    private sealed record Request(string ReversePath, IReadOnlyList<string> ForwardPaths, string? Helo, string? Resolver, FileInfo? KeySet);
}
