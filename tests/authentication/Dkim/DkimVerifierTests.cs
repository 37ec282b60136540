using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Authentication.Tests.Signatures;
using Mailkey.Dns;
using Mailkey.Mime;
using Mailkey.Testkit;
using Mailkey.Testkit.Dns;

namespace Mailkey.Authentication.Tests.Dkim;

public sealed class DkimVerifierTests
{
    private const string Header =
        "From: Ann <ann@example.org>\r\nTo: bob@example.net,\r\n\t carol@example.net\r\nSubject: Dinner  at eight\r\nDate: Sun, 22 Nov 2026 02:43:05 +0000\r\nMessage-ID: <1@example.org>\r\n";

    private const string Body = "Hello Bob,\r\n\r\nhere  is some\ttext. \r\n\r\n\r\n";

    private static readonly DateTimeOffset Now = SignedMessage.Now;

    private static readonly string EdRecord = DkimKeyRecord.ToTxt(KeyType.Ed25519, TestKeys.Ed25519.ExportPublicKey());

    private static readonly FixedDns Dns = FixedDns.With(TestKeys.Ed25519);

    // The clock stands still, and the limit of a test is never reached by it.
    private static async Task<DkimFindings> JudgeAsync(string message, IDnsResolver? dns = null, DateTimeOffset? now = null) =>
        await DkimMessage.Parse(message).VerifyAsync(dns ?? Dns, new ManualTime(now ?? Now));

    private static async Task<DkimFinding> JudgeOneAsync(string message, IDnsResolver? dns = null, DateTimeOffset? now = null) =>
        Assert.Single((await JudgeAsync(message, dns, now)).Signatures);

    private static string Sign(string header = Header, string body = Body, SigningKey? key = null, string selector = "2026a", string domain = "example.org",
        Canonicalization headers = Canonicalization.Relaxed, Canonicalization bodies = Canonicalization.Relaxed)
    {
        var signer = new DkimSigner { Key = key ?? TestKeys.Ed25519, Selector = selector, Domain = domain, HeaderCanonicalization = headers, BodyCanonicalization = bodies };
        return Encoding.ASCII.GetString(signer.Sign(HeaderBlock.Parse(Encoding.Latin1.GetBytes(header)), SignedMessage.HashBody(body, bodies), Now)) + header + "\r\n" + body;
    }

    // A signature made by the book, apart from our signer: with any tags, over any fields.
    private static string SignByHand(string tags, string header = Header, string h = "from", string body = Body)
    {
        var bh = Convert.ToBase64String(SHA256.HashData(Encoding.Latin1.GetBytes(body.TrimEnd('\r', '\n') + "\r\n")));
        var field = $"DKIM-Signature: v=1; a=ed25519-sha256; {tags}; h={h}; bh={bh}; b=";
        var left = header.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).ToList();
        var data = new StringBuilder();
        foreach (var name in h.Split(':').Select(name => name.Trim()))
        {
            var at = left.FindLastIndex(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase));
            if (at >= 0)
            {
                data.Append(left[at]).Append("\r\n");
                left.RemoveAt(at);
            }
        }

        data.Append(field);
        return field + Convert.ToBase64String(TestKeys.Ed25519.SignHash(SHA256.HashData(Encoding.Latin1.GetBytes(data.ToString())))) + "\r\n" + header + "\r\n" + body;
    }

    public static MatrixTheoryData<KeyType, Canonicalization, Canonicalization> Forms { get; } =
        new([KeyType.Ed25519, KeyType.Rsa], [Canonicalization.Simple, Canonicalization.Relaxed], [Canonicalization.Simple, Canonicalization.Relaxed]);

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task DkimVerifier_passes_what_DkimSigner_signs(KeyType type, Canonicalization header, Canonicalization body)
    {
        var key = TestKeys.Of(type);
        var finding = await JudgeOneAsync(Sign(key: key, headers: header, bodies: body), FixedDns.With(key));

        Assert.Equal(("pass", null, "example.org", "2026a", "@example.org"), (finding.Result, finding.Reason, finding.Domain, finding.Selector, finding.Identity));
        Assert.Equal(type == KeyType.Rsa ? ("rsa-sha256", 2048) : ("ed25519-sha256", 256), (finding.Algorithm, finding.KeyBits!.Value));
        Assert.Equal(8, finding.SignatureStart!.Length);
        Assert.NotNull(finding.Fingerprint);
    }

    [Fact]
    public void DkimVerifier_passes_no_message_of_which_any_octet_changed()
    {
        // Simple keeps every octet; what is not signed is the value of b= and what stands before the signature.
        var signed = Sign(headers: Canonicalization.Simple, bodies: Canonicalization.Simple);
        var verifier = new DkimVerifier(Dns, new ManualTime(Now));
        var b = signed.IndexOf("\tb=", StringComparison.Ordinal) + 3;
        var end = signed.IndexOf("From: Ann", StringComparison.Ordinal);
        var change = from at in Gen.Choose(0, signed.Length - 1)
                     from bits in Gen.Choose(1, 255)
                     where at < b || at >= end
                     select (At: at, Bits: bits);
        Prop.ForAll(change.ToArbitrary(), change =>
        {
            var changed = signed.ToCharArray();
            changed[change.At] ^= (char)change.Bits;
            var text = Encoding.Latin1.GetBytes(changed);
            var length = HeaderBlock.Measure(text, out var start);
            using var simple = new BodyHasher(Canonicalization.Simple);
            simple.Append(text.AsSpan(start));
            var findings = verifier.VerifyAsync(HeaderBlock.Parse(text.AsMemory(0, length)), new BodyDigests(simple.Finish(), default), TimeSpan.FromHours(1), CancellationToken.None).AsTask();
            Assert.True(findings.IsCompletedSuccessfully);
            return findings.Result.Signatures.All(finding => finding.Result is not ("pass" or "temperror"));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    [Theory]
    [InlineData("From: Mallory <m@example.org>\r\n", "permerror", "more than one From field")]
    [InlineData("From : Mallory <m@example.org>\r\n", "permerror", "the header block is malformed: MalformedField at octet 4")]
    [InlineData("Subject: Send money\r\n", "permerror", "more than one Subject field")]
    [InlineData("Reply-To: mallory@example.com\r\n", "fail", "the key did not make this signature, or a signed field was changed")]
    [InlineData("Cc: mallory@example.com\r\n", "fail", "the key did not make this signature, or a signed field was changed")]
    [InlineData("Content-Type: text/html\r\n", "fail", "the key did not make this signature, or a signed field was changed")]
    [InlineData("X-Spam: no\r\n", "pass", null)]
    [InlineData("Received: from a by b\r\n", "pass", null)]
    public async Task DkimVerifier_notices_every_field_that_DkimSigner_over_signs(string added, string result, string? reason)
    {
        var finding = await JudgeOneAsync(added + Sign());
        Assert.Equal((result, reason), (finding.Result, finding.Reason));
    }

    [Fact]
    public async Task DkimVerifier_gives_no_credit_to_a_message_without_author()
    {
        var finding = await JudgeOneAsync(Sign("Subject: x\r\n"));
        Assert.Equal(("permerror", "no From field"), (finding.Result, finding.Reason));
    }

    [Theory]
    [InlineData("X-One: 1\r\nX-One: 2\r\nX-One: 3\r\n", "X-One: 0\r\n", true)] // added on top, where h= does not reach
    [InlineData("X-One: 1\r\nX-One: 2\r\n", "", true)]
    [InlineData("X-One: 1\r\nX-One: 2\r\n", "X-One: 0\r\n", false)] // the null of the third mention is taken by the addition
    public async Task DkimVerifier_takes_repeated_fields_from_the_bottom_up(string repeated, string added, bool good)
    {
        var signed = SignByHand("d=example.org; s=2026a", Header + repeated, "from:x-one:x-one:x-one");
        Assert.Equal(good ? "pass" : "fail", (await JudgeOneAsync(signed.Replace(Header, Header + added, StringComparison.Ordinal))).Result);
    }

    [Theory]
    [InlineData("d=example.org; s=2026a", "pass", null)]
    [InlineData("d=EXAMPLE.org; s=2026A", "pass", null)]
    [InlineData("d=example.org; s=2026a; c=simple", "pass", null)]
    [InlineData("d=example.org; s=2026a; c=simple/simple", "pass", null)]
    [InlineData("d=example.org; s=2026a; unknown=a b c", "pass", null)]
    [InlineData("d=example.org; s=2026a; q=dns/txt", "pass", null)]
    [InlineData("d=example.org; s=2026a; q=http/get : dns/txt", "pass", null)]
    [InlineData("d=example.org; s=2026a; q=dns", "permerror", "q= names no known method")]
    [InlineData("d=example.org; s=2026a; q=", "permerror", "q= names no known method")]
    [InlineData("d=example.org; s=2026a; i=ann@example.org", "pass", null)]
    [InlineData("d=example.org; s=2026a; i=ann=40sub.example=2Eorg", "pass", null)]
    [InlineData("d=example.org; s=2026a; i=@SUB.example.org", "pass", null)]
    [InlineData("d=example.org; s=2026a; i=@xexample.org", "permerror", "i= is not within d=")]
    [InlineData("d=example.org; s=2026a; i=@org", "permerror", "i= is not within d=")]
    [InlineData("d=example.org; s=2026a; i=ann", "permerror", "i= is not within d=")]
    [InlineData("d=example.org; s=2026a; i=", "permerror", "i= is not within d=")]
    [InlineData("d=example.org; s=2026a; t=1800000000", "pass", null)]
    [InlineData("d=example.org; s=2026a; t=1800000300", "pass", null)]
    [InlineData("d=example.org; s=2026a; t=1800000301", "permerror", "signed in the future; check the clock of the signer")]
    [InlineData("d=example.org; s=2026a; x=1799999700", "pass", null)]
    [InlineData("d=example.org; s=2026a; x=1799999699", "permerror", "the signature has expired")]
    [InlineData("d=example.org; s=2026a; t=1800000000; x=1800000000", "permerror", "x= is not later than t=")]
    [InlineData("d=example.org; s=2026a; t=-1", "permerror", "t= is not a time")]
    [InlineData("d=example.org; s=2026a; x=1e9", "permerror", "x= is not a time")]
    [InlineData("d=example.org; s=2026a; x=1234567890123", "permerror", "x= is not a time")]
    [InlineData("d=example.org; s=2026a; l=10", "policy", "l= leaves a part of the body unsigned")]
    [InlineData("d=example.org; s=2026a; l=999999", "policy", "l= leaves a part of the body unsigned")]
    [InlineData("d=example.org; s=2026a; l=-1", "permerror", "l= is not a number")]
    [InlineData("d=example.org; s=2026a; c=nofws", "permerror", "c= is neither simple nor relaxed")]
    [InlineData("d=example.org; s=2026a; c=simple/simple/simple", "permerror", "c= is neither simple nor relaxed")]
    [InlineData("d=example.org; s=2026a; c=Simple", "permerror", "c= is neither simple nor relaxed")]
    [InlineData("d=example.org; s=2026a; d=example.org", "permerror", "duplicate tag at octet 48")]
    [InlineData("s=2026a", "permerror", "d= is missing")]
    [InlineData("d=example.org", "permerror", "s= is missing")]
    [InlineData("d=; s=2026a", "permerror", "d= is missing")]
    [InlineData("d=exa mple.org; s=2026a", "permerror", "s= and d= are not the name of a key")]
    [InlineData("d=example.org; s=a..b", "permerror", "s= and d= are not the name of a key")]
    [InlineData("d=example.org; s=none", "permerror", "no key is published")]
    public async Task DkimVerifier_reads_the_tags_by_the_book(string tags, string result, string? reason)
    {
        var finding = await JudgeOneAsync(SignByHand(tags));
        Assert.Equal((result, reason), (finding.Result, finding.Reason));
    }

    [Theory]
    [InlineData("v=1;", "v=2;", "v= is not 1")]
    [InlineData("v=1;", "", "v= is not 1")]
    [InlineData("v=1;", "v=01;", "v= is not 1")]
    [InlineData("a=ed25519-sha256", "a=rsa-sha1", "rsa-sha1 is not accepted (RFC 8301)")]
    [InlineData("a=ed25519-sha256", "a=rsa-md5", "a= is not known")]
    [InlineData("a=ed25519-sha256; ", "", "a= is missing")]
    [InlineData("h=from", "h=to", "From is not signed")]
    [InlineData("h=from", "h=", "h= is missing")]
    [InlineData("h=from", "h=from:", "h= holds what is no field name")]
    [InlineData("bh=", "bh=AA", "bh= is not a SHA-256 in base64")]
    [InlineData("b=", "b=*", "b= is not a signature in base64")]
    [InlineData("; b=", "", "no tag")]
    public async Task DkimVerifier_calls_what_it_cannot_read_a_permerror(string part, string replacement, string reason)
    {
        var signed = SignByHand("d=example.org; s=2026a");
        var at = signed.IndexOf(part, StringComparison.Ordinal);
        signed = reason == "no tag" ? "DKIM-Signature:\r\n" + Header + "\r\n" + Body : string.Concat(signed.AsSpan(0, at), replacement, signed.AsSpan(at + part.Length));
        var dns = FixedDns.With(TestKeys.Ed25519);
        var finding = await JudgeOneAsync(signed, dns);

        Assert.Equal("permerror", finding.Result);
        Assert.StartsWith(reason, finding.Reason, StringComparison.Ordinal);

        // Nothing that is said without a key costs a question.
        Assert.Empty(dns.Asked);
    }

    [Theory]
    [InlineData("v=DKIM1; k=ed25519; p=KEY", "pass", null)]
    [InlineData("k=ed25519; p=KEY", "pass", null)]
    [InlineData("k=ed25519; p=KEY; v=DKIM1", "permerror", "the key record can't be used: v= is not DKIM1 or does not stand first")]
    [InlineData("v=DKIM2; k=ed25519; p=KEY", "permerror", "the key record can't be used: v= is not DKIM1 or does not stand first")]
    [InlineData("v=DKIM1; p=KEY", "permerror", "the key is not of the type that a= names")]
    [InlineData("v=DKIM1; k=ecc; p=KEY", "permerror", "the key record can't be used: k= is not known")]
    [InlineData("v=DKIM1; k=ed25519; p=", "permerror", "the key is revoked")]
    [InlineData("v=DKIM1; k=ed25519", "permerror", "the key record can't be used: p= has to be there, empty or base64")]
    [InlineData("v=DKIM1; k=ed25519; p=!!", "permerror", "the key record can't be used: p= has to be there, empty or base64")]
    [InlineData("v=DKIM1; k=ed25519; p=AAAA", "permerror", "the key record can't be used: an Ed25519 key has 32 octets")]
    [InlineData("v=DKIM1; k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "permerror", "not a usable Ed25519 key")]
    [InlineData("v=DKIM1; k=ed25519; h=sha1:sha256; p=KEY", "pass", null)]
    [InlineData("v=DKIM1; k=ed25519; h=sha1; p=KEY", "permerror", "the key is not for SHA-256")]
    [InlineData("v=DKIM1; k=ed25519; s=email; p=KEY", "pass", null)]
    [InlineData("v=DKIM1; k=ed25519; s=tlsrpt : *; p=KEY", "pass", null)]
    [InlineData("v=DKIM1; k=ed25519; s=tlsrpt; p=KEY", "permerror", "the key is not for mail")]
    [InlineData("v=DKIM1; k=ed25519; t=s; p=KEY", "permerror", "the key does not allow i= below d=")]
    [InlineData("v=DKIM1; k=ed25519; t=x:s; p=KEY", "permerror", "the key does not allow i= below d=")]
    [InlineData("v=DKIM1; k=ed25519; t=y; p=KEY", "neutral", "good signature of a test key")]
    [InlineData("v=DKIM1; k=ed25519; t= s : y ; p=KEY", "neutral", "test key: the key does not allow i= below d=")]
    [InlineData("v=DKIM1; k=ed25519; t=y; p=", "neutral", "test key: the key is revoked")]
    [InlineData("v=DKIM1; k=ed25519; n=a note; g=*; p=KEY", "pass", null)]
    [InlineData("v=DKIM1; k=ed25519; p=KEY; p=KEY", "permerror", "the key record can't be used: duplicate tag at octet 68")]
    [InlineData("v=spf1 -all", "permerror", "the key record can't be used: v= is not DKIM1 or does not stand first")]
    [InlineData("", "permerror", "the key record can't be used: no tag at octet 0")]
    public async Task DkimVerifier_reads_key_records_by_the_book(string record, string result, string? reason)
    {
        var text = record.Replace("KEY", Convert.ToBase64String(TestKeys.Ed25519.ExportPublicKey()), StringComparison.Ordinal);
        var finding = await JudgeOneAsync(SignByHand("d=example.org; s=2026a; i=@sub.example.org"), FixedDns.With("2026a", "example.org", text));
        Assert.Equal((result, reason), (finding.Result, finding.Reason));
    }

    [Fact]
    public async Task DkimVerifier_does_not_read_a_key_record_without_end()
    {
        var finding = await JudgeOneAsync(Sign(), FixedDns.With("2026a", "example.org", EdRecord + "; n=" + new string('x', DkimKeyRecord.MaxLength)));
        Assert.Equal(("permerror", "the key record can't be used: longer than 4096 octets"), (finding.Result, finding.Reason));
    }

    [Fact]
    public async Task DkimVerifier_blames_no_domain_that_tests_for_what_was_changed()
    {
        var dns = FixedDns.With("2026a", "example.org", DkimKeyRecord.ToTxt(KeyType.Ed25519, TestKeys.Ed25519.ExportPublicKey(), test: true));
        var finding = await JudgeOneAsync(Sign() + "more\r\n", dns);
        Assert.Equal(("neutral", "test key: the body was changed after signing"), (finding.Result, finding.Reason));
        Assert.Null(finding.Fingerprint);
    }

    [Fact]
    public async Task DkimVerifier_tries_several_records_of_a_name_but_not_many()
    {
        using var other = SigningKey.GenerateEd25519();
        var foreign = DkimKeyRecord.ToTxt(KeyType.Ed25519, other.ExportPublicKey());
        Assert.Equal("pass", (await JudgeOneAsync(Sign(), FixedDns.With("2026a", "example.org", "v=spf1 -all", foreign, EdRecord))).Result);
        Assert.Equal("pass", (await JudgeOneAsync(Sign(), FixedDns.With("2026a", "example.org", EdRecord, foreign, "no record"))).Result);
        Assert.Equal("fail", (await JudgeOneAsync(Sign(), FixedDns.With("2026a", "example.org", foreign, "no record"))).Result);

        // The ones before it, in the order of their text, use up what is tried.
        string[] many = [.. Enumerable.Range(0, 5).Select(i => $"k=ed25519; n={i}; p={foreign.Split("p=")[1]}"), EdRecord];
        Assert.Equal("fail", (await JudgeOneAsync(Sign(), FixedDns.With("2026a", "example.org", many))).Result);
    }

    [Theory]
    [InlineData(DnsStatus.NameError, "permerror", "no key is published")]
    [InlineData(DnsStatus.NoData, "permerror", "no key is published")]
    [InlineData(DnsStatus.ServerFailure, "temperror", "the DNS failed to answer for the key")]
    [InlineData(DnsStatus.Timeout, "temperror", "the DNS did not answer for the key in time")]
    public async Task DkimVerifier_is_temporarily_wrong_only_when_the_DNS_is(DnsStatus status, string result, string reason)
    {
        var finding = await JudgeOneAsync(Sign(), new FixedDns().Fail("2026a", "example.org", status));
        Assert.Equal((result, reason), (finding.Result, finding.Reason));
    }

    [Theory]
    [InlineData(512, "fail", "an RSA key of 512 bits is too short; 1024 is the least")]
    [InlineData(1008, "fail", "an RSA key of 1008 bits is too short; 1024 is the least")]
    [InlineData(4104, "policy", "an RSA key of 4104 bits is too long; 4096 is the most")]
    [InlineData(8192, "policy", "an RSA key of 1062 octets is longer than one of 4096 bits can be")]
    public async Task DkimVerifier_refuses_RSA_keys_beyond_1024_to_4096_bits(int bits, string result, string reason)
    {
        // Any odd number will do as a modulus where no arithmetic is to be done. The example of RFC 8463 has one of 1024 bits.
        using var published = RSA.Create(new RSAParameters { Modulus = [.. Enumerable.Repeat((byte)0xff, bits / 8)], Exponent = [1, 0, 1] });
        var record = $"v=DKIM1; p={Convert.ToBase64String(published.ExportSubjectPublicKeyInfo())}";
        var finding = await JudgeOneAsync(Sign(key: TestKeys.Rsa), FixedDns.With("2026a", "example.org", record));
        Assert.Equal((result, reason), (finding.Result, finding.Reason));
    }

    [Fact]
    public async Task DkimVerifier_takes_an_RSAPublicKey_as_the_text_of_the_RFC_has_it()
    {
        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(TestKeys.Rsa.ExportPublicKey(), out _);
        var finding = await JudgeOneAsync(Sign(key: TestKeys.Rsa), FixedDns.With("2026a", "example.org", $"p={Convert.ToBase64String(rsa.ExportRSAPublicKey())}"));
        Assert.Equal(("pass", null), (finding.Result, finding.Reason));
    }

    [Fact]
    public async Task DkimVerifier_looks_at_the_first_five_and_counts_the_rest()
    {
        var signatures = string.Concat(Enumerable.Range(0, 7).Select(i => $"DKIM-Signature: v=1; a=rsa-sha256; d=d{i}.example; s=s; h=from; bh={Convert.ToBase64String(new byte[32])}; b=AAAA\r\n"));
        var dns = new FixedDns();
        var findings = await JudgeAsync(signatures + Sign(), dns);

        Assert.Equal(["d0.example", "d1.example", "d2.example", "d3.example", "d4.example"], findings.Signatures.Select(finding => finding.Domain));
        Assert.Equal(3, findings.Ignored);
        Assert.Equal(5, dns.Asked.Count);
    }

    [Fact]
    public async Task DkimVerifier_asks_for_all_keys_at_the_same_time()
    {
        // No question is answered before all of them were asked.
        var all = new TaskCompletionSource();
        var dns = new FixedDns
        {
            OnAsked = asked =>
            {
                if (asked == 3)
                {
                    all.SetResult();
                }

                return all.Task;
            },
        };
        dns.Add("2026a", "example.org", EdRecord).Add("b", "example.net", EdRecord).Add("c", "example.com", EdRecord);
        var one = Sign();
        var two = Sign(selector: "b", domain: "example.net");
        var three = Sign(selector: "c", domain: "example.com");
        var end = Header.Length + 2 + Body.Length;

        var findings = await JudgeAsync(one[..^end] + two[..^end] + three, dns);
        Assert.Equal(["pass", "pass", "pass"], findings.Signatures.Select(finding => finding.Result));
    }

    [Fact]
    public async Task DkimVerifier_waits_no_longer_than_its_limit_and_says_what_is_known()
    {
        var time = new ManualTime(Now);
        var asked = new TaskCompletionSource();
        var dns = FixedDns.With(TestKeys.Ed25519).Silence("slow", "example.net");
        dns.OnAsked = count =>
        {
            if (count == 2)
            {
                asked.SetResult();
            }

            return Task.CompletedTask;
        };
        var slow = Sign(selector: "slow", domain: "example.net");
        var message = DkimMessage.Parse(slow[..^(Header.Length + 2 + Body.Length)] + Sign());
        var verification = message.VerifyAsync(dns, time, TimeSpan.FromSeconds(5));
        await asked.Task;
        Assert.False(verification.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(5));

        var findings = await verification.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal([("temperror", "the key was not found in time"), ("pass", null)], findings.Signatures.Select(finding => (finding.Result, finding.Reason)));
    }

    [Fact]
    public async Task DkimVerifier_does_not_let_one_network_take_every_turn()
    {
        var time = new ManualTime(Now);
        var verifier = new DkimVerifier(FixedDns.With(TestKeys.Ed25519).Silence("slow", "example.net"), time, maxLookUps: 4);
        var slow = DkimMessage.Parse(Sign(selector: "slow", domain: "example.net"));
        var good = DkimMessage.Parse(Sign());
        var waiting = new[] { JudgeWithAsync(slow, "192.0.2.1"), JudgeWithAsync(slow, "192.0.2.2") };

        Assert.Equal("temperror", await JudgeWithAsync(good, "192.0.2.3"));
        Assert.Equal("pass", await JudgeWithAsync(good, "192.0.3.1"));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(["temperror", "temperror"], await Task.WhenAll(waiting).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.Equal("pass", await JudgeWithAsync(good, "192.0.2.3"));

        async Task<string> JudgeWithAsync(DkimMessage message, string client)
        {
            AskingNetwork.Current = AskingNetwork.Of(client);
            var findings = await verifier.VerifyAsync(message.Headers, message.Body, TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
            return Assert.Single(findings.Signatures).Result;
        }
    }

    [Fact]
    public async Task DkimVerifier_does_not_let_slow_servers_take_every_turn()
    {
        var time = new ManualTime(Now);
        var verifier = new DkimVerifier(FixedDns.With(TestKeys.Ed25519).Silence("slow", "example.net"), time, maxLookUps: 2);
        var slow = DkimMessage.Parse(Sign(selector: "slow", domain: "example.net"));
        var good = DkimMessage.Parse(Sign());
        var waiting = new[] { JudgeWithAsync(slow), JudgeWithAsync(slow) };

        Assert.Equal(("temperror", "too many keys are being looked for"), await JudgeWithAsync(good));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(["temperror", "temperror"], (await Task.WhenAll(waiting).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)).Select(finding => finding.Result));
        Assert.Equal(("pass", null), await JudgeWithAsync(good));

        async Task<(string Result, string? Reason)> JudgeWithAsync(DkimMessage message)
        {
            var findings = await verifier.VerifyAsync(message.Headers, message.Body, TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
            return (findings.Signatures[0].Result, findings.Signatures[0].Reason);
        }
    }

    [Fact]
    public async Task DkimVerifier_tells_two_signatures_of_one_message_apart()
    {
        const string Field = "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=none; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=";
        var findings = await JudgeAsync(Field + "QUJDREVG\r\n R0hJSktM\r\n" + Field + "QUJDREVGR0hJxxxx\r\n" + Field + "AAAA\r\n" + Field + "AAAA\r\n" + Header + "\r\n");
        Assert.Equal(["QUJDREVGR0hJS", "QUJDREVGR0hJx", "AAAA", "AAAA"], findings.Signatures.Select(finding => finding.SignatureStart));
    }

    [Fact]
    public async Task DkimVerifier_says_nothing_of_mail_without_signature()
    {
        var dns = new FixedDns();
        var findings = await JudgeAsync(Header + "\r\n" + Body, dns);
        Assert.Equal((0, 0, 0), (findings.Signatures.Count, findings.Ignored, dns.Asked.Count));
    }

    [Fact]
    public async Task DkimVerifier_knows_a_signature_again_however_it_is_folded()
    {
        var signed = Sign();
        var at = signed.IndexOf("\tb=", StringComparison.Ordinal) + 10;
        var folded = signed[..at] + "\r\n  \t" + signed[at..];
        Assert.Equal((await JudgeOneAsync(signed)).Fingerprint, (await JudgeOneAsync(folded)).Fingerprint);
        Assert.NotEqual((await JudgeOneAsync(signed)).Fingerprint, (await JudgeOneAsync(Sign(body: "x\r\n"))).Fingerprint);
    }

    [Fact]
    public async Task DkimVerifier_takes_a_domain_in_U_labels()
    {
        var field = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes("d=bücher.example; s=schlüssel; i=@sub.xn--bcher-kva.example"));
        var finding = await JudgeOneAsync(SignByHand(field), FixedDns.With(TestKeys.Ed25519, "xn--schlssel-95a", "xn--bcher-kva.example"));
        Assert.Equal(("pass", "xn--bcher-kva.example", "xn--schlssel-95a"), (finding.Result, finding.Domain, finding.Selector));
    }

    [Theory]
    [InlineData("en-US")]
    [InlineData("tr-TR")]
    public async Task DkimVerifier_does_not_depend_on_the_language_of_the_machine(string culture)
    {
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = new CultureInfo(culture);
        try
        {
            Assert.Equal("pass", (await JudgeOneAsync(SignByHand("d=EXAMPLE.ORG; s=2026a; i=I@EXAMPLE.ORG"))).Result);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public async Task The_example_of_RFC_8463_passes_with_both_keys_from_a_server()
    {
        // The keys of appendix A.2; the message is also that of the corpora, where these are here.
        await using var server = await UnboundServer.StartAsync(
            DkimMessage.Record("brisbane._domainkey.football.example.com", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
            DkimMessage.Record(
                "test._domainkey.football.example.com",
                "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC" +
                "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"));
        List<string> files = [Path.Combine(AppContext.BaseDirectory, "Dkim", "rfc8463-appendix-a.eml")];
        if (Corpora.Folder("rfc8463") is { } folder)
        {
            files.Add(Path.Combine(folder, "rfc8463-example.msg"));
        }

        foreach (var file in files)
        {
            var message = DkimMessage.Parse(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken));
            var findings = await message.VerifyAsync(DkimMessage.Resolver(server.Endpoint));
            Assert.Equal(
                [("pass", "brisbane", "ed25519-sha256", 256, "/gCrinpc", "@football.example.com"), ("pass", "test", "rsa-sha256", 1024, "F45dVWDf", "@football.example.com")],
                findings.Signatures.Select(finding => (finding.Result, finding.Selector, finding.Algorithm, finding.KeyBits ?? 0, finding.SignatureStart, finding.Identity)));
        }
    }
}
