using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;

namespace Mailkey.Authentication.Tests.Keys;

public sealed class KeyRecordTests
{
    private static readonly string Ed25519 = DiscoverySetup.PublicKey;

    private static KeyRecord Parse(string text) => KeyRecord.Parse(Encoding.Latin1.GetBytes(text));

    // A modulus of no use: nobody checks that it is a product of primes, and making one of 4096 bits takes seconds.
    private static string Rsa(int bits)
    {
        var modulus = RandomNumberGenerator.GetBytes(bits / 8);
        modulus[0] |= 0x80;
        modulus[^1] |= 1;
        using var rsa = RSA.Create(new RSAParameters { Modulus = modulus, Exponent = [1, 0, 1] });
        return Convert.ToBase64String(rsa.ExportSubjectPublicKeyInfo());
    }

    [Fact]
    public void KeyRecord_reads_all_tags()
    {
        var record = Parse($"v=MAILKEY1; k=ed25519; s=2026a; p={Ed25519}; t=x:y; n=night\tshift; r=https://example.org/r?a=b; d=B\u00C3\u00BCcher.example; future=1");
        Assert.Equal((KeyRecordKind.Key, "", "xn--bcher-kva.example", "https://example.org/r?a=b"), (record.Kind, record.Problem, record.Domain, record.ReportUrl));
        var key = record.Key!;
        Assert.Equal(("2026a", KeyType.Ed25519, KeyStatus.Active, true, "night?shift"), (key.Name, key.Type, key.Status, key.Test, key.Note));
        Assert.Equal(Ed25519, Convert.ToBase64String(key.Material.Span));
    }

    [Theory]
    [InlineData("")]
    [InlineData("v=spf1 -all")]
    [InlineData("v=DKIM1; p=")]
    [InlineData("v=MAILKEY10; p=")]
    [InlineData("v=mailkey1; s=a")]
    [InlineData("s=2026a; v=MAILKEY1; p=")]
    [InlineData("google-site-verification=abc")]
    public void KeyRecord_leaves_records_of_others_alone(string text) => Assert.Equal(KeyRecordKind.NotOurs, Parse(text).Kind);

    [Theory]
    [InlineData("v=MAILKEY1", "s=")]
    [InlineData("v=MAILKEY1; k=ed25519; p=AAAA", "s=")]
    [InlineData("v=MAILKEY1; k=ed25519; s=Upper; p=AAAA", "s=")]
    [InlineData("v=MAILKEY1; k=ed25519; s=a.b; p=AAAA", "s=")]
    [InlineData("v=MAILKEY1; k=dsa; s=a; p=AAAA", "k=")]
    [InlineData("v=MAILKEY1; s=a; p=AAAA", "k=")]
    [InlineData("v=MAILKEY1; k=ed25519; s=a", "p=")]
    [InlineData("v=MAILKEY1; k=ed25519; s=a; p=A*AA", "p=")]
    [InlineData("v=MAILKEY1; k=ed25519; s=a; p=AAAA", "32 octets")]
    [InlineData("v=MAILKEY1; k=rsa; s=a; p=AAAA", "SubjectPublicKeyInfo")]
    [InlineData("v=MAILKEY1; k=ed25519; s=a; p=AAAA; s=a", "duplicate")]
    [InlineData("v=MAILKEY1; ; s=a", "expected")]
    [InlineData("v=MAILKEY1; k=ed25519; s=a; p=; d=a..b", "d=")]
    public void KeyRecord_reports_what_is_wrong_with_ours(string text, string problem)
    {
        var record = Parse(text);
        Assert.Equal(KeyRecordKind.Malformed, record.Kind);
        Assert.Null(record.Key);
        Assert.Contains(problem, record.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void KeyRecord_reads_a_revoked_key()
    {
        var key = Parse("v=MAILKEY1; k=rsa; s=old; p=").Key!;
        Assert.Equal(KeyStatus.Revoked, key.Status);
        Assert.True(key.Material.IsEmpty);
    }

    [Theory]
    [InlineData(1024, false)]
    [InlineData(2048, true)]
    [InlineData(4096, true)]
    public void KeyRecord_knows_the_sizes_of_rsa(int bits, bool usable)
    {
        var record = Parse($"v=MAILKEY1; k=rsa; s=r; p={Rsa(bits)}");
        Assert.Equal(usable, record.Kind == KeyRecordKind.Key);
        Assert.Equal(usable, record.Problem.Length == 0);
    }

    [Fact]
    public void KeyRecord_has_a_longest_text()
    {
        var filler = new string('x', KeyRecord.MaxLength);
        Assert.Contains("4096", Parse($"v=MAILKEY1; k=ed25519; s=a; p={Ed25519}; n={filler}").Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void KeyRecord_reports_a_report_address_that_is_no_https_url_and_keeps_the_key()
    {
        var record = Parse($"v=MAILKEY1; k=ed25519; s=a; p={Ed25519}; r=javascript:alert(1)");
        Assert.Equal(KeyRecordKind.Key, record.Kind);
        Assert.Null(record.ReportUrl);
        Assert.Contains("r=", record.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void KeyRecord_never_throws()
    {
        var octet = Gen.OneOf(Gen.Elements(Encoding.ASCII.GetBytes("=;: \tkspdtrn1a")), Gen.Choose(0, 255).Select(i => (byte)i));
        Prop.ForAll(Arb.From(octet.ArrayOf()), noise =>
        {
            var record = KeyRecord.Parse([.. "v=MAILKEY1;"u8, .. noise]);
            return record.Kind == KeyRecordKind.Malformed ? record.Problem.Length > 0 && record.Problem.All(c => c is >= ' ' and <= '~') : record.Key is not null;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000).WithQuietOnSuccess(true));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void KeyRecords_writes_what_is_read(bool rsa)
    {
        using var pair = rsa ? SigningKey.GenerateRsa(2048) : SigningKey.GenerateEd25519();
        var key = KeyRecords.Publish(pair, "2026a", test: true, note: "first; \"quoted\"");
        var text = KeyRecords.ToTxt(key, "https://example.org/a;b", "example.org");
        var record = Parse(text);
        Assert.Equal((KeyRecordKind.Key, "", "example.org", "https://example.org/a%3Bb"), (record.Kind, record.Problem, record.Domain, record.ReportUrl));
        Assert.Equal((key.Name, key.Type, key.Test, "first, \"quoted\""), (record.Key!.Name, record.Key.Type, record.Key.Test, record.Key.Note));
        Assert.True(key.Material.Span.SequenceEqual(record.Key.Material.Span));

        var line = KeyRecords.ToZoneLine("example.org", text, TimeSpan.FromHours(1));
        Assert.StartsWith("mailkey.example.org. 3600 IN TXT \"v=MAILKEY1; k=", line, StringComparison.Ordinal);
        Assert.Contains("\\\"quoted\\\"", line, StringComparison.Ordinal);
        Assert.Equal(rsa, line.Contains("\" \"", StringComparison.Ordinal));

        var set = new KeySet { Domain = "example.org", Serial = 7, Keys = [key, key with { Name = "old", Status = KeyStatus.Revoked, Test = false, Material = default }], ReportUrl = "https://example.org/r" };
        Assert.True(HostDocument.TryParse(Encoding.UTF8.GetBytes(KeyRecords.ToHostDocument(set, TimeSpan.FromHours(1))), "example.org", out var document, out var error), error);
        Assert.Equal((7L, "https://example.org/r", TimeSpan.FromHours(1)), (document.Keys.Serial!.Value, document.Keys.ReportUrl, document.MaxAge!.Value));
        Assert.Equal([("2026a", KeyStatus.Active, true), ("old", KeyStatus.Revoked, false)], document.Keys.Keys.Select(k => (k.Name, k.Status, k.Test)));
        Assert.Empty(document.Keys.Problems);
        Assert.Throws<ArgumentException>(() => KeyRecords.Publish(pair, "No"));
    }
}
