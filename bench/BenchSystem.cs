using System.Globalization;
using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Signatures;
using Mailkey.Mime;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Bench;

/// <summary>The system under load, with its own PostgreSQL, RabbitMQ and name server, delivering by SMTP to one port.</summary>
internal sealed class BenchSystem : IAsyncDisposable
{
    public const string ForwardPath = "rcpt@dest.test";
    private const string KeyName = "sel";
    private const string MailkeyDomain = "signed.test";
    private const string UnsignedDomain = "plain.test";
    private const string DkimDomain = "dkim.test";

    private readonly OwnPostgresServer _postgres;
    private readonly OwnRabbitMqServer _rabbitMq;
    private readonly UnboundServer _dns;
    private readonly MailkeySystem _system;
    private readonly TemporaryFolder _folder;
    private readonly SigningKey _key;

    private BenchSystem(OwnPostgresServer postgres, OwnRabbitMqServer rabbitMq, UnboundServer dns, MailkeySystem system, TemporaryFolder folder, SigningKey key, int sinkPort)
    {
        (_postgres, _rabbitMq, _dns, _system, _folder, _key, SinkPort) = (postgres, rabbitMq, dns, system, folder, key, sinkPort);
        KeyFile = Path.Combine(folder.Path, "key.pem");
        File.WriteAllText(KeyFile, key.ExportPem());
    }

    public int SmtpPort => _system.SmtpPort;

    public int SinkPort { get; }

    /// <summary>PEM of the key that signs; RSA of 2048 bits, as most mail is signed today.</summary>
    public string KeyFile { get; }

    /// <summary>Every process of the system with its number, broker and database included.</summary>
    public IReadOnlyList<(string Name, int Process)> Processes =>
        [.. _system.Processes.Select(process => (process.Name, process.ProcessId)), ("RabbitMQ", _rabbitMq.ProcessId), ("PostgreSQL", _postgres.ProcessId)];

    /// <summary>The domain that mail of a kind comes from.</summary>
    public static string DomainOf(MailKind kind) => kind switch
    {
        MailKind.Unsigned => UnsignedDomain,
        MailKind.Dkim => DkimDomain,
        _ => MailkeyDomain,
    };

    public static string ReversePathOf(MailKind kind) => $"sender@{DomainOf(kind)}";

    public string Logs => _system.Logs();

    public static async Task<BenchSystem> StartAsync(BenchOptions options, CancellationToken cancellationToken)
    {
        var key = SigningKey.GenerateRsa(2048);
        var sinkPort = LoopbackPort.Take();
        var postgres = await OwnPostgresServer.StartNewAsync(cancellationToken);
        var rabbitMq = await OwnRabbitMqServer.StartNewAsync(cancellationToken);
        var publicKey = Convert.ToBase64String(key.ExportPublicKey());
        List<string> records =
        [
            $"mailkey.{MailkeyDomain}. 3600 IN TXT {Strings($"v=MAILKEY1; k=rsa; s={KeyName}; p={publicKey}")}",
            $"{KeyName}._domainkey.{DkimDomain}. 3600 IN TXT {Strings($"v=DKIM1; k=rsa; p={publicKey}")}",
        ];
        foreach (var domain in (string[])[MailkeyDomain, UnsignedDomain, DkimDomain])
        {
            records.AddRange([$"{domain}. 3600 IN A 127.0.0.1", $"{domain}. 3600 IN TXT \"v=spf1 ip4:127.0.0.1 -all\"", $"{domain}. 3600 IN MX 10 {domain}."]);
        }

        var dns = await UnboundServer.StartAsync(records);
        var system = new MailkeySystem(postgres.ConnectionString, rabbitMq.Uri, dns.Resolver, new Dictionary<string, string>(options.Settings)
        {
            ["MAILKEY_DOMAINS"] = "dest.test",
            ["MAILKEY_NEXTHOP"] = $"smtp://127.0.0.1:{sinkPort}",
            // The runtime's own default (30): these live long enough to be compiled anew.
            ["DOTNET_TC_CallCountThreshold"] = "1E",

            // One client network sends everything here.
            ["MAILKEY_SMTP_MAXCONNECTIONRATEPERNETWORK"] = "0",
            ["MAILKEY_SMTP_MAXCONNECTIONSPERNETWORK"] = "1000",
            ["MAILKEY_SMTP_MAXTRANSACTIONS"] = "100000",
        });
        await system.StartAsync(cancellationToken, options.Verifiers);
        return new(postgres, rabbitMq, dns, system, new TemporaryFolder("bench"), key, sinkPort);
    }

    /// <summary>A message with LF line ends, as smtp-source reads it, in a file; and as it goes over the wire.</summary>
    public (string File, byte[] Wire) MakeMessage(Profile profile)
    {
        var body = new StringBuilder();
        for (var line = 0; body.Length < profile.BodySize; line++)
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"line {line} of a message that is sent many times, with some words to fill it");
            body.Append(text.AsSpan(0, Math.Clamp(profile.BodySize - body.Length - 2, 1, text.Length))).Append("\r\n");
        }

        var header = $"From: Sender <{ReversePathOf(profile.Kind)}>\r\nTo: Recipient <{ForwardPath}>\r\nSubject: benchmark\r\nDate: {TimeProvider.System.GetUtcNow():r}\r\n"
            .Replace("GMT", "+0000", StringComparison.Ordinal)
            + $"Message-ID: <{Guid.NewGuid():N}@{DomainOf(profile.Kind)}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n";
        var message = $"{Signature(profile.Kind, header, body.ToString())}{header}\r\n{body}";

        var file = Path.Combine(_folder.Path, $"{profile.Kind}-{profile.BodySize}.eml");
        File.WriteAllText(file, message.Replace("\r\n", "\n", StringComparison.Ordinal));
        return (file, Encoding.ASCII.GetBytes($"{message}.\r\n"));
    }

    public async ValueTask DisposeAsync()
    {
        await _system.DisposeAsync();
        await _dns.DisposeAsync();
        await _rabbitMq.DisposeAsync();
        await _postgres.DisposeAsync();
        _key.Dispose();
        _folder.Dispose();
    }

    private string Signature(MailKind kind, string header, string body)
    {
        var domain = DomainOf(kind);
        var now = TimeProvider.System.GetUtcNow();
        using var hasher = new BodyHasher(Canonicalization.Relaxed);
        hasher.Append(Encoding.ASCII.GetBytes(body));
        var headers = HeaderBlock.Parse(Encoding.ASCII.GetBytes(header));
        return kind switch
        {
            MailKind.Mailkey => Encoding.ASCII.GetString(
                new MailkeySigner { Key = _key, KeyName = KeyName, Domain = domain }.Sign(headers, hasher.Finish(), ReversePathOf(kind), [ForwardPath], now)),
            MailKind.Dkim => Encoding.ASCII.GetString(new DkimSigner { Key = _key, Selector = KeyName, Domain = domain }.Sign(headers, hasher.Finish(), now)),
            _ => "",
        };
    }

    // A string of a TXT record has 255 octets at most.
    private static string Strings(string record) => string.Join(' ', record.Chunk(250).Select(chunk => $"\"{new string(chunk)}\""));
}
