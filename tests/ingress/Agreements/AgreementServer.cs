using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Agreements.Keys;
using Mailkey.Contracts.Agreements;
using Mailkey.Ingress.Agreements;
using Mailkey.Messaging.Agreements;
using Mailkey.Testkit.Https;
using Microsoft.Extensions.DependencyInjection;

namespace Mailkey.Ingress.Tests.Agreements;

/// <summary>The SMTP server with agreements switched on, and a ledger that a test writes.</summary>
internal sealed class AgreementServer : IAsyncDisposable
{
    public const string Secret = "correct-horse-battery-staple";

    private readonly DirectoryInfo folder;

    private AgreementServer(SmtpTestServer smtp, TestDirectory directory, TestReports reports, DirectoryInfo folder) =>
        (Smtp, Directory, Reports, this.folder) = (smtp, directory, reports, folder);

    public SmtpTestServer Smtp { get; }

    public TestDirectory Directory { get; }

    public TestReports Reports { get; }

    public static async Task<AgreementServer> StartAsync(params string[] settings)
    {
        var folder = System.IO.Directory.CreateTempSubdirectory("mailkey-agreements-");
        using var authority = new TestAuthority();
        var (certificate, key) = authority.IssueInto(folder.FullName, "mx.example.org");
        var directory = new TestDirectory();
        var reports = new TestReports();
        var smtp = await SmtpTestServer.StartAsync(
            services => services.AddSingleton<IAgreementDirectory>(directory).AddSingleton<IAgreementReports>(reports).AddSingleton<ForwardingAgreements>(),
            [
                $"Smtp:Certificate={certificate}", $"Smtp:CertificateKey={key}",
                "Agreements:Smtp:Enabled=true", "Agreements:Smtp:Url=https://agreements.example.org/v1", "Agreements:Smtp:RefusalTime=00:00:00.0001",
                .. settings,
            ]);
        return new(smtp, directory, reports, folder);
    }

    /// <summary>Connects and says EHLO in TLS.</summary>
    public async Task<SmtpTestClient> GreetInTlsAsync(string name = "client.example")
    {
        var client = await Smtp.ConnectAsync();
        await client.AskAsync("EHLO before.example");
        Assert.Equal(220, (await client.AskAsync("STARTTLS")).Code);
        await client.StartTlsAsync();
        Assert.Equal(250, (await client.AskAsync($"EHLO {name}")).Code);
        return client;
    }

    /// <summary>The same, and logs in.</summary>
    public async Task<SmtpTestClient> LogInAsync(string credential)
    {
        var client = await GreetInTlsAsync();
        Assert.Equal(235, (await client.AskAsync($"AUTH PLAIN {Plain(credential, Secret)}")).Code);
        return client;
    }

    public static string Plain(string name, string secret, string authorization = "") => Base64($"{authorization}\0{name}\0{secret}");

    public static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    public async ValueTask DisposeAsync()
    {
        await Smtp.DisposeAsync();
        folder.Delete(recursive: true);
    }
}

/// <summary>Agreements in memory.</summary>
internal sealed class TestDirectory : IAgreementDirectory
{
    private static readonly byte[] Salt = Encoding.ASCII.GetBytes("0123456789abcdef");

    private readonly ConcurrentDictionary<string, AgreementInForce> agreements = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> credentials = new(StringComparer.Ordinal);
    private int questions;

    /// <summary>Whether anybody can be asked.</summary>
    public bool IsAway { get; set; }

    /// <summary>How often it was asked.</summary>
    public int Questions => Volatile.Read(ref questions);

    public AgreementInForce Add(string forwarder = "a.example", string recipient = "alice@example.org", string credential = "", string address = "", long size = 1 << 20, string[]? methods = null)
    {
        var agreement = new AgreementInForce
        {
            Id = AgreementId.Mint().ToString(),
            Forwarder = forwarder,
            Recipient = recipient,
            Category = "mailing-list",
            Subscription = "dev.lists.a.example",
            Methods = methods ?? ["auth", "reference", "address"],
            Trust = "established",
            Version = 1,
            Terms = new() { Dnsbl = "skip", Spf = "ignore", Mailkey = "ignore-recipient-binding", Rate = 100, Size = size },
            Address = address.Length > 0 ? address : null,
        };
        agreements[agreement.Id] = agreement;
        if (credential.Length > 0)
        {
            credentials[credential] = agreement.Id;
        }

        return agreement;
    }

    public void End(AgreementInForce agreement) => agreements.TryRemove(agreement.Id, out _);

    public AgreementFound? Recall(string key) => null;

    public ValueTask<AgreementFound?> FindAsync(string key, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref questions);
        return new(IsAway ? null : Find(key));
    }

    public ValueTask<IReadOnlyList<AgreementFound>?> FindAsync(IReadOnlyList<string> keys, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref questions);
        return new(IsAway ? null : [.. keys.Select(Find)]);
    }

    private AgreementFound Find(string key)
    {
        var kind = AgreementKey.Read(key, out var name);
        AgreementInForce? agreement;
        switch (kind)
        {
            case AgreementKey.Kind.Credential:
                agreement = credentials.TryGetValue(name, out var id) && agreements.TryGetValue(id, out var owner) ? owner : null;
                return new() { Key = key, Agreement = agreement, Credential = Credential(name, agreement?.Id) };
            case AgreementKey.Kind.Address:
                agreement = agreements.Values.FirstOrDefault(candidate => candidate.Address == name);
                break;
            default:
                agreements.TryGetValue(name, out agreement);
                break;
        }

        return new() { Key = key, Agreement = agreement };
    }

    private static ScramCredential Credential(string name, string? agreement)
    {
        var secret = agreement is null ? string.Create(CultureInfo.InvariantCulture, $"nobody knows {Guid.NewGuid()}") : AgreementServer.Secret;
        var salted = Rfc2898DeriveBytes.Pbkdf2(secret, Salt, 4096, HashAlgorithmName.SHA256, 32);
        return new()
        {
            Id = name,
            AgreementId = agreement,
            Salt = Salt,
            Iterations = 4096,
            StoredKey = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8)),
            ServerKey = HMACSHA256.HashData(salted, "Server Key"u8),
        };
    }
}

/// <summary>Keeps reports.</summary>
internal sealed class TestReports : IAgreementReports
{
    private readonly ConcurrentQueue<(string Agreement, string Kind)> misuse = new();

    public IReadOnlyList<(string Agreement, string Kind)> Misuse => [.. misuse];

    public void Used(string agreementId, string forwarder, string clientAddress)
    {
    }

    public void Misused(string agreementId, string kind, string queueId, string clientAddress, string? forwarder) => misuse.Enqueue((agreementId, kind));
}
