using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Negotiation.FirstContact;
using Mailkey.Agreements.Organizations;
using Mailkey.Authentication.Crypto;
using Mailkey.Contracts;
using Mailkey.Hosting;
using Mailkey.Ledger;
using Mailkey.Messaging.Scheduling;
using Mailkey.Storage;
using Mailkey.Testkit;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Https;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Mailkey.Agreements.Tests.Negotiation;

/// <summary>
/// The service as it runs, with a database, a broker, a DNS server and a forwarder's HTTPS server of its own; and with a clock that can be set
/// forward. Tests of a class share it, each with domains of its own.
/// </summary>
public sealed partial class NegotiationSystem : IAsyncLifetime
{
    public const string Host = "mx.b.example";
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    public static readonly Actor Operator = new(ActorKind.Operator, "postmaster");

    private readonly PostgresServer _postgres = new();
    private readonly RabbitMqServer _rabbit = new();
    private readonly TemporaryFolder _folder = new("negotiation");
    private readonly TestAuthority _authority = new();
    private readonly List<(MessageAccepted Message, string Text)> _mails = [];
    private UnboundServer _dns = null!;
    private KeyHostServer _forwarder = null!;
    private WebApplication _app = null!;

    public JumpingTime Time { get; } = new();

    /// <summary>What the forwarder's server does with a call-back: the status for a host and a body.</summary>
    public Func<string, string, int> Forwarder { get; set; } = (_, _) => StatusCodes.Status204NoContent;

    /// <summary>Calls that came, in order: host, headers, body, status.</summary>
    public ConcurrentQueue<(string Host, IHeaderDictionary Headers, string Body, int Status)> Calls { get; } = new();

    public SigningKey CallbackKey { get; } = SigningKey.GenerateEd25519();

    public AgreementDesk Agreements => Get<AgreementDesk>();

    public OrganizationDesk Organizations => Get<OrganizationDesk>();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public T Get<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    public async ValueTask InitializeAsync()
    {
        await _postgres.InitializeAsync();
        await _rabbit.InitializeAsync();
        _dns = await UnboundServer.StartAsync([], ["silent.example"]);
        _forwarder = await KeyHostServer.StartAsync(_authority, [], async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var body = await reader.ReadToEndAsync();
            var status = Forwarder(context.Request.Host.Host, body);
            Calls.Enqueue((context.Request.Host.Host, new HeaderDictionary(context.Request.Headers.ToDictionary(StringComparer.OrdinalIgnoreCase)), body, status));
            context.Response.StatusCode = status;
        });
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "callbacks.pem"), CallbackKey.ExportPem());
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "authority.pem"), _authority.Pem);
        await StartAsync();
    }

    /// <summary>Stops the service and starts it anew, as after an update.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    /// <summary>Sets the clock forward; what is due then comes due.</summary>
    public void Jump(TimeSpan by)
    {
        Time.Jump(by);
        Get<WakeSignal>().Wake();
    }

    public Task AddRecordAsync(string record) => _dns.AddAsync(record);

    public Task RemoveRecordsAsync(string name) => _dns.RemoveAsync(name);

    /// <summary>Publishes the challenge of an organisation, or another one.</summary>
    public async Task AnswerChallengeAsync(string domain, string? challenge = null)
    {
        challenge ??= (await Organizations.LoadAsync(domain, Stop)).State.Challenge;
        await AddRecordAsync($"{ChallengeRecord.NameOf(domain)}. 1 IN TXT \"{ChallengeRecord.TextOf(challenge)}\"");
    }

    /// <summary>First contact, with keys that are published and proven: the part that the API does.</summary>
    /// <param name="proveKey">Whether the request was signed.</param>
    public async Task MakeContactAsync(string domain, bool proveKey = true)
    {
        using var key = SigningKey.GenerateEd25519();
        await AddRecordAsync($"mailkey.{domain}. 1 IN TXT \"v=MAILKEY1; k=ed25519; s=k1; p={Convert.ToBase64String(key.ExportPublicKey())}\"");
        await AddRecordAsync($"callbacks.{domain}. 60 IN A 127.0.0.1");
        var made = await Organizations.MakeContactAsync(
            domain, $"postmaster@{domain}", $"https://callbacks.{domain}/agreements", NetworkOf(domain), new(ActorKind.Forwarder, domain), "request", Stop);
        Assert.Null(made.Refusal);
        if (proveKey)
        {
            await Organizations.DecideAsync(domain, new Prove(new(ActorKind.System, "api"), OrganizationProof.Key, $"k1@{domain}"), "request", Stop);
        }
    }

    /// <summary>The long way of an organisation, to its end.</summary>
    public async Task AdmitAsync(string domain)
    {
        await MakeContactAsync(domain);
        await AnswerChallengeAsync(domain);
        Jump(TimeSpan.FromMinutes(6));
        await UntilAsync(domain, OrganizationStatus.Waiting);
        Jump(TimeSpan.FromDays(1) + TimeSpan.FromMinutes(1));
        await UntilAsync(domain, OrganizationStatus.Verified);
    }

    public static Terms Terms(int rate = 100) => new()
    {
        Dnsbl = DnsblTerm.Skip,
        Spf = SpfTerm.Ignore,
        Mailkey = MailkeyTerm.IgnoreRecipientBinding,
        Feedback = Feedback.Off,
        Rate = rate,
        Size = 20 << 20,
    };

    public static Proposal Proposal(string forwarder, string recipient, string category = "mailing-list", string? subscription = null, string? displayName = "Developers", ConsentEvidence? evidence = null) => new()
    {
        Forwarder = forwarder,
        Recipient = recipient,
        Category = category,
        Subscription = subscription ?? $"dev.lists.{forwarder}",
        DisplayName = displayName,
        Methods = [AgreementMethod.Reference],
        Terms = Terms(),
        Evidence = evidence,
    };

    /// <summary>Proposes as the organisation does.</summary>
    public async Task<AgreementId> ProposeAsync(Proposal proposal)
    {
        var answer = await Agreements.ProposeAsync(proposal, new(ActorKind.Forwarder, proposal.Forwarder), NetworkOf(proposal.Forwarder), "request", Stop);
        Assert.Null(answer.Refusal);
        return answer.Id!.Value;
    }

    public Task<DeskAnswer<AgreementState>> DecideAsync(AgreementId id, AgreementCommand command) => Agreements.DecideAsync(id, command, "test", Stop);

    public async Task<AgreementState> StateAsync(AgreementId id) => (await Agreements.LoadAsync(id, null, Stop)).State;

    public Task<AgreementState> UntilAsync(AgreementId id, AgreementStatus status) => UntilAsync(id, state => state.Status == status);

    public Task<AgreementState> UntilAsync(AgreementId id, Func<AgreementState, bool> until) =>
        Eventually.GetAsync(() => StateAsync(id), until, Limit);

    public Task<OrganizationState> UntilAsync(string domain, OrganizationStatus status) =>
        Eventually.GetAsync(async () => (await Organizations.LoadAsync(domain, Stop)).State, state => state.Status == status, Limit);

    /// <summary>Waits until the saga of an organisation is in a state, and has its next look before it if wanted.</summary>
    public Task<JsonElement> UntilSagaAsync(string table, Guid id, Func<JsonElement, bool> until) => Eventually.GetAsync(
        async () =>
        {
            await using var command = Get<Npgsql.NpgsqlDataSource>().CreateCommand($"SELECT state::text FROM agreements.{table} WHERE correlation_id = $1");
            command.Parameters.Add(new() { Value = id });
            return JsonDocument.Parse(await command.ExecuteScalarAsync(Stop) as string ?? "{}").RootElement;
        },
        state => state.TryGetProperty("currentState", out _) && until(state),
        Limit);

    /// <summary>Names of the events of a stream, in order.</summary>
    public async Task<List<string>> EventsAsync(string streamId)
    {
        List<string> types = [];
        await foreach (var stored in Get<IEventStore>().ReadStreamAsync(streamId, 0, null, Stop))
        {
            types.Add(stored.Type);
        }

        return types;
    }

    /// <summary>Every mail that was handed to delivery for an account, in order; waits until there are so many.</summary>
    public async Task<List<(MessageAccepted Message, string Text)>> MailsAsync(string account, int atLeast)
    {
        await using var connection = await new ConnectionFactory { Uri = new(_rabbit.Uri) }.CreateConnectionAsync(Stop);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
        return await Eventually.GetAsync(
            async () =>
            {
                while (await channel.BasicGetAsync("delivery", autoAck: true, Stop) is { } got)
                {
                    using var envelope = JsonDocument.Parse(got.Body);
                    foreach (var message in envelope.RootElement.GetProperty("message").Deserialize<MessageAcceptedBatch>(JsonSerializerOptions.Web)!.Messages)
                    {
                        await using var stream = await Get<IContentStore>().OpenAsync(message.Content, Stop) ?? throw new InvalidOperationException("no content");
                        using var reader = new StreamReader(stream, Encoding.UTF8);
                        _mails.Add((message, Decoded(await reader.ReadToEndAsync(Stop))));
                    }
                }

                return _mails.Where(mail => mail.Message.Envelope.Recipients[0].ForwardPath == account).ToList();
            },
            found => found.Count >= atLeast,
            Limit);
    }

    /// <summary>Messages that wait in a queue.</summary>
    public async Task<uint> QueueLengthAsync(string queue)
    {
        await using var connection = await new ConnectionFactory { Uri = new(_rabbit.Uri) }.CreateConnectionAsync(Stop);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
        return await Eventually.GetAsync(() => channel.MessageCountAsync(queue, Stop), count => count > 0, Limit);
    }

    /// <summary>A text with its line ends as blanks.</summary>
    public static string Flat(string text) => text.Replace("\r\n", " ", StringComparison.Ordinal);

    /// <summary>The token of the link in a mail.</summary>
    public static string TokenOf(string mail) => LinkPattern().Match(mail).Groups[1].Value;

    /// <summary>A network of its own for each domain, else all tests would share the caps of one.</summary>
    public static IPAddress NetworkOf(string domain)
    {
        var hash = Consent.HashOf(domain);
        return new([(byte)(byte.Parse(hash.AsSpan(0, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) | 0x80), byte.Parse(hash.AsSpan(2, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture), byte.Parse(hash.AsSpan(4, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture), 7]);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _forwarder.DisposeAsync();
        await _dns.DisposeAsync();
        await _rabbit.DisposeAsync();
        await _postgres.DisposeAsync();
        _authority.Dispose();
        _folder.Dispose();
        CallbackKey.Dispose();
    }

    private async Task StartAsync()
    {
        var builder = ServiceHost.CreateBuilder("agreements",
        [
            "--Mailkey:Http:Port=0",
            $"--Mailkey:Hostname={Host}",
            "--Mailkey:Domains:0:Name=b.example",
            $"--Mailkey:DataFolder={_folder.Path}",
            $"--Mailkey:Postgres:ConnectionString={_postgres.ConnectionString}",
            $"--Mailkey:RabbitMq:Uri={_rabbit.Uri}",
            $"--Mailkey:Dns:Resolvers:0={_dns.Resolver}",
            "--Mailkey:Storage:OrphanAge=3650",
            "--Mailkey:Dns:AttemptTimeout=00:00:01",
            "--Mailkey:Dns:MaxNegativeTtl=00:00:01",
            "--Mailkey:KeyHost:AllowPrivateAddresses=true",
            $"--Mailkey:KeyHost:HttpsPort={_forwarder.Port}",
            $"--Mailkey:KeyHost:CertificateAuthorities={Path.Combine(_folder.Path, "authority.pem")}",
            "--Mailkey:KeyHost:MaxAge=00:00:01",
            "--Mailkey:KeyHost:MinAge=00:00:00.1",
            "--Mailkey:Agreements:PublicUrl=https://agreements.b.example",
            "--Mailkey:Agreements:Policy:EvidenceCategories:0=dot-forward",
            "--Mailkey:Agreements:Policy:ApprovalCategories:0=backup-mx",
            $"--Mailkey:Agreements:Callbacks:SigningKey={Path.Combine(_folder.Path, "callbacks.pem")}",
            $"--Mailkey:Agreements:Callbacks:KeyId=k1@{Host}",
        ]);
        builder.Logging.ClearProviders();
        builder.Services.Replace(ServiceDescriptor.Singleton<TimeProvider>(Time));
        builder.Services.AddAgreements();
        _app = builder.Build();
        await _app.StartAsync(CancellationToken.None);

        // The queue of delivery is declared by whoever publishes first; a test can't wait for that.
        await Get<IBus>().Publish(new MessageAcceptedBatch { Messages = [] }, CancellationToken.None);
    }

    private async Task StopAsync()
    {
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }

    // Quoted-printable (RFC 2045 §6.7) undone, as a mail program does; the header is as it came.
    private static string Decoded(string mail)
    {
        var end = mail.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        if (!mail[..end].Contains("quoted-printable", StringComparison.Ordinal))
        {
            return mail;
        }

        var octets = new List<byte>();
        var body = mail[end..].Replace("=\r\n", "", StringComparison.Ordinal);
        for (var i = 0; i < body.Length; i++)
        {
            octets.Add(body[i] == '=' ? byte.Parse(body.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) : (byte)body[i]);
            i += body[i] == '=' ? 2 : 0;
        }

        return mail[..end] + Encoding.UTF8.GetString([.. octets]);
    }

    [GeneratedRegex("https://agreements\\.b\\.example/consent/([a-z2-7]+)")]
    private static partial Regex LinkPattern();
}
