using System.Diagnostics;
using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Authentication.Tests.Signatures;
using Mailkey.Mime;

namespace Mailkey.Authentication.Tests.Dkim;

/// <summary>OpenDKIM, dkimpy and Mail::DKIM take what we sign, with keys from a real DNS server; we take what they sign.</summary>
public sealed class DkimInteropTests
{
    private const string Selector = "2026a";
    private const string Domain = "example.org";

    private static readonly string Header =
        "Received: from a by b; Sun, 22 Nov 2026 02:43:05 +0000\r\nFrom: Ann <ann@example.org>\r\nTo: bob@example.net,\r\n\t carol@example.net\r\nSubject: Dinner  at eight\r\n" +
        "Date: Sun, 22 Nov 2026 02:43:05 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\nList-Unsubscribe: <https://example.org/u>\r\n";

    private const string Body = "Hello Bob,\r\n\r\nhere  is some\ttext. \r\n\r\n\r\n";

    // Mail::DKIM does not add the CRLF that RFC 6376 §3.4.3 wants of simple; SMTP brings none without (RFC 5321 §4.1.1.4).
    private const string NoEnd = " \t \r\nno end";

    private static readonly string[] OddBodies = ["", "\r\n\r\n", NoEnd];

    private static string Record(SigningKey key, string selector = Selector) =>
        DkimMessage.Record(DkimKeyRecord.NameOf(selector, Domain), DkimKeyRecord.ToTxt(key.Type, key.ExportPublicKey()));

    private static string Sign(SigningKey key, string body, Canonicalization header, Canonicalization bodies, string selector = Selector)
    {
        var signer = new DkimSigner { Key = key, Selector = selector, Domain = Domain, HeaderCanonicalization = header, BodyCanonicalization = bodies };
        return Encoding.ASCII.GetString(signer.Sign(HeaderBlock.Parse(Encoding.Latin1.GetBytes(Header)), SignedMessage.HashBody(body, bodies), TimeProvider.System.GetUtcNow()));
    }

    private static string Require(string program)
    {
        var path = new[] { "/usr/bin", "/usr/sbin", "/usr/local/bin" }.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"{program} is not installed");
        return path;
    }

    public static TheoryData<string, KeyType> Verifiers { get; } = new()
    {
        { "opendkim-testmsg", KeyType.Rsa },
        { "dkimverify", KeyType.Rsa },
        { "dkimverify", KeyType.Ed25519 },
        { "Mail::DKIM", KeyType.Rsa },
    };

    [Theory]
    [MemberData(nameof(Verifiers))]
    public async Task What_DkimSigner_signs_is_accepted(string verifier, KeyType type)
    {
        Require("unshare");
        using var program = new TemporaryFile(
            """
            use Mail::DKIM::Verifier;
            my $verifier = Mail::DKIM::Verifier->new;
            local $/; my $message = <STDIN>;
            $verifier->PRINT($message);
            $verifier->CLOSE;
            print $verifier->result_detail, "\n";
            exit($verifier->result eq "pass" ? 0 : 1);
            """);
        var command = verifier == "Mail::DKIM" ? $"{Require("perl")} {program.Path}" : Require(verifier);
        var key = TestKeys.Of(type);
        List<string> messages = [];
        foreach (var bodies in new[] { Canonicalization.Simple, Canonicalization.Relaxed })
        {
            messages.Add(Sign(key, Body, Canonicalization.Simple, bodies) + Header + "\r\n" + Body);
            messages.Add(Sign(key, Body, Canonicalization.Relaxed, bodies) + Header + "\r\n" + Body);
            messages.AddRange(OddBodies.Where(body => body != NoEnd || verifier != "Mail::DKIM").Select(body => Sign(key, body, Canonicalization.Relaxed, bodies) + Header + "\r\n" + body));
        }

        var good = messages.Count;

        // And it is the signature that they look at.
        messages.Add(messages[0].Replace("Hello", "Hallo", StringComparison.Ordinal));
        messages.Add("Reply-To: mallory@example.com\r\n" + messages[0]);
        var results = await ResolverNamespace.RunAsync([Record(key)], command, messages);

        Assert.All(results[..good], result => Assert.True(result.Code == 0, result.Output));
        Assert.All(results[good..], result => Assert.True(result.Code != 0, result.Output));
    }

    [Fact]
    public async Task A_message_signed_twice_is_accepted_by_those_who_know_one_key_type_and_those_who_know_both()
    {
        Require("unshare");
        var message = Sign(TestKeys.Rsa, Body, Canonicalization.Relaxed, Canonicalization.Relaxed, "rsa") +
            Sign(TestKeys.Ed25519, Body, Canonicalization.Relaxed, Canonicalization.Simple, "ed") + Header + "\r\n" + Body;
        string[] records = [Record(TestKeys.Rsa, "rsa"), Record(TestKeys.Ed25519, "ed")];

        Assert.Equal(0, (await ResolverNamespace.RunAsync(records, Require("opendkim-testmsg"), [message]))[0].Code);
        Assert.Equal(0, (await ResolverNamespace.RunAsync(records, Require("dkimverify") + " --index 0", [message]))[0].Code);
        Assert.Equal(0, (await ResolverNamespace.RunAsync(records, Require("dkimverify") + " --index 1", [message]))[0].Code);

        var ours = await DkimMessage.Parse(message).VerifyAsync(Known(TestKeys.Rsa, "rsa").Add("ed", Domain, Text(TestKeys.Ed25519)));
        Assert.Equal([("pass", "rsa"), ("pass", "ed")], ours.Signatures.Select(finding => (finding.Result, finding.Selector)));
    }

    public static MatrixTheoryData<string, string, string> DkimPySettings { get; } = new(["simple", "relaxed"], ["simple", "relaxed"], ["rsa-sha256", "ed25519-sha256"]);

    [Theory]
    [MemberData(nameof(DkimPySettings))]
    public async Task What_dkimpy_signs_passes(string header, string body, string algorithm)
    {
        var key = algorithm == "rsa-sha256" ? TestKeys.Rsa : TestKeys.Ed25519;
        using var file = new TemporaryFile(algorithm == "rsa-sha256" ? key.ExportPem() : Ed25519Seed(key));
        foreach (var content in header == body ? [Body, .. OddBodies] : new[] { Body })
        {
            var signed = await RunAsync("dkimsign", $"--hcanon {header} --bcanon {body} --signalg {algorithm} {Selector} {Domain} {file.Path}", Header + "\r\n" + content);
            await AssertPassesAsync(signed, key, content);
        }
    }

    [Theory]
    [InlineData("simple/simple")]
    [InlineData("simple/relaxed")]
    [InlineData("relaxed/simple")]
    [InlineData("relaxed/relaxed")]
    public async Task What_Mail_DKIM_signs_passes(string method)
    {
        using var file = new TemporaryFile(TestKeys.Rsa.ExportPem());
        using var program = new TemporaryFile(
            """
            use Mail::DKIM::Signer;
            my $signer = Mail::DKIM::Signer->new(Algorithm => "rsa-sha256", Method => $ARGV[1], Domain => $ARGV[2], Selector => $ARGV[3], KeyFile => $ARGV[0]);
            local $/; my $message = <STDIN>;
            $signer->PRINT($message);
            $signer->CLOSE;
            print $signer->signature->as_string, "\r\n", $message;
            """);
        foreach (var content in (string[])[Body, .. OddBodies[..2]])
        {
            await AssertPassesAsync(await RunAsync("perl", $"{program.Path} {file.Path} {method} {Domain} {Selector}", Header + "\r\n" + content), TestKeys.Rsa, content);
        }
    }

    [Fact]
    public async Task What_opendkim_testmsg_signs_is_refused_for_its_SHA_1()
    {
        // It knows no other algorithm; its canonicalisation and syntax are those of OpenDKIM, which verifies ours above.
        using var file = new TemporaryFile(TestKeys.Rsa.ExportPem());
        var signed = await RunAsync("opendkim-testmsg", $"-C -d {Domain} -s {Selector} -k {file.Path}", Header + "\r\n" + Body);
        var finding = Assert.Single((await DkimMessage.Parse(signed).VerifyAsync(Known(TestKeys.Rsa))).Signatures);
        Assert.Equal(("permerror", "rsa-sha1 is not accepted (RFC 8301)", Domain, Selector), (finding.Result, finding.Reason, finding.Domain, finding.Selector));
    }

    private static async Task AssertPassesAsync(string signed, SigningKey key, string content)
    {
        var finding = Assert.Single((await DkimMessage.Parse(signed).VerifyAsync(Known(key))).Signatures);
        Assert.Equal(("pass", null), (finding.Result, finding.Reason));
        if (content.Contains("Hello", StringComparison.Ordinal))
        {
            var changed = Assert.Single((await DkimMessage.Parse(signed.Replace("Hello", "Hallo", StringComparison.Ordinal)).VerifyAsync(Known(key))).Signatures);
            Assert.Equal(("fail", "the body was changed after signing"), (changed.Result, changed.Reason));
        }
    }

    private static string Text(SigningKey key) => DkimKeyRecord.ToTxt(key.Type, key.ExportPublicKey());

    private static FixedDns Known(SigningKey key, string selector = Selector) => FixedDns.With(selector, Domain, Text(key));

    // dkimpy takes the 32 octets in base64 instead of PEM.
    private static string Ed25519Seed(SigningKey key)
    {
        var der = Convert.FromBase64String(string.Concat(key.ExportPem().Split('\n').Where(line => !line.StartsWith('-'))));
        return Convert.ToBase64String(der.AsSpan(der.Length - 32));
    }

    private static async Task<string> RunAsync(string program, string arguments, string input)
    {
        using var process = Process.Start(new ProcessStartInfo(Require(program), arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, StandardInputEncoding = Encoding.Latin1, StandardOutputEncoding = Encoding.Latin1,
        })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await errors);
        return await output;
    }

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile(string text)
        {
            Path = System.IO.Path.GetTempFileName();
            File.WriteAllText(Path, text);
        }

        public string Path { get; }

        public void Dispose() => File.Delete(Path);
    }
}
