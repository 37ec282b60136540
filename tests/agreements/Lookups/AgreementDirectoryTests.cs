using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Credentials;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Tests.Agreements;
using Mailkey.Contracts.Agreements;
using Mailkey.Hosting;
using Mailkey.Ledger.Events;
using Mailkey.Messaging.Agreements;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Mailkey.Agreements.Tests.Lookups;

/// <summary>The directory that ingress and verifiers use, and the service that answers it, over a real broker and a real database.</summary>
public sealed class AgreementDirectoryTests(PostgresServer postgres, RabbitMqServer rabbitMq) : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_replicas_find_an_agreement_by_every_key_and_forget_it_when_it_ends()
    {
        await using var service = await StartServiceAsync();
        await using var one = await StartReplicaAsync();
        await using var other = await StartReplicaAsync();
        IAgreementDirectory[] replicas = [one.Directory, other.Directory];
        var id = AgreementId.Mint();

        // Both remember that there is nothing, and have to hear that there is something.
        foreach (var replica in replicas)
        {
            Assert.Null((await FindAsync(replica, AgreementKey.OfId(id.ToString()))).Agreement);
            Assert.Null((await FindAsync(replica, Subscription)).Agreement);
        }

        await ActivateAsync(service, id, "alice@b.example");
        var address = UniqueAddress.Mint("alice@b.example").ToString();
        var credential = await service.Services.GetRequiredService<CredentialStore>().IssueAsync(id, Stop);
        await DoAsync(service, id, new AssignAddress(Story.System, address, null));
        await DoAsync(service, id, new IssueCredential(Story.System, credential.Id));
        string[] keys = [AgreementKey.OfId(id.ToString()), AgreementKey.OfAddress(address), AgreementKey.OfCredential(credential.Id), Subscription];
        foreach (var replica in replicas)
        {
            foreach (var key in keys)
            {
                await Eventually.GetAsync(() => FindAsync(replica, key), found => found.Agreement?.Id == id.ToString(), Limit, () => key);
            }

            var found = await replica.FindAsync([.. keys, AgreementKey.OfForwarder("a.example"), AgreementKey.OfForwarder("c.example")], Stop);
            Assert.All(found!.Take(4), answer => Assert.Equal(id.ToString(), answer.Agreement!.Id));
            Assert.Equal((true, false), (found![4].IsForwarder, found[5].IsForwarder));

            // Probation: low limits, and every check.
            var agreement = found[0].Agreement!;
            Assert.Equal(("a.example", "alice@b.example", "dev.lists.a.example", "probation"), (agreement.Forwarder, agreement.Recipient, agreement.Subscription, agreement.Trust));
            Assert.Equal(("check", "forwarder-domain", "ignore-recipient-binding", 20), (agreement.Terms.Dnsbl, agreement.Terms.Spf, agreement.Terms.Mailkey, agreement.Terms.Rate));
            Assert.Equal(address, agreement.Address);
            Assert.Equal(ScramSecret.Of(credential.Secret, found[2].Credential!.Salt).StoredKey, found[2].Credential!.StoredKey);
        }

        await DoAsync(service, id, new End(Story.User, null));
        foreach (var replica in replicas)
        {
            foreach (var key in keys)
            {
                await Eventually.GetAsync(() => FindAsync(replica, key), found => found.Agreement is null, Limit, () => key);
            }
        }
    }

    [Fact]
    public async Task Name_that_nobody_has_gets_the_same_answer_from_every_replica_as_one_that_somebody_has()
    {
        await using var service = await StartServiceAsync();
        await using var one = await StartReplicaAsync();
        await using var other = await StartReplicaAsync();

        var first = (await FindAsync(one.Directory, AgreementKey.OfCredential("nobody"))).Credential!;
        var second = (await FindAsync(other.Directory, AgreementKey.OfCredential("nobody"))).Credential!;
        var third = (await FindAsync(other.Directory, AgreementKey.OfCredential("noone"))).Credential!;

        Assert.Equal(first.Salt, second.Salt);
        Assert.NotEqual(first.Salt, third.Salt);
        Assert.Equal((ScramSecret.SaltLength, ScramSecret.Iterations, 32, 32), (first.Salt.Length, first.Iterations, first.StoredKey.Length, first.ServerKey.Length));
    }

    [Fact]
    public async Task Credential_before_the_last_stays_good_for_a_while_and_one_that_is_withdrawn_does_not()
    {
        await using var service = await StartServiceAsync();
        await using var replica = await StartReplicaAsync();
        var store = service.Services.GetRequiredService<CredentialStore>();
        var id = AgreementId.Mint();
        await ActivateAsync(service, id, "bob@b.example");
        var old = await store.IssueAsync(id, Stop);
        var unused = await store.IssueAsync(id, Stop);
        await DoAsync(service, id, new IssueCredential(Story.System, old.Id));
        await FoundAsync(replica, old.Id, id);
        var next = await store.IssueAsync(id, Stop);
        await DoAsync(service, id, new IssueCredential(Story.System, next.Id));

        await FoundAsync(replica, next.Id, id);
        var overlapping = await Eventually.GetAsync(() => FindAsync(replica.Directory, AgreementKey.OfCredential(old.Id)), found => found.Credential?.ValidUntil is not null, Limit, () => "no end");
        Assert.Equal(id.ToString(), overlapping.Agreement?.Id);
        Assert.Null((await FindAsync(replica.Directory, AgreementKey.OfCredential(unused.Id))).Agreement);

        await DoAsync(service, id, new WithdrawCredential(Story.System, old.Id));
        await Eventually.GetAsync(() => FindAsync(replica.Directory, AgreementKey.OfCredential(old.Id)), found => found.Agreement is null, Limit, () => "still good");
        Assert.NotNull((await FindAsync(replica.Directory, AgreementKey.OfCredential(next.Id))).Agreement);
    }

    private static string Subscription => AgreementKey.OfSubscription("a.example", "alice@b.example", "dev.lists.a.example");

    private static async Task FoundAsync(Replica replica, string credential, AgreementId id) => await Eventually.GetAsync(
        () => FindAsync(replica.Directory, AgreementKey.OfCredential(credential)), found => found.Agreement?.Id == id.ToString(), Limit, () => credential);

    // At the beginning neither end may be connected.
    private static async Task<AgreementFound> FindAsync(IAgreementDirectory directory, string key) =>
        (await Eventually.GetAsync<AgreementFound?>(() => directory.FindAsync(key, Stop).AsTask(), found => found is not null, Limit, () => "no answer"))!;

    private static async Task ActivateAsync(WebApplication service, AgreementId id, string recipient)
    {
        foreach (var told in Story.At(AgreementStatus.ActiveProbation).Events)
        {
            var happened = told is AgreementProposed proposed ? proposed with { Recipient = recipient, Account = recipient } : told;
            await service.Services.GetRequiredService<Aggregates<AgreementState>>().DecideAsync(
                id.StreamId, _ => ((IReadOnlyList<object>)[happened], true), Story.Forwarder.ToString(), cause: null, Stop);
        }
    }

    private static async Task DoAsync(WebApplication service, AgreementId id, AgreementCommand command)
    {
        var now = TimeProvider.System.GetUtcNow();
        var (_, decision) = await service.Services.GetRequiredService<Aggregates<AgreementState>>().DecideAsync<Decision<AgreementEvent>>(
            id.StreamId,
            state =>
            {
                var decided = Agreement.Decide(state, command, AgreementPolicy.Default, now);
                return (decided.Events, decided);
            },
            command.Actor.ToString(),
            cause: null,
            Stop);
        Assert.Null(decision.Refusal);
    }

    private async Task<WebApplication> StartServiceAsync()
    {
        var builder = ServiceHost.CreateBuilder("agreements", Settings);
        builder.Logging.ClearProviders();
        builder.Services.AddAgreements();
        var service = builder.Build();
        await service.StartAsync(Stop);
        return service;
    }

    private async Task<Replica> StartReplicaAsync()
    {
        var builder = ServiceHost.CreateBuilder("ingress", Settings);
        builder.Logging.ClearProviders();
        builder.Services.AddAgreementDirectory();
        var replica = builder.Build();
        await replica.StartAsync(Stop);
        return new(replica);
    }

    private sealed class Replica(IHost host) : IAsyncDisposable
    {
        public IAgreementDirectory Directory { get; } = host.Services.GetRequiredService<IAgreementDirectory>();

        public async ValueTask DisposeAsync()
        {
            await host.StopAsync(CancellationToken.None);
            host.Dispose();
        }
    }

    private string[] Settings =>
    [
        "--Mailkey:Http:Port=0",
        $"--Mailkey:Postgres:ConnectionString={postgres.ConnectionString}",
        $"--Mailkey:RabbitMq:Uri={rabbitMq.Uri}",
    ];
}
