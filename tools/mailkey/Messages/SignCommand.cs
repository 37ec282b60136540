using System.CommandLine;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Signatures;
using Mailkey.Dns;
using Mailkey.Tool.Keys;

namespace Mailkey.Tool.Messages;

/// <summary><c>mailkey sign</c></summary>
internal static class SignCommand
{
    public static Command Create(ToolConsole console, TimeProvider time)
    {
        var dkim = new Option<bool>("--dkim") { Description = "Make a DKIM-Signature instead: for every receiver, and bound to no envelope." };
        var key = new Option<string[]>("--key", "-k") { Description = "File of the private key. With --dkim, repeat it and --selector to sign with several.", Required = true };
        var name = new Option<string[]>("--selector", "-s") { Description = "Name under which the key is published.", Required = true };
        var domain = new Option<string?>("--domain", "-d") { Description = "Domain to sign for. Default: that of --from." };
        var from = new Option<string?>("--from") { Description = "The envelope sender as in MAIL FROM; \"<>\" for a bounce, then --domain is the EHLO name. Required but with --dkim." };
        var to = new Option<string[]>("--to") { Description = "Every envelope recipient as in RCPT TO. Repeat for each. Required but with --dkim." };
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
            "Put a Mailkey-Signature, or a DKIM-Signature, on top of a message.",
            """
            Reads a message from standard input and writes it, signed, to standard output. A Mailkey-Signature holds for
            this envelope only: for other recipients or another sender, sign again.

            With --dkim it is a DKIM-Signature, whose key is published at <selector>._domainkey.<domain> (see: mailkey
            records --form dkim). Sign with an RSA and an Ed25519 key: not every receiver knows the latter.

            Examples:
              mailkey sign --key 2026a.pem --selector 2026a --from ann@example.org --to bob@example.net < in.eml > out.eml
              mailkey sign -k 2026a.pem -s 2026a --from ann@example.org --to bob@example.net --to carol@example.net < in.eml \
                | swaks --data - --from ann@example.org --to bob@example.net,carol@example.net --server mx.example.net
              mailkey sign --dkim -d example.org -k rsa.pem -s 2026r -k ed25519.pem -s 2026e < in.eml > out.eml
            """)
        { dkim, key, name, domain, from, to, canonicalization, lifetime };
        command.Validators.Add(result =>
        {
            var (keys, names) = (result.GetValue(key)?.Length ?? 0, result.GetValue(name)?.Length ?? 0);
            if (keys != names)
            {
                result.AddError("give as many --selector as --key, in the same order.");
            }
            else if (!result.GetValue(dkim) && keys > 1)
            {
                result.AddError("several keys go with --dkim only.");
            }
            else if (!result.GetValue(dkim) && (result.GetValue(from) is null || result.GetValue(to) is not { Length: > 0 }))
            {
                result.AddError("--from and --to are required: a Mailkey-Signature binds the envelope.");
            }
        });
        command.SetAction((result, cancellationToken) => RunAsync(
            console, time,
            new Request(
                result.GetValue(dkim), result.GetRequiredValue(key), result.GetRequiredValue(name), result.GetValue(domain), EnvelopeOptions.WithoutBrackets(result.GetValue(from) ?? ""),
                [.. (result.GetValue(to) ?? []).Select(EnvelopeOptions.WithoutBrackets)], result.GetRequiredValue(canonicalization), TimeSpan.FromDays(result.GetValue(lifetime))),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ToolConsole console, TimeProvider time, Request request, CancellationToken cancellationToken)
    {
        var named = request.Domain ?? EnvelopeOptions.DomainOf(request.ReversePath);
        if (named is null || !DomainName.TryNormalize(named, out var domain))
        {
            return console.Fail(named is null ? "--from has no domain; give --domain." : $"\"{named}\" is not a domain name.");
        }

        if (Array.Find(request.Names, name => !IsName(request.Dkim, name, domain)) is { } wrong)
        {
            return console.Fail(request.Dkim ? $"\"{wrong}\" can't be a selector of {domain}." : "--selector takes a name of 1 to 63 of a-z 0-9 and hyphen.");
        }

        List<SigningKey> keys = [];
        try
        {
            foreach (var file in request.Keys)
            {
                if (!KeyFile.TryRead(file, out var key, out var error))
                {
                    return console.Fail(error);
                }

                keys.Add(key);
            }

            var (message, unreadable) = await MessageFile.ReadAsync(console.Input, cancellationToken);
            if (message is null)
            {
                return console.Fail(unreadable!);
            }

            if (HeaderIntegrity.Problem(message.Headers) is { } problem)
            {
                return console.Fail($"{problem}; a receiver would refuse it. Mend the message first.");
            }

            await message.WriteWithAsync(Sign(request, domain, keys, message, time.GetUtcNow()), console.Output, cancellationToken);
            return ExitCode.Yes;
        }
        finally
        {
            keys.ForEach(key => key.Dispose());
        }
    }

    // Of several signatures the first key's stands on top.
    private static byte[] Sign(Request request, string domain, List<SigningKey> keys, MessageFile message, DateTimeOffset now)
    {
        var form = request.Canonicalization.Split('/').Select(word => word == "simple" ? Canonicalization.Simple : Canonicalization.Relaxed).ToArray();
        var body = message.HashBody(form[1]);
        if (!request.Dkim)
        {
            return new MailkeySigner
            {
                Key = keys[0], KeyName = request.Names[0], Domain = domain, HeaderCanonicalization = form[0], BodyCanonicalization = form[1], Lifetime = request.Lifetime,
            }.Sign(message.Headers, body, request.ReversePath, request.ForwardPaths, now);
        }

        return [.. keys.Zip(request.Names).SelectMany(pair => new DkimSigner
        {
            Key = pair.First, Selector = pair.Second, Domain = domain, HeaderCanonicalization = form[0], BodyCanonicalization = form[1], Lifetime = request.Lifetime,
        }.Sign(message.Headers, body, now))];
    }

    private static bool IsName(bool dkim, string name, string domain) =>
        dkim ? name.Length > 0 && DomainName.TryNormalize(DkimKeyRecord.NameOf(name, domain), out _) : KeyFile.IsName(name);

    private sealed record Request(
        bool Dkim, string[] Keys, string[] Names, string? Domain, string ReversePath, IReadOnlyList<string> ForwardPaths, string Canonicalization, TimeSpan Lifetime);
}
