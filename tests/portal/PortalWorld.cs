using System.Globalization;
using System.Net;
using Mailkey.Agreements;
using Mailkey.Agreements.Accounts;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Portal;
using Mailkey.Agreements.Web;
using Mailkey.Hosting;
using Mailkey.Messaging.Publication;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Mailkey.Portal.Tests;

[CollectionDefinition(nameof(PortalWorld))]
public sealed class PortalWorldCollection : ICollectionFixture<PortalWorld>;

/// <summary>The service with its portal on a real port and a real database, three accounts, and a desk to make agreements with.</summary>
public sealed class PortalWorld : IAsyncLifetime
{
    public const string Alice = "alice@b.example";
    public const string Bob = "bob@b.example";
    public const string Postmaster = "postmaster@b.example";
    public const string Password = "correct horse";

    // For tests alone: what it costs to try a password is not what they are about.
    private const int CheapIterations = 10;

    private static readonly Actor Negotiation = new(ActorKind.System, "negotiation");
    private static readonly Actor Importer = new(ActorKind.Operator, Postmaster);

    private readonly PostgresServer _postgres = new();
    private readonly RabbitMqServer _rabbit = new();
    private readonly TemporaryFolder _folder = new("portal");
    private readonly int _port = LoopbackPort.Take();
    private WebApplication _app = null!;
    private int _count;

    public Uri Address => AddressOf(_port);

    public string ConnectionString => _postgres.ConnectionString;

    public AccountFile Accounts { get; private set; } = null!;

    /// <summary>Links that consent mail would have brought.</summary>
    public Dictionary<string, LinkedQuestion> Links { get; } = new(StringComparer.Ordinal);

    public AgreementDesk Desk => _app.Services.GetRequiredService<AgreementDesk>();

    public IServiceProvider Services => _app.Services;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static AccountEntry Entry(string address, bool isOperator = false, string password = Password) => new(address, isOperator, PasswordHash.Of(password, CheapIterations));

    public static Terms Terms { get; } = new()
    {
        Dnsbl = DnsblTerm.Skip,
        Spf = SpfTerm.Ignore,
        Mailkey = MailkeyTerm.IgnoreRecipientBinding,
        Feedback = new(FeedbackFormat.Arf, "abuse@a.example"),
        Rate = 200,
        Size = 20 << 20,
    };

    public async ValueTask InitializeAsync()
    {
        await Task.WhenAll(_postgres.InitializeAsync().AsTask(), _rabbit.InitializeAsync().AsTask());
        Accounts = new(Path.Combine(_folder.Path, "accounts"));
        Accounts.Write([Entry(Alice), Entry(Bob), Entry(Postmaster, isOperator: true)]);
        _app = await StartAsync(_port);
    }

    /// <summary>Another process of the same service, as far as one process can be two.</summary>
    public async Task<Replica> StartReplicaAsync(params string[] options)
    {
        var port = LoopbackPort.Take();
        return new(await StartAsync(port, options), AddressOf(port));
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        await _rabbit.DisposeAsync();
        await _postgres.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>A browser that nobody has signed in with.</summary>
    public Browser NewBrowser() => new(Address);

    /// <summary>An agreement as far as it comes: waits for the user, or with consent in force.</summary>
    public async Task<AgreementId> NewAgreementAsync(
        string account, bool consented = true, string category = "mailing-list", string? name = null, string forwarder = "a.example", Terms? terms = null, ConsentEvidence? evidence = null)
    {
        var number = Interlocked.Increment(ref _count);
        var proposed = await Desk.ProposeAsync(
            new()
            {
                Forwarder = forwarder,
                Recipient = account,
                Category = category,
                Subscription = string.Create(CultureInfo.InvariantCulture, $"list{number}.a.example"),
                DisplayName = name ?? string.Create(CultureInfo.InvariantCulture, $"List {number}"),
                Methods = [AgreementMethod.Reference, AgreementMethod.Address],
                Terms = terms ?? Terms,
                Evidence = evidence,
            },
            Importer, null, "test", Stop);
        Assert.Null(proposed.Refusal);
        var id = proposed.Id!.Value;
        var answer = await Desk.DecideAsync(id, new AcceptProof(Negotiation, [ProofKind.Organization]), "test", Stop);
        if (consented)
        {
            answer = await Desk.DecideAsync(id, new GiveConsent(new(ActorKind.User, account), 1, new(ConsentMeans.Portal, "192.0.2.9", "Do you want this list?"), 0), "test", Stop);
        }

        Assert.Null(answer.Refusal);
        await Services.GetRequiredService<AgreementReader>().CaughtUpAsync(id, answer.Version, Stop);
        return id;
    }

    public async Task<AgreementState> StateAsync(AgreementId id) => (await Desk.LoadAsync(id, null, Stop)).State;

    public async Task DecideAsync(AgreementId id, AgreementCommand command) => Assert.Null((await Desk.DecideAsync(id, command, "test", Stop)).Refusal);

    /// <summary>An organisation that waits for an operator.</summary>
    public async Task NewOrganizationAsync(string domain)
    {
        var desk = Services.GetRequiredService<OrganizationDesk>();
        var forwarder = new Actor(ActorKind.Forwarder, domain);
        Assert.Null((await desk.MakeContactAsync(domain, $"postmaster@{domain}", $"https://{domain}/call-back", IPAddress.Parse("192.0.2.1"), forwarder, "test", Stop)).Refusal);
        await desk.DecideAsync(domain, new Prove(Negotiation, OrganizationProof.Key, "key 2026a"), "test", Stop);
        Assert.Null((await desk.DecideAsync(domain, new Prove(Negotiation, OrganizationProof.Dns, "TXT"), "test", Stop)).Refusal);
    }

    private static Uri AddressOf(int port) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));

    private async Task<WebApplication> StartAsync(int port, params string[] options)
    {
        var builder = ServiceHost.CreateBuilder("agreements", [
            "--Mailkey:Hostname=mx.b.example",
            "--Mailkey:Domains:0:Name=b.example",
            $"--Mailkey:DataFolder={_folder.Path}",
            "--Mailkey:Http:Port=0",
            string.Create(CultureInfo.InvariantCulture, $"--Mailkey:Agreements:Port={port}"),
            $"--Mailkey:Postgres:ConnectionString={_postgres.ConnectionString}",
            $"--Mailkey:RabbitMq:Uri={_rabbit.Uri}",
            "--Mailkey:Agreements:Portal:RequestsPerClient=100000",
            "--Mailkey:Agreements:Accounts:FailuresPerNetwork=100000",
            "--Mailkey:Agreements:Accounts:FailuresPerAccount=5",
            "--Mailkey:Agreements:Policy:ApprovalCategories:0=backup-mx",
            "--Mailkey:Agreements:Policy:ConsentRequestsPerDay=1000",
            "--Mailkey:Agreements:Policy:ConsentRequestsWaiting=1000",
            .. options,
        ]);
        builder.Logging.ClearProviders();
        builder.Services.AddAgreements();

        // What happens to these agreements is what the tests do: the sagas hear of none.
        builder.Services.Remove(Assert.Single(builder.Services, service =>
            service.ServiceType == typeof(IHostedService) && service.ImplementationFactory?.Method.DeclaringType?.DeclaringType == typeof(EventPublicationServices)));
        builder.Services.AddSingleton<IConsentLinks>(new GivenLinks(Links));
        builder.AddAgreementsWeb();
        var app = builder.Build();
        app.UseAgreementsWeb(routes => routes.MapPortal());
        await app.StartAsync(Stop);
        return app;
    }

    /// <summary>Another process of the service.</summary>
    public sealed class Replica(WebApplication app, Uri address) : IAsyncDisposable
    {
        public Uri Address { get; } = address;

        public async ValueTask DisposeAsync()
        {
            await app.StopAsync(CancellationToken.None);
            await app.DisposeAsync();
        }
    }

    private sealed class GivenLinks(Dictionary<string, LinkedQuestion> links) : IConsentLinks
    {
        public Task<LinkedQuestion?> ReadAsync(string token, CancellationToken cancellationToken) => Task.FromResult(links.GetValueOrDefault(token));
    }
}
