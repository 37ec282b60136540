using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Credentials;
using Mailkey.Agreements.Keys;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Npgsql;

namespace Mailkey.Scenarios.Tests;

/// <summary>Two ways to use an agreement that name no id: a login, which is worth the agreed recipient and nothing else, and an address made for one forwarder.</summary>
public sealed class A_forwarder_logs_in_or_uses_its_address(PostgresServer postgres, RabbitMqServer rabbitMq)
    : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private const string From = "alice@published.test";
    private const string Forwarded = "carol@relay.test";
    private const string To = "carol@example.test";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task And_nobody_else_does()
    {
        using var folder = new TemporaryFolder("certificate");
        using var published = new SenderDomain("published.test");
        await using var dns = await UnboundServer.StartAsync([published.Record, "relay.test. 300 IN TXT \"v=spf1 ip4:127.0.0.1 -all\"", "example.test. 300 IN A 127.0.0.1"], []);
        var (certificate, key) = Certificate(folder.Path);
        await using var system = new MailkeySystem(postgres.ConnectionString, rabbitMq.Uri, dns.Resolver, new Dictionary<string, string>
        {
            ["MAILKEY_AGREEMENTS_SMTP_ENABLED"] = "true",
            ["MAILKEY_AGREEMENTS_SMTP_URL"] = "https://agreements.example.test/v1",
            ["MAILKEY_SMTP_CERTIFICATE"] = certificate,
            ["MAILKEY_SMTP_CERTIFICATEKEY"] = key,
        });
        await system.StartAsync(Cancellation);
        await using var database = NpgsqlDataSource.Create(postgres.ConnectionString);
        var ledger = new LedgerOfAgreements(database);
        var id = await ledger.AddAsync("relay.test", To, Cancellation);
        var credential = await new CredentialStore(database, TimeProvider.System).IssueAsync(id, Cancellation);
        await ledger.GiveCredentialAsync(id, credential.Id, Cancellation);
        var address = UniqueAddress.Mint(To).ToString();
        await ledger.GiveAddressAsync(id, address, Cancellation);

        // From anywhere, under any name: the login says who it is.
        using (var client = await Client.ConnectAsync(system.SmtpPort, Cancellation, "somewhere.test"))
        {
            Assert.StartsWith("538 5.7.11", await client.AskAsync($"AUTH PLAIN {Plain(credential.Id, credential.Secret)}", Cancellation), StringComparison.Ordinal);
            var offer = await client.StartTlsAsync("somewhere.test", Cancellation);
            Assert.Contains("METHODS=AUTH,ADDRESS,REFERENCE", offer, StringComparison.Ordinal);
            Assert.Contains("AUTH SCRAM-SHA-256 PLAIN", offer, StringComparison.Ordinal);
            Assert.StartsWith("535 5.7.8", await client.AskAsync($"AUTH PLAIN {Plain(credential.Id, "guessed")}", Cancellation), StringComparison.Ordinal);
            Assert.StartsWith("235 2.7.0", await client.AskAsync($"AUTH PLAIN {Plain(credential.Id, credential.Secret)}", Cancellation), StringComparison.Ordinal);

            foreach (var other in (string[])["dave@example.test", "dave@elsewhere.test"])
            {
                Assert.StartsWith("550 5.7.1", await SendAsync(client, published, other, "beyond"), StringComparison.Ordinal);
                await client.AskAsync("RSET", Cancellation);
            }

            var reply = await SendAsync(client, published, To, "by-login");
            Assert.True(reply.StartsWith("250 ", StringComparison.Ordinal), reply + system.Logs());
        }

        var message = await DeliveredAsync(system, "by-login");
        Assert.Contains($"x-fwdagree=pass policy.agreement={id} policy.forwarder=relay.test policy.trust=probation policy.method=auth", message, StringComparison.Ordinal);

        // Not as a user's login would look.
        Assert.DoesNotContain("ESMTPSA", message, StringComparison.Ordinal);
        Assert.DoesNotContain("auth=pass", message, StringComparison.Ordinal);

        using (var client = await Client.ConnectAsync(system.SmtpPort, Cancellation, "mx.relay.test"))
        {
            var reply = await SendAsync(client, published, address, "by-address");
            Assert.True(reply.StartsWith("250 ", StringComparison.Ordinal), reply + system.Logs());
        }

        Assert.Contains("policy.method=address", await DeliveredAsync(system, "by-address"), StringComparison.Ordinal);

        // In other hands it is no mailbox, and the user hears of it.
        using (var client = await Client.ConnectAsync(system.SmtpPort, Cancellation, "mx.stranger.test"))
        {
            Assert.StartsWith("550 5.1.1", await SendAsync(client, published, address, "leaked"), StringComparison.Ordinal);
        }

        await Eventually.GetAsync(() => ledger.StateAsync(id, Cancellation), state => state.LeakedAddress == address, Limit, () => system.Logs());

        // The alarm stops nobody but the stranger.
        using (var client = await Client.ConnectAsync(system.SmtpPort, Cancellation, "mx.relay.test"))
        {
            var reply = await SendAsync(client, published, address, "after-the-alarm");
            Assert.True(reply.StartsWith("250 ", StringComparison.Ordinal), reply + system.Logs());
        }
    }

    private static Task<string> SendAsync(Client client, SenderDomain domain, string to, string id) =>
        client.SendAsync(From, [to], domain.Sign(SenderDomain.Message(From, Forwarded, id), From, [Forwarded]), Cancellation);

    private static async Task<string> DeliveredAsync(MailkeySystem system, string id) =>
        (await Eventually.GetAsync(
            () => system.DeliveredMessages().FirstOrDefault(text => text.Contains($"<{id}@", StringComparison.Ordinal)), text => text is not null, Limit, () => system.Logs()))!;

    // RFC 4616 §2
    private static string Plain(string name, string secret) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{name}\0{secret}"));

    private static (string Certificate, string Key) Certificate(string folder)
    {
        var (file, keyFile) = (Path.Combine(folder, "mx.pem"), Path.Combine(folder, "mx.key"));
        using var key = RSA.Create(2048);
        var now = TimeProvider.System.GetUtcNow();
        using var made = new CertificateRequest("CN=mx.example.test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        File.WriteAllText(file, made.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        return (file, keyFile);
    }
}
