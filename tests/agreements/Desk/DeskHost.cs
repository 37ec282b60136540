using System.Net;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Tests.Agreements;
using Mailkey.Hosting;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mailkey.Agreements.Tests.Desk;

/// <summary>The service without its port, on a real database; its domain is <c>b.example</c>.</summary>
internal sealed class DeskHost : IAsyncDisposable
{
    public static readonly IPAddress Client = IPAddress.Parse("192.0.2.25");
    public static readonly Actor Saga = new(ActorKind.System, "test");
    public static readonly Actor Operator = new(ActorKind.Operator, "postmaster");

    private readonly WebApplication _app;

    private DeskHost(WebApplication app) => _app = app;

    public AgreementDesk Agreements => _app.Services.GetRequiredService<AgreementDesk>();

    public OrganizationDesk Organizations => _app.Services.GetRequiredService<OrganizationDesk>();

    public IServiceProvider Services => _app.Services;

    public AgreementRegister Register => _app.Services.GetRequiredService<AgreementRegister>();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static async Task<DeskHost> StartAsync(PostgresServer postgres, params string[] more)
    {
        var builder = ServiceHost.CreateBuilder("agreements", [
            "--Mailkey:Http:Port=0",
            $"--Mailkey:Postgres:ConnectionString={postgres.ConnectionString}",
            "--Mailkey:Domains:0:Name=b.example",

            // No bus here: the sagas stay silent, and the test speaks for them.
            "--Mailkey:RabbitMq:Uri=amqp://127.0.0.1:1/",
            "--Mailkey:Domains:1:Name=listed.example",
            "--Mailkey:Domains:1:Recipients:0=alice",
            .. more,
        ]);
        builder.Logging.ClearProviders();
        builder.Services.AddAgreements();
        var app = builder.Build();
        await app.StartAsync(Stop);
        return new(app);
    }

    /// <summary>An organisation that may propose; returns its domain, which nobody else has.</summary>
    public async Task<string> VerifiedAsync()
    {
        var domain = $"a{Guid.NewGuid():N}.example";
        var forwarder = new Actor(ActorKind.Forwarder, domain);
        var client = new IPAddress(Guid.NewGuid().ToByteArray());
        Assert.Null((await Organizations.MakeContactAsync(domain, $"postmaster@{domain}", $"https://{domain}/callback", client, forwarder, null, Stop)).Refusal);
        Assert.Null((await Organizations.DecideAsync(domain, new Prove(Saga, OrganizationProof.Key, "key 2026a"), null, Stop)).Refusal);
        Assert.Null((await Organizations.DecideAsync(domain, new Prove(Saga, OrganizationProof.Dns, "record"), null, Stop)).Refusal);
        var answer = await Organizations.DecideAsync(domain, new ApproveOrganization(Operator, null), null, Stop);
        Assert.Equal(OrganizationStatus.Verified, answer.State.Status);
        return domain;
    }

    public static Proposal Proposal(string forwarder, string recipient = "alice@b.example", string subscription = "dev") => new()
    {
        Forwarder = forwarder,
        Recipient = recipient,
        Category = "mailing-list",
        Subscription = subscription,
        DisplayName = "Developers of A",
        Methods = [AgreementMethod.Reference, AgreementMethod.Address, AgreementMethod.Auth],
        Terms = Story.Terms,
    };

    public Task<ProposalAnswer> ProposeAsync(string forwarder, string recipient = "alice@b.example", string subscription = "dev", IPAddress? client = null) =>
        Agreements.ProposeAsync(Proposal(forwarder, recipient, subscription), new(ActorKind.Forwarder, forwarder), client ?? Client, "request", Stop);

    /// <summary>An agreement in force.</summary>
    public async Task<AgreementId> ActiveAsync(string forwarder, string recipient = "alice@b.example", string subscription = "dev")
    {
        var proposed = await ProposeAsync(forwarder, recipient, subscription);
        Assert.Null(proposed.Refusal);
        var id = proposed.Id!.Value;
        Assert.Null((await Agreements.DecideAsync(id, new AcceptProof(Saga, [ProofKind.Organization]), null, Stop)).Refusal);
        var consent = await Agreements.DecideAsync(id, new GiveConsent(new(ActorKind.User, proposed.State.Account), 1, Story.Answer, 0), null, Stop);
        Assert.Equal(AgreementStatus.ActiveProbation, consent.State.Status);
        return id;
    }

    /// <summary>Waits until the read model has an agreement at a version.</summary>
    public Task RegisteredAsync(AgreementId id, long version) => Eventually.GetAsync(
        () => Register.FindAsync(id, Stop), row => row?.Version >= version, TimeSpan.FromSeconds(30), () => "the read model is behind");

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }
}
