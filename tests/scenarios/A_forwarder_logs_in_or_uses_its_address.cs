using System.Text;
using Mailkey.Agreements.Keys;
using Mailkey.Testkit.Https;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Scenarios.Tests;

/// <summary>Two ways to use an agreement that name no id: a login, which is worth the agreed recipient and nothing else, and an address made for one forwarder.</summary>
public sealed class A_forwarder_logs_in_or_uses_its_address
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task And_nobody_else_does()
    {
        using var folder = new TemporaryFolder("certificate");
        using var authority = new TestAuthority();
        var (certificate, key) = authority.IssueInto(folder.Path, "mx.example.test");
        await using var mail = await ForwardedMail.StartAsync(new Dictionary<string, string> { ["MAILKEY_SMTP_CERTIFICATE"] = certificate, ["MAILKEY_SMTP_CERTIFICATEKEY"] = key });
        var ledger = mail.Ledger;
        var id = await ledger.AddAsync(ForwardedMail.Forwarder, ForwardedMail.To, Cancellation);
        var credential = await mail.Credentials.IssueAsync(id, Cancellation);
        await ledger.GiveCredentialAsync(id, credential.Id, Cancellation);
        var address = UniqueAddress.Mint(ForwardedMail.To).ToString();
        await ledger.GiveAddressAsync(id, address, Cancellation);

        // From anywhere, under any name: the login says who it is.
        using (var client = await mail.ConnectAsync("somewhere.test"))
        {
            Assert.StartsWith("538 5.7.11", await client.AskAsync($"AUTH PLAIN {Plain(credential.Id, credential.Secret)}", Cancellation), StringComparison.Ordinal);
            var offer = await client.StartTlsAsync("somewhere.test", Cancellation);
            Assert.Contains("METHODS=AUTH,ADDRESS,REFERENCE", offer, StringComparison.Ordinal);
            Assert.Contains("AUTH SCRAM-SHA-256 PLAIN", offer, StringComparison.Ordinal);
            Assert.StartsWith("535 5.7.8", await client.AskAsync($"AUTH PLAIN {Plain(credential.Id, "guessed")}", Cancellation), StringComparison.Ordinal);
            Assert.StartsWith("235 2.7.0", await client.AskAsync($"AUTH PLAIN {Plain(credential.Id, credential.Secret)}", Cancellation), StringComparison.Ordinal);

            foreach (var other in (string[])["dave@example.test", "dave@elsewhere.test"])
            {
                Assert.StartsWith("550 5.7.1", await mail.SendAsync(client, "beyond", other), StringComparison.Ordinal);
                await client.AskAsync("RSET", Cancellation);
            }

            var reply = await mail.SendAsync(client, "by-login");
            Assert.True(reply.StartsWith("250 ", StringComparison.Ordinal), reply + mail.System.Logs());
        }

        var message = await mail.DeliveredAsync("by-login");
        Assert.Contains($"x-fwdagree=pass policy.agreement={id} policy.forwarder=relay.test policy.trust=probation policy.method=auth", message, StringComparison.Ordinal);

        // Not as a user's login would look.
        Assert.DoesNotContain("ESMTPSA", message, StringComparison.Ordinal);
        Assert.DoesNotContain("auth=pass", message, StringComparison.Ordinal);

        using (var client = await mail.ConnectAsync())
        {
            var reply = await mail.SendAsync(client, "by-address", address);
            Assert.True(reply.StartsWith("250 ", StringComparison.Ordinal), reply + mail.System.Logs());
        }

        Assert.Contains("policy.method=address", await mail.DeliveredAsync("by-address"), StringComparison.Ordinal);

        // In other hands it is no mailbox, and the user hears of it.
        using (var client = await mail.ConnectAsync("mx.stranger.test"))
        {
            Assert.StartsWith("550 5.1.1", await mail.SendAsync(client, "leaked", address), StringComparison.Ordinal);
        }

        await mail.EventuallyAsync(() => ledger.StateAsync(id, Cancellation), state => state.LeakedAddress == address);

        // The alarm stops nobody but the stranger.
        using (var client = await mail.ConnectAsync())
        {
            var reply = await mail.SendAsync(client, "after-the-alarm", address);
            Assert.True(reply.StartsWith("250 ", StringComparison.Ordinal), reply + mail.System.Logs());
        }
    }

    // RFC 4616 §2
    private static string Plain(string name, string secret) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{name}\0{secret}"));
}
