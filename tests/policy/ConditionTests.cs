using Mailkey.Contracts;

namespace Mailkey.Policy.Tests;

public sealed class ConditionTests
{
    [Theory]
    [InlineData("example.org", "\"example.org\"", true)]
    [InlineData("example.org", "\"EXAMPLE.org.\"", true)]
    [InlineData("a.example.org", "\"example.org\"", false)]
    [InlineData("a.example.org", "\".example.org\"", true)]
    [InlineData("a.b.example.org", "\".example.org\"", true)]
    [InlineData("example.org", "\".example.org\"", false)]
    [InlineData("notexample.org", "\".example.org\"", false)]
    [InlineData("xn--bcher-kva.example", "\"bücher.example\"", true)]
    [InlineData("b.example", "[\"a.example\", \"b.example\"]", true)]
    [InlineData("deep.listed.example", "\"@names\"", true)]
    [InlineData("listed.example", "[\"x.example\", \"@names\"]", true)]
    [InlineData("unlisted.example", "\"@names\"", false)]
    [InlineData("", "\"example.org\"", false)]
    public void Sender_domain(string domain, string patterns, bool expected) =>
        Assert.Equal(expected, Sample.Matches($$"""{ "sender-domain": {{patterns}} }""", Sample.Message(Sample.Evidence with { Domain = domain })));

    [Fact]
    public void A_list_of_a_file_has_comments_and_either_line_end()
    {
        (string, string)[] list = [("list.txt", "# partners\r\nexample.org # the first\n\n  .example.net\t\n")];
        Assert.True(Sample.Matches("""{ "sender-domain": "@file" }""", Sample.Message(), list));
        Assert.True(Sample.Matches("""{ "sender-domain": "@file" }""", Sample.Message(Sample.Evidence with { Domain = "x.example.net" }), list));
        Assert.False(Sample.Matches("""{ "sender-domain": "@file" }""", Sample.Message(Sample.Evidence with { Domain = "example.net" }), list));
    }

    [Theory]
    [InlineData("192.0.2.1", "\"192.0.2.0/24\"", true)]
    [InlineData("192.0.3.1", "\"192.0.2.0/24\"", false)]
    [InlineData("192.0.2.1", "\"192.0.2.1\"", true)]
    [InlineData("::ffff:192.0.2.1", "\"192.0.2.0/24\"", true)]
    [InlineData("2001:db8::1", "\"2001:db8::/32\"", true)]
    [InlineData("2001:db9::1", "\"2001:db8::/32\"", false)]
    [InlineData("192.0.2.1", "\"::/0\"", false)]
    [InlineData("2001:db8::1", "\"0.0.0.0/0\"", false)]
    [InlineData("255.255.255.255", "\"0.0.0.0/0\"", true)]
    [InlineData("198.51.100.9", "[\"192.0.2.0/24\", \"@nets\"]", true)]
    [InlineData("no address", "\"0.0.0.0/0\"", false)]
    public void Client(string client, string networks, bool expected) =>
        Assert.Equal(expected, Sample.Matches($$"""{ "client": {{networks}} }""", Sample.Message(client: client)));

    [Theory]
    [InlineData("Bob@Example.NET", "\"bob@example.net\"", true)]
    [InlineData("bob@example.net", "\"example.net\"", true)]
    [InlineData("bob@mx.example.net", "\".example.net\"", true)]
    [InlineData("postmaster@any.example", "\"postmaster@\"", true)]
    [InlineData("Postmaster", "\"postmaster@\"", true)]
    [InlineData("bob@example.net", "\"rob@example.net\"", false)]
    [InlineData("\"a@b\"@example.net", "\"b@example.net\"", false)]
    [InlineData("\"bob\"@example.net", "\"bob@example.net\"", true)]
    [InlineData("\"B\\o\\b\"@example.net", "\"bob@example.net\"", true)]
    [InlineData("\"postmaster\"@example.net", "\"postmaster@\"", true)]
    [InlineData("\"b ob\"@example.net", "\"bob@example.net\"", false)]
    public void Recipient(string path, string patterns, bool expected) =>
        Assert.Equal(expected, Sample.Matches($$"""{ "recipient": {{patterns}} }""", Sample.Message(to: path)));

    [Fact]
    public void One_recipient_or_every_recipient()
    {
        var both = Sample.Message(to: ["postmaster@example.net", "bob@example.net"]);
        Assert.True(Sample.Matches("""{ "recipient": "postmaster@" }""", both));
        Assert.False(Sample.Matches("""{ "every-recipient": "postmaster@" }""", both));
        Assert.True(Sample.Matches("""{ "every-recipient": "example.net" }""", both));
        Assert.True(Sample.Matches("""{ "recipient-count": { "at-least": 2 } }""", both));
        Assert.False(Sample.Matches("""{ "recipient-count": { "below": 2 } }""", both));
    }

    [Theory]
    [InlineData("mail.example.org", "\".example.org\"", true)]
    [InlineData("[192.0.2.1]", "\"[literal]\"", true)]
    [InlineData("[192.0.2.1]", "\"[invalid]\"", false)]
    [InlineData("not a name", "\"[invalid]\"", true)]
    [InlineData("mail.example.org", "\"[invalid]\"", false)]
    [InlineData("localhost", "[\"localhost\", \"[literal]\"]", true)]
    public void Helo(string name, string patterns, bool expected) =>
        Assert.Equal(expected, Sample.Matches($$"""{ "helo": {{patterns}} }""", Sample.Message(helo: name)));

    [Theory]
    [InlineData("\"fail\"", "fail", true)]
    [InlineData("[\"fail\", \"softfail\"]", "softfail", true)]
    [InlineData("\"fail\"", null, false)]
    [InlineData("\"unchecked\"", null, true)]
    [InlineData("\"pass\"", "fail", false)]
    public void Spf(string words, string? result, bool expected)
    {
        var spf = result is null ? null : new SpfEvidence { Result = result, Identity = "mailfrom", Domain = "example.org" };
        Assert.Equal(expected, Sample.Matches($$"""{ "spf": {{words}} }""", Sample.Message(Sample.Evidence with { Spf = spf })));
    }

    [Theory]
    [InlineData("\"none\"", "", true)]
    [InlineData("\"none\"", "pass example.org", false)]
    [InlineData("\"pass\"", "fail example.org,pass other.example", true)]
    [InlineData("\"pass\"", "", false)]
    [InlineData("""{ "result": "pass", "aligned": true }""", "pass other.example", false)]
    [InlineData("""{ "result": "pass", "aligned": true }""", "pass example.org", true)]
    [InlineData("""{ "result": "pass", "aligned": true }""", "pass org.example,fail example.org", false)]
    [InlineData("""{ "result": "pass", "aligned": true }""", "pass mail.example.org", false)]
    [InlineData("""{ "result": "pass", "aligned": false }""", "pass other.example", true)]
    [InlineData("""{ "domain": ".example", "result": ["pass", "fail"] }""", "fail other.example", true)]
    [InlineData("""{ "domain": "other.example" }""", "permerror other.example", true)]
    [InlineData("""{ "domain": "other.example" }""", "", false)]
    public void Dkim(string condition, string signatures, bool expected)
    {
        var evidence = Sample.Evidence with
        {
            Dkim = [.. signatures.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split(' ')).Select(parts => new DkimEvidence { Result = parts[0], Domain = parts[1], Selector = "s" })],
        };
        Assert.Equal(expected, Sample.Matches($$"""{ "dkim": {{condition}} }""", Sample.Message(evidence)));
    }

    [Theory]
    [InlineData("""{ "seen": { "at-least": 100 } }""", 100, true)]
    [InlineData("""{ "seen": { "at-least": 100 } }""", 99, false)]
    [InlineData("""{ "seen": { "at-least": 100 } }""", null, false)]
    [InlineData("""{ "seen": { "below": 100 } }""", null, false)]
    [InlineData("""{ "rsa-bits": { "below": 2048 } }""", 1, true)]
    [InlineData("""{ "result": "pass", "rsa-bits": { "below": 1024 } }""", 1, false)]
    [InlineData("""{ "result": "pass", "rsa-bits": { "at-least": 1024, "below": 2048 }, "seen": { "at-least": 2 } }""", 2, true)]
    [InlineData("""{ "result": "fail", "rsa-bits": { "below": 2048 } }""", 1, false)]
    public void Dkim_key_and_repetition(string condition, int? seen, bool expected)
    {
        DkimEvidence strong = new() { Result = "pass", Domain = "example.org", Selector = "e", Algorithm = "ed25519-sha256", KeyBits = 256 };
        DkimEvidence missing = new() { Result = "fail", Domain = "example.org", Selector = "m", Algorithm = "rsa-sha256" };
        DkimEvidence weak = new() { Result = "pass", Domain = "example.org", Selector = "w", Algorithm = "rsa-sha256", KeyBits = 1024, Seen = seen };
        Assert.Equal(expected, Sample.Matches($$"""{ "dkim": {{condition}} }""", Sample.Message(Sample.Evidence with { Dkim = [strong, missing, weak] })));
        Assert.False(Sample.Matches($$"""{ "dkim": {{condition}} }""", Sample.Message(Sample.Evidence with { Dkim = [strong, missing] })));
        Assert.False(Sample.Matches($$"""{ "dkim": {{condition}} }""", Sample.Message()));
    }

    [Theory]
    [InlineData("\"zone.example\"", true)]
    [InlineData("\"Zone.Example.\"", true)]
    [InlineData("\"clear.example\"", false)]
    [InlineData("\"other.example\"", false)]
    [InlineData("[\"other.example\", \"zone.example\"]", true)]
    [InlineData("""{ "zone": "zone.example", "code": "127.0.0.2" }""", false)]
    [InlineData("""{ "zone": "zone.example", "code": ["127.0.0.2", "127.0.0.4"] }""", true)]
    [InlineData("""{ "zone": "zone.example", "code": "127.0.0.0/24" }""", true)]
    [InlineData("""{ "zone": "clear.example", "result": "clear" }""", true)]
    [InlineData("""{ "zone": "away.example", "result": "unknown" }""", true)]
    public void Blocklist(string condition, bool expected)
    {
        var evidence = Sample.Evidence with
        {
            Blocklists =
            [
                new() { Zone = "zone.example", Result = "listed", Codes = ["127.0.0.4"] },
                new() { Zone = "clear.example", Result = "clear" },
                new() { Zone = "away.example", Result = "unknown" },
            ],
        };
        Assert.Equal(expected, Sample.Matches($$"""{ "blocklist": {{condition}} }""", Sample.Message(evidence)));
    }

    [Theory]
    [InlineData("""{ "known": false }""", null, 0, 0, true)]
    [InlineData("""{ "known": true }""", null, 0, 0, false)]
    [InlineData("""{ "known": true }""", 3, 1, 0, true)]
    [InlineData("""{ "first-seen-days": { "below": 7 } }""", null, 0, 0, true)]
    [InlineData("""{ "first-seen-days": { "below": 7 } }""", 7, 1, 0, false)]
    [InlineData("""{ "first-seen-days": { "at-least": 7 }, "accepted": { "at-least": 10 } }""", 7, 9, 0, false)]
    [InlineData("""{ "first-seen-days": { "at-least": 7 }, "accepted": { "at-least": 10 } }""", 7, 10, 0, true)]
    [InlineData("""{ "refused-share": { "at-least": 0.5 } }""", 7, 1, 1, true)]
    [InlineData("""{ "refused-share": { "at-least": 0.5 } }""", 7, 2, 1, false)]
    [InlineData("""{ "refused": { "at-least": 1 } }""", 7, 2, 1, true)]
    public void History(string condition, int? days, long accepted, long refused, bool expected)
    {
        var history = new SenderHistory { FirstSeen = days is { } d ? Sample.Now.AddDays(-d) : null, Accepted = accepted, Refused = refused };
        Assert.Equal(expected, Sample.Matches($$"""{ "history": {{condition}} }""", Sample.Message(Sample.Evidence with { History = history })));

        // Nobody knows: neither the condition nor its opposite holds.
        Assert.False(Sample.Matches($$"""{ "history": {{condition}} }""", Sample.Message()));
        Assert.False(Sample.Matches($$"""{ "not": { "history": {{condition}} } }""", Sample.Message()));
    }

    [Theory]
    [InlineData("""{ "tls": true }""", false)]
    [InlineData("""{ "tls": false }""", true)]
    [InlineData("""{ "null-sender": true }""", false)]
    [InlineData("""{ "header-problem": true }""", false)]
    [InlineData("""{ "mailkey": ["none", "fail"] }""", true)]
    [InlineData("""{ "mailkey-host": "exists" }""", false)]
    [InlineData("""{ "mailkey-host": "absent" }""", true)]
    [InlineData("""{ "size": { "at-least": 1000 } }""", true)]
    [InlineData("""{ "size": { "at-least": "1K" } }""", false)]
    [InlineData("""{ "size": { "at-least": 1, "below": "1M" } }""", true)]
    [InlineData("""{ "sender": "ALICE@example.org" }""", true)]
    [InlineData("""{ "not": { "tls": true, "spf": "pass" } }""", true)]
    [InlineData("""{ "any": [ { "tls": true }, { "client": "192.0.2.1" } ] }""", true)]
    [InlineData("""{ "any": [ { "tls": true }, { "client": "192.0.2.2" } ] }""", false)]
    [InlineData("""{ "client": "192.0.2.1", "tls": true }""", false)]
    [InlineData("{ }", true)]
    public void The_others(string when, bool expected) => Assert.Equal(expected, Sample.Matches(when, Sample.Message()));
}
