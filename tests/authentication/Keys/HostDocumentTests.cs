using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Authentication.Keys;
using Mailkey.Dns;

namespace Mailkey.Authentication.Tests.Keys;

public sealed class HostDocumentTests
{
    private static readonly string Key = DiscoverySetup.PublicKey;

    private static string Good => DiscoverySetup.Document("example.org", 42);

    private static (HostDocument? Document, string? Error) Parse(string json)
    {
        HostDocument.TryParse(Encoding.UTF8.GetBytes(json), "example.org", out var document, out var error);
        return (document, error);
    }

    [Fact]
    public void HostDocument_reads_a_set()
    {
        var (document, error) = Parse($$"""
            {"version":1,"domain":"EXAMPLE.org","serial":42,"more":{"of":["the future"]},
             "keys":[{"name":"2026a","type":"ed25519","key":"{{Key}}","status":"active","note":"n\u0007"},{"name":"old","type":"rsa","status":"revoked"}],
             "report":"https://example.org/reports","max_age":3600}
            """);
        Assert.Null(error);
        Assert.Equal(42, document!.Keys.Serial);
        Assert.Equal(TimeSpan.FromHours(1), document.MaxAge);
        Assert.Equal("https://example.org/reports", document.Keys.ReportUrl);
        Assert.Equal([("2026a", KeyStatus.Active, "n?"), ("old", KeyStatus.Revoked, null)], document.Keys.Keys.Select(key => (key.Name, key.Status, key.Note)));
        Assert.Empty(document.Keys.Problems);
    }

    [Theory]
    [InlineData("\"version\":1", "\"version\":2", "version")]
    [InlineData("\"version\":1", "\"version\":\"1\"", "version")]
    [InlineData("\"version\":1,", "", "version")]
    [InlineData("\"example.org\"", "\"example.net\"", "about example.net")]
    [InlineData("\"example.org\"", "\"\"", "domain")]
    [InlineData("\"example.org\"", "\"\\ud800\"", "domain")]
    [InlineData("\"serial\":42", "\"serial\":-1", "serial")]
    [InlineData("\"serial\":42", "\"serial\":4.2", "serial")]
    [InlineData("\"serial\":42", "\"serial\":99999999999999999999", "serial")]
    [InlineData("\"serial\":42,", "", "serial")]
    [InlineData("\"serial\":42", "\"serial\":42,\"serial\":43", "not JSON")]
    [InlineData("\"keys\":[", "\"nokeys\":[", "keys")]
    [InlineData("{\"version\"", "[{\"version\"", "not JSON")]
    public void HostDocument_refuses_what_is_none(string part, string instead, string problem)
    {
        Assert.Contains(part, Good, StringComparison.Ordinal);
        var (document, error) = Parse(Good.Replace(part, instead, StringComparison.Ordinal));
        Assert.Null(document);
        Assert.Contains(problem, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"name\":\"2026a\"", "\"name\":\"A\"", "name")]
    [InlineData("\"type\":\"ed25519\"", "\"type\":\"dsa\"", "type")]
    [InlineData("\"type\":\"ed25519\"", "\"type\":\"rsa\"", "SubjectPublicKeyInfo")]
    [InlineData("\"status\":\"active\"", "\"status\":\"hot\"", "status")]
    [InlineData("\"status\":\"active\"", "\"status\":null", "status")]
    [InlineData("\"key\":\"", "\"key\":\"*", "base64")]
    [InlineData("\"keys\":[{", "\"keys\":[7,{", "keys[0]")]
    public void HostDocument_reports_a_bad_key_and_lives_on(string part, string instead, string problem)
    {
        Assert.Contains(part, Good, StringComparison.Ordinal);
        var (document, error) = Parse(Good.Replace(part, instead, StringComparison.Ordinal));
        Assert.Null(error);
        Assert.Contains(problem, Assert.Single(document!.Keys.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void HostDocument_is_not_deep_nor_long()
    {
        Assert.Contains("not JSON", Parse(Good[..^1] + ",\"x\":" + new string('[', 10_000) + "1" + new string(']', 10_000) + "}").Error, StringComparison.Ordinal);
        Assert.Contains("32 KiB", Parse(Good + new string(' ', HostDocument.MaxLength)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void HostDocument_uses_neither_of_two_keys_of_one_name_and_not_more_than_32()
    {
        string Item(string name) => $$"""{"name":"{{name}}","type":"ed25519","key":"{{Key}}","status":"active"}""";
        var (document, _) = Parse($$"""{"version":1,"domain":"example.org","serial":1,"keys":[{{string.Join(',', new[] { Item("twice"), Item("twice") }.Concat(Enumerable.Range(0, 40).Select(i => Item($"k{i:00}"))))}}]}""");
        Assert.Equal(KeySetReading.MaxKeys, document!.Keys.Keys.Count);
        Assert.DoesNotContain(document.Keys.Keys, key => key.Name == "twice");
        Assert.Equal(["key twice: published more than once", "more than 32 keys"], document.Keys.Problems.ToArray());
        Assert.Null(document.MaxAge);
    }

    [Fact]
    public void HostDocument_never_throws()
    {
        var bytes = Encoding.UTF8.GetBytes(Good);
        var damage = Gen.Choose(0, bytes.Length - 1).SelectMany(at => Gen.Choose(0, 255).Select(to => (at, (byte)to))).ArrayOf();
        Prop.ForAll(Arb.From(damage), changes =>
        {
            var json = bytes.ToArray();
            foreach (var (at, to) in changes)
            {
                json[at] = to;
            }

            HostDocument.DomainOf(json);
            return HostDocument.TryParse(json, "example.org", out _, out var error) || error.All(c => c is >= ' ' and <= '~');
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000).WithQuietOnSuccess(true));
    }

    [Fact]
    public void KeySetReading_takes_below_an_exchanger_only_what_names_the_domain()
    {
        DnsRecord Text(string text) => new() { Name = "mailkey.mx.test", Type = DnsRecordType.Txt, TimeToLive = TimeSpan.FromMinutes(1), Text = text };
        DnsRecord[] records = [Text(DiscoverySetup.Record("own")), Text(DiscoverySetup.Record("mine", "; d=example.org")), Text(DiscoverySetup.Record("theirs", "; d=example.net"))];
        Assert.Equal(["mine"], KeySetReading.FromText("example.org", records, mustName: true)!.Keys.Select(key => key.Name).ToArray());
        Assert.Equal(["own", "mine"], KeySetReading.FromText("example.org", records, mustName: false)!.Keys.Select(key => key.Name).ToArray());
        Assert.Null(KeySetReading.FromText("example.com", records, mustName: true));

        // However many records a stranger publishes, so many are looked at.
        var many = KeySetReading.FromText("example.org", [.. Enumerable.Range(0, 500).Select(i => Text(DiscoverySetup.Record($"k{i}")))], mustName: false)!;
        Assert.Equal(KeySetReading.MaxKeys, many.Keys.Count);
        Assert.Contains("more than 64 records", many.Problems);
    }
}
