using System.CommandLine;
using Mailkey.Authentication.Signatures;
using Mailkey.Dns;
using Mailkey.Tool.Keys;

namespace Mailkey.Tool.Messages;

/// <summary><c>mailkey sign</c></summary>
internal static class SignCommand
{
    public static Command Create(ToolConsole console, TimeProvider time)
    {
        var key = new Option<string>("--key", "-k") { Description = "File of the private key.", Required = true };
        var name = new Option<string>("--selector", "-s") { Description = "Name under which the key is published.", Required = true };
        var domain = new Option<string?>("--domain", "-d") { Description = "Domain to sign for. Default: that of --from." };
        var from = new Option<string>("--from") { Description = "The envelope sender as in MAIL FROM; \"<>\" for a bounce, then --domain is the EHLO name.", Required = true };
        var to = new Option<string[]>("--to") { Description = "Every envelope recipient as in RCPT TO. Repeat for each.", Required = true };
        var canonicalization = new Option<string>("--canonicalization", "-c") { Description = "How much change on the way is forgiven: header/body.", DefaultValueFactory = _ => "relaxed/relaxed" };
        canonicalization.AcceptOnlyFromAmong("relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple");
        var lifetime = new Option<double>("--days") { Description = "Days that the signature is good, up to 14.", DefaultValueFactory = _ => MailkeyRules.DefaultLifetime.TotalDays };
        lifetime.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (> 0 and <= 14))
            {
                result.AddError("--days must be more than 0 and at most 14.");
            }
        });
        var command = new ToolCommand(
            "sign",
            "Put a Mailkey-Signature on top of a message.",
            """
            Reads a message from standard input and writes it, signed, to standard output. The signature holds for this
            envelope only: for other recipients or another sender, sign again.

            Examples:
              mailkey sign --key 2026a.pem --selector 2026a --from ann@example.org --to bob@example.net < in.eml > out.eml
              mailkey sign -k 2026a.pem -s 2026a --from ann@example.org --to bob@example.net --to carol@example.net < in.eml \
                | swaks --data - --from ann@example.org --to bob@example.net,carol@example.net --server mx.example.net
            """)
        { key, name, domain, from, to, canonicalization, lifetime };
        command.SetAction((result, cancellationToken) => RunAsync(
            console, time, result.GetRequiredValue(key), result.GetRequiredValue(name), result.GetValue(domain), result.GetRequiredValue(from), result.GetRequiredValue(to),
            result.GetRequiredValue(canonicalization), TimeSpan.FromDays(result.GetValue(lifetime)), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        ToolConsole console, TimeProvider time, string keyFile, string name, string? domain, string from, string[] to, string canonicalization, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        var reversePath = EnvelopeOptions.WithoutBrackets(from);
        domain ??= EnvelopeOptions.DomainOf(reversePath);
        if (domain is null || !DomainName.TryNormalize(domain, out var normalized))
        {
            return console.Fail(domain is null ? "--from has no domain; give --domain." : $"\"{domain}\" is not a domain name.");
        }

        if (!KeyFile.IsName(name))
        {
            return console.Fail("--selector takes a name of 1 to 63 of a-z 0-9 and hyphen.");
        }

        if (!KeyFile.TryRead(keyFile, out var key, out var error))
        {
            return console.Fail(error);
        }

        using (key)
        {
            var (message, unreadable) = await MessageFile.ReadAsync(console.Input, cancellationToken);
            if (message is null)
            {
                return console.Fail(unreadable!);
            }

            if (message.Headers.Problem is { } problem)
            {
                return console.Fail($"the header block is malformed ({problem}); a receiver would refuse it. Mend the message first.");
            }

            if (message.Headers.DuplicatedSingleton is { } duplicated)
            {
                return console.Fail($"the message has more than one {duplicated} field; a receiver would refuse it. Mend the message first.");
            }

            var form = canonicalization.Split('/').Select(word => word == "simple" ? Canonicalization.Simple : Canonicalization.Relaxed).ToArray();
            var signer = new MailkeySigner
            {
                Key = key, KeyName = name, Domain = normalized, HeaderCanonicalization = form[0], BodyCanonicalization = form[1], Lifetime = lifetime,
            };
            var field = signer.Sign(message.Headers, message.HashBody(form[1]), reversePath, [.. to.Select(EnvelopeOptions.WithoutBrackets)], time.GetUtcNow());
            await message.WriteWithAsync(field, console.Output, cancellationToken);
        }

        return ExitCode.Yes;
    }
}
