using System.Text;
using Mailkey.Bounces.Advice;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Bounces.Tests.Advice;

/// <summary>The whole service as it is deployed, with the real discovery against a real DNS server.</summary>
public sealed class KeyHostInspectorTests(PostgresServer postgres) : BouncesTest(postgres), IClassFixture<PostgresServer>
{
    private const string PublicKey = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    [Fact]
    public async Task KeyHostInspector_note_follows_from_what_the_domain_publishes()
    {
        await using var dns = await UnboundServer.StartAsync(
            [
                "absent.example. 300 IN MX 10 mx.absent.example.",
                $"mailkey.fine.example. 300 IN TXT \"v=MAILKEY1; k=ed25519; s=2026a; p={PublicKey}\"",
                "mailkey.revoked.example. 300 IN TXT \"v=MAILKEY1; k=ed25519; s=2026a; p=\"",
                "mailkey.wrong.example. 300 IN TXT \"v=MAILKEY1; k=ed25519; s=2026a; p=%%%\"",
            ],
            ["servfail.example"]);
        await using var service = await StartWithAsync(inspector: null, new KeyValuePair<string, string?>("Mailkey:Dns:Resolvers:0", dns.Resolver));

        var absent = await AdvisoryAsync("absent.example");
        Assert.Equal("no-host", absent.Advisory);
        Assert.Contains("\r\n  mailkey.absent.example. 3600 IN TXT ", absent.Text, StringComparison.Ordinal);
        Assert.Equal("none", (await AdvisoryAsync("fine.example")).Advisory);
        Assert.Equal("none", (await AdvisoryAsync("[192.0.2.1]")).Advisory);

        var revoked = await AdvisoryAsync("revoked.example");
        Assert.Equal("host-broken", revoked.Advisory);
        Assert.Contains("\r\n  The key set has no usable active key: all mail of the domain is refused as unsigned\r\n", revoked.Text, StringComparison.Ordinal);

        var wrong = await AdvisoryAsync("wrong.example");
        Assert.Equal("host-broken", wrong.Advisory);
        Assert.Contains("p=", wrong.Text, StringComparison.Ordinal);

        var servfail = await AdvisoryAsync("servfail.example");
        Assert.Equal("host-unknown", servfail.Advisory);
        Assert.Contains("\r\n  TXT of mailkey.servfail.example: ", servfail.Text, StringComparison.Ordinal);

        async Task<(string? Advisory, string Text)> AdvisoryAsync(string domain)
        {
            await service.PublishAsync(Reports.Failed($"alice@{domain}", Reports.Verdict("pass")));
            var message = await service.NextMessageAsync();
            var entry = await service.NextEntryAsync();
            return (entry.Data.GetProperty("advisory").GetString(), Encoding.ASCII.GetString(await service.ContentAsync(message)));
        }
    }

    [Fact]
    public void AdvisoryNote_is_short()
    {
        foreach (var kind in Enum.GetValues<AdvisoryKind>())
        {
            var lines = AdvisoryNote.Lines(new() { Kind = kind, Problems = [.. Enumerable.Repeat("problem", 100)], RecordsToPublish = ["record"] }, "example.com", "2026a", "https://help.example.net/");

            Assert.True(lines.Count <= 20);
            Assert.Equal(kind == AdvisoryKind.None, lines.Count == 0);
        }
    }
}
