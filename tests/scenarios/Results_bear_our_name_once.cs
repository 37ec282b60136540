using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Signatures;
using Mailkey.Mime;
using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

[Collection(RunningSystemScenarios.Name)]
public sealed class Results_bear_our_name_once(RunningSystem running)
{
    private const string From = "alice@unpublished.test";
    private const string To = "bob@example.test";
    private const string AuthservId = "mx.example.test";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task And_say_of_each_DKIM_signature_what_it_is_worth()
    {
        const string forged =
            "Authentication-Results: mx.example.test; dkim=pass header.d=bank.example\r\n" +
            "AUTHENTICATION-RESULTS:(a (b\\))) \"MX.Example\\.test\"\r\n\t(c) 1 ; mailkey=pass\r\n" +
            "Authentication-Results:\r\n \r\n mx.example.test.;spf=pass\r\n" +
            "Authentication-Results : mx.example.test; spf=pass\r\n" +
            "authentication-results\t: (x) mx.example.test 1; spf=pass\r\n";
        const string foreign =
            "ARC-Authentication-Results: i=1; mx.example.test; spf=pass\r\n" +
            "Authentication-Results: mx.example.test.evil.example; spf=pass\r\n" +
            "Authentication-Results: other.example; spf=pass\r\n";
        using var key = SigningKey.GenerateEd25519();
        await running.Dns.AddAsync($"{DkimKeyRecord.NameOf("good", "unpublished.test")}. 300 IN TXT \"{DkimKeyRecord.ToTxt(key.Type, key.ExportPublicKey())}\"");
        var id = $"results-{Guid.NewGuid():N}";
        var message = SenderDomain.Message(From, To, id);
        var signed = forged + Sign(key, "good", message) + Sign(key, "missing", message) + foreign + message;

        Assert.StartsWith("250 2.", await Client.SendAsync(running.System.SmtpPort, From, [To], WithoutMalformed(signed), Cancellation), StringComparison.Ordinal);
        var delivered = HeaderOf(await DeliveredAsync(id));

        var ours = Assert.Single(delivered.Fields.ToArray(), field => AuthenticationResults.BearsAuthservId(field, AuthservId));
        Assert.Matches(
            "^mx\\.example\\.test;\\s+mailkey=none smtp\\.mailfrom=alice@unpublished\\.test;" +
            "\\s+dkim=pass header\\.d=unpublished\\.test header\\.i=@unpublished\\.test header\\.s=good header\\.a=ed25519-sha256 header\\.b=\"?[A-Za-z0-9+/]{8}\"?;" +
            "\\s+dkim=permerror reason=\"no key is published\" header\\.d=unpublished\\.test header\\.i=@unpublished\\.test header\\.s=missing header\\.a=ed25519-sha256 header\\.b=\"?[A-Za-z0-9+/]{8}\"?",
            ours.UnfoldedValue());
        Assert.Contains(foreign + message.Split("\r\n\r\n")[0], Encoding.Latin1.GetString(delivered.Octets.Span).ReplaceLineEndings("\r\n"), StringComparison.Ordinal);

        // With the lines that are almost fields, it is another message to some readers: no DKIM signature counts, and the lines are removed.
        var malformed = $"malformed-{Guid.NewGuid():N}";
        var reply = await Client.SendAsync(running.System.SmtpPort, From, [To], signed.Replace(id, malformed, StringComparison.Ordinal), Cancellation);
        Assert.StartsWith("250 2.", reply, StringComparison.Ordinal);
        var text = await DeliveredAsync(malformed);
        Assert.Single(HeaderOf(text).Fields.ToArray(), field => AuthenticationResults.BearsAuthservId(field, AuthservId));
        Assert.Empty(HeaderOf(text).Malformed);
        Assert.Equal(2, text.Split("dkim=permerror reason=\"the header block is malformed").Length - 1);
        Assert.DoesNotContain("dkim=pass", text, StringComparison.Ordinal);
        Assert.Contains("Header      the header block is malformed: MalformedField at octet ", await Operator.TraceAsync(running.System, reply, Cancellation), StringComparison.Ordinal);
    }

    private static string WithoutMalformed(string message) =>
        string.Join("\r\n", message.Split("\r\n").Where(line => !line.Contains("Results :", StringComparison.Ordinal) && !line.Contains("results\t:", StringComparison.Ordinal)));

    private static string Sign(SigningKey key, string selector, string message)
    {
        var octets = Encoding.Latin1.GetBytes(message);
        var length = HeaderBlock.Measure(octets, out var bodyStart);
        using var hasher = new BodyHasher(Canonicalization.Relaxed);
        hasher.Append(octets.AsSpan(bodyStart));
        var signer = new DkimSigner { Key = key, Selector = selector, Domain = "unpublished.test" };
        return Encoding.ASCII.GetString(signer.Sign(HeaderBlock.Parse(octets.AsMemory(0, length)), hasher.Finish(), TimeProvider.System.GetUtcNow()));
    }

    private static HeaderBlock HeaderOf(string message)
    {
        var octets = Encoding.Latin1.GetBytes(message.ReplaceLineEndings("\r\n"));
        return HeaderBlock.Parse(octets.AsMemory(0, HeaderBlock.Measure(octets, out _)));
    }

    private async Task<string> DeliveredAsync(string id) =>
        (await Eventually.GetAsync(
            () => running.System.DeliveredMessages().SingleOrDefault(message => message.Contains(id, StringComparison.Ordinal)),
            message => message is not null,
            TimeSpan.FromSeconds(30),
            () => running.System.Logs()))!;
}
