using System.Diagnostics;
using System.Runtime.InteropServices;
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

    // Mail::DKIM does not add the CRLF that RFC 6376 §3.4.3 wants, OpenDKIM does not sign it; SMTP brings none without (RFC 5321 §4.1.1.4).
    private const string NoEnd = " \t \r\nno end";

    private static readonly string[] OddBodies = ["", "\r\n\r\n", NoEnd];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string Record(SigningKey key, string selector = Selector) =>
        DkimMessage.Record(DkimKeyRecord.NameOf(selector, Domain), DkimKeyRecord.ToTxt(key.Type, key.ExportPublicKey()));

    private static string Sign(SigningKey key, string body, Canonicalization header, Canonicalization bodies, string selector = Selector)
    {
        var signer = new DkimSigner { Key = key, Selector = selector, Domain = Domain, HeaderCanonicalization = header, BodyCanonicalization = bodies };
        return Encoding.ASCII.GetString(signer.Sign(HeaderBlock.Parse(Encoding.Latin1.GetBytes(Header)), SignedMessage.HashBody(body, bodies), TimeProvider.System.GetUtcNow()));
    }

    private static string Require(string program)
    {
        var path = new[] { "/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin" }.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"{program} is not installed");
        return path;
    }

    public static TheoryData<string, KeyType> Verifiers { get; } = new()
    {
        { "opendkim-testmsg", KeyType.Rsa },
        { "dkimpy", KeyType.Rsa },
        { "dkimpy", KeyType.Ed25519 },
        { "Mail::DKIM", KeyType.Rsa },
    };

    [Theory]
    [MemberData(nameof(Verifiers))]
    public async Task What_DkimSigner_signs_is_accepted(string verifier, KeyType type)
    {
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
        var (accepted, output) = await VerifyAsync(verifier, [Record(key)], messages);
        Assert.True(accepted.Take(good).All(yes => yes) && !accepted.Skip(good).Any(yes => yes), $"{string.Join(' ', accepted)}\n{output}");
    }

    [Fact]
    public async Task A_message_signed_twice_is_accepted_by_those_who_know_one_key_type_and_those_who_know_both()
    {
        var message = Sign(TestKeys.Rsa, Body, Canonicalization.Relaxed, Canonicalization.Relaxed, "rsa") +
            Sign(TestKeys.Ed25519, Body, Canonicalization.Relaxed, Canonicalization.Simple, "ed") + Header + "\r\n" + Body;
        string[] records = [Record(TestKeys.Rsa, "rsa"), Record(TestKeys.Ed25519, "ed")];

        Assert.Equal([true], (await VerifyAsync("opendkim-testmsg", records, [message])).Accepted);
        Assert.Equal([true], (await VerifyAsync("dkimpy", records, [message])).Accepted);

        var ours = await DkimMessage.Parse(message).VerifyAsync(Known(TestKeys.Rsa, "rsa").Add("ed", Domain, Text(TestKeys.Ed25519)));
        Assert.Equal([("pass", "rsa"), ("pass", "ed")], ours.Signatures.Select(finding => (finding.Result, finding.Selector)));
    }

    private static Task<(List<bool> Accepted, string Output)> VerifyAsync(string verifier, IEnumerable<string> records, List<string> messages)
    {
        Require("unshare");
        Require("unbound");
        return ResolverNamespace.RunAsync(
            records,
            verifier switch
            {
                "opendkim-testmsg" => $"for i in *.eml; do {Require("opendkim-testmsg")} < $i; echo $? > ${{i%.eml}}.code; done",

                // Every signature of the message has to be good.
                "dkimpy" => $"""
                    {Require("python3")} - <<'END'
                    import dkim, glob
                    for name in glob.glob("*.eml"):
                        message = open(name, "rb").read()
                        try:
                            good = all(dkim.DKIM(message).verify(i) for i in range(message.count(b"DKIM-Signature:")))
                        except dkim.ValidationError as error:
                            good = print(name, error)
                        open(name.replace(".eml", ".code"), "w").write("0" if good else "1")
                    END
                    """,
                _ => $$"""
                    {{Require("perl")}} - <<'END'
                    use Mail::DKIM::Verifier;
                    local $/;
                    for my $name (glob("*.eml")) {
                        open(my $in, "<", $name);
                        my $verifier = Mail::DKIM::Verifier->new;
                        $verifier->PRINT(scalar <$in>);
                        $verifier->CLOSE;
                        print $name, " ", $verifier->result_detail, "\n";
                        open(my $out, ">", $name =~ s/eml$/code/r);
                        print $out $verifier->result eq "pass" ? 0 : 1;
                    }
                    END
                    """,
            },
            messages);
    }

    public static MatrixTheoryData<Canonicalization, Canonicalization, KeyType> Forms { get; } =
        new([Canonicalization.Simple, Canonicalization.Relaxed], [Canonicalization.Simple, Canonicalization.Relaxed], [KeyType.Rsa, KeyType.Ed25519]);

    [Theory]
    [MemberData(nameof(Forms))]
    public Task What_dkimpy_signs_passes(Canonicalization header, Canonicalization body, KeyType type)
    {
        // dkimpy takes the 32 octets of Ed25519 in base64 instead of PEM.
        var key = TestKeys.Of(type);
        return AssertPassesAsync(
            key, [Body, .. OddBodies], type == KeyType.Rsa ? key.ExportPem() : Ed25519Seed(key), "python3",
            $"""
            import dkim, glob
            key = open("key.pem", "rb").read()
            for name in glob.glob("*.eml"):
                field = dkim.sign(open(name, "rb").read(), b"{Selector}", b"{Domain}", key, canonicalize=(b"{Word(header)}", b"{Word(body)}"),
                    signature_algorithm=b"{(type == KeyType.Rsa ? "rsa" : "ed25519")}-sha256")
                open(name.replace(".eml", ".field"), "wb").write(field)
            """);
    }

    [Theory]
    [InlineData(Canonicalization.Simple, Canonicalization.Simple)]
    [InlineData(Canonicalization.Simple, Canonicalization.Relaxed)]
    [InlineData(Canonicalization.Relaxed, Canonicalization.Simple)]
    [InlineData(Canonicalization.Relaxed, Canonicalization.Relaxed)]
    public Task What_Mail_DKIM_signs_passes(Canonicalization header, Canonicalization body) => AssertPassesAsync(
        TestKeys.Rsa, [Body, .. OddBodies[..2]], TestKeys.Rsa.ExportPem(), "perl",
        $$"""
        use Mail::DKIM::Signer;
        for my $name (glob("*.eml")) {
            open(my $in, "<", $name);
            my $message = do { local $/; <$in> };
            my $signer = Mail::DKIM::Signer->new(
                Algorithm => "rsa-sha256", Method => "{{Word(header)}}/{{Word(body)}}", Domain => "{{Domain}}", Selector => "{{Selector}}", KeyFile => "key.pem");
            $signer->PRINT($message);
            $signer->CLOSE;
            open(my $out, ">", $name =~ s/eml$/field/r);
            print $out $signer->signature->as_string, "\r\n";
        }
        """);

    [Theory]
    [InlineData(Canonicalization.Simple, Canonicalization.Simple)]
    [InlineData(Canonicalization.Simple, Canonicalization.Relaxed)]
    [InlineData(Canonicalization.Relaxed, Canonicalization.Simple)]
    [InlineData(Canonicalization.Relaxed, Canonicalization.Relaxed)]
    public Task What_the_library_of_OpenDKIM_signs_passes(Canonicalization header, Canonicalization body)
    {
        // opendkim-testmsg signs with SHA-1 only; the library that it comes with (dkim.h) has the rest.
        Assert.SkipWhen(!NativeLibrary.TryLoad("libopendkim.so.11", out _), "libopendkim 11 is not installed");
        return AssertPassesAsync(
            TestKeys.Rsa, [Body, .. OddBodies[..2]], TestKeys.Rsa.ExportPem(), "python3",
            $"""
            import ctypes, glob, re
            lib = ctypes.CDLL("libopendkim.so.11")
            lib.dkim_init.restype = lib.dkim_sign.restype = ctypes.c_void_p
            lib.dkim_sign.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p,
                ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_int)]
            handle, status, key = lib.dkim_init(None, None), ctypes.c_int(0), open("key.pem", "rb").read()
            for name in glob.glob("*.eml"):
                header, body = open(name, "rb").read().split(b"\r\n\r\n", 1)
                job = ctypes.c_void_p(lib.dkim_sign(handle, b"j", None, key, b"{Selector}", b"{Domain}", {(int)header}, {(int)body}, 1, -1, ctypes.byref(status)))
                for field in re.split(b"\r\n(?![ \t])", header):
                    assert lib.dkim_header(job, field, ctypes.c_size_t(len(field))) == 0
                assert lib.dkim_eoh(job) == 0
                assert not body or lib.dkim_body(job, body, ctypes.c_size_t(len(body))) == 0
                assert lib.dkim_eom(job, None) == 0
                signature = ctypes.create_string_buffer(4096)
                assert lib.dkim_getsighdr(job, signature, ctypes.c_size_t(4096), ctypes.c_size_t(len("DKIM-Signature: "))) == 0
                open(name.replace(".eml", ".field"), "wb").write(b"DKIM-Signature: " + signature.value + b"\r\n")
            """);
    }

    [Fact]
    public async Task What_opendkim_testmsg_signs_is_refused_for_its_SHA_1()
    {
        var folder = Directory.CreateTempSubdirectory("mailkey-dkim-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "key.pem"), TestKeys.Rsa.ExportPem(), Cancellation);
            await File.WriteAllTextAsync(Path.Combine(folder, "0.eml"), Header + "\r\n" + Body, Encoding.Latin1, Cancellation);
            await RunAsync("sh", $"{Require("opendkim-testmsg")} -C -d {Domain} -s {Selector} -k key.pem < 0.eml > 0.out", folder);
            var signed = await File.ReadAllTextAsync(Path.Combine(folder, "0.out"), Encoding.Latin1, Cancellation);
            var finding = Assert.Single((await DkimMessage.Parse(signed).VerifyAsync(Known(TestKeys.Rsa))).Signatures);
            Assert.Equal(("permerror", "rsa-sha1 is not accepted (RFC 8301)", Domain, Selector), (finding.Result, finding.Reason, finding.Domain, finding.Selector));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The program reads 0.eml, 1.eml and so on, and key.pem, and writes the signature fields to 0.field, 1.field and so on.
    private static async Task AssertPassesAsync(SigningKey key, string[] bodies, string privateKey, string interpreter, string program)
    {
        var folder = Directory.CreateTempSubdirectory("mailkey-dkim-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "key.pem"), privateKey, Cancellation);
            for (var i = 0; i < bodies.Length; i++)
            {
                await File.WriteAllTextAsync(Path.Combine(folder, $"{i}.eml"), Header + "\r\n" + bodies[i], Encoding.Latin1, Cancellation);
            }

            await RunAsync(interpreter, program, folder);
            for (var i = 0; i < bodies.Length; i++)
            {
                var signed = await File.ReadAllTextAsync(Path.Combine(folder, $"{i}.field"), Encoding.Latin1, Cancellation) + Header + "\r\n" + bodies[i];
                var finding = Assert.Single((await DkimMessage.Parse(signed).VerifyAsync(Known(key))).Signatures);
                Assert.Equal(("pass", null), (finding.Result, finding.Reason));
                var changed = Assert.Single((await DkimMessage.Parse(signed + "more\r\n").VerifyAsync(Known(key))).Signatures);
                Assert.Equal(("fail", "the body was changed after signing"), (changed.Result, changed.Reason));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Text(SigningKey key) => DkimKeyRecord.ToTxt(key.Type, key.ExportPublicKey());

    private static FixedDns Known(SigningKey key, string selector = Selector) => FixedDns.With(selector, Domain, Text(key));

    private static string Ed25519Seed(SigningKey key)
    {
        var der = Convert.FromBase64String(string.Concat(key.ExportPem().Split('\n').Where(line => !line.StartsWith('-'))));
        return Convert.ToBase64String(der.AsSpan(der.Length - 32));
    }

    private static string Word(Canonicalization canonicalization) => canonicalization == Canonicalization.Simple ? "simple" : "relaxed";

    private static async Task RunAsync(string interpreter, string program, string folder)
    {
        using var process = Process.Start(new ProcessStartInfo(Require(interpreter)) { WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync(Cancellation);
        var errors = process.StandardError.ReadToEndAsync(Cancellation);
        await process.StandardInput.WriteAsync(program);
        process.StandardInput.Close();
        await process.WaitForExitAsync(Cancellation);
        Assert.True(process.ExitCode == 0, await errors + await output);
    }
}
