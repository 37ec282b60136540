using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Ledger;
using Mailkey.Ledger;
using Mailkey.Ledger.Events;
using Npgsql;

namespace Mailkey.Scenarios.Tests;

/// <summary>Agreements as they stand after a negotiation, written into the ledger of a running system.</summary>
internal sealed class LedgerOfAgreements(NpgsqlDataSource database)
{
    private static readonly Actor System = new(ActorKind.System, "negotiation");

    private readonly Aggregates<AgreementState> _agreements = new(
        new PostgresEventStore(database, AgreementsLedger.Schema, announce: true), AgreementsLedger.Catalog, AgreementState.None, AgreementsLedger.Evolve, TimeProvider.System);

    /// <summary>Makes an agreement that is in force, on probation.</summary>
    public async Task<AgreementId> AddAsync(string forwarder, string recipient, CancellationToken cancellationToken)
    {
        var id = AgreementId.Mint();
        var user = new Actor(ActorKind.User, recipient);
        AgreementCommand[] commands =
        [
            new Propose(new Actor(ActorKind.Forwarder, forwarder))
            {
                Forwarder = forwarder,
                Recipient = recipient,
                Account = recipient,
                Category = "alias",
                Subscription = "carol",
                Methods = [AgreementMethod.Auth, AgreementMethod.Address, AgreementMethod.Reference],
                Terms = new()
                {
                    Dnsbl = DnsblTerm.Check,
                    Spf = SpfTerm.ForwarderDomain,
                    Mailkey = MailkeyTerm.IgnoreRecipientBinding,
                    Feedback = Feedback.Off,
                    Rate = 100,
                    Size = 1 << 20,
                },
            },
            new RequestProof(System, [ProofKind.RequestSignature]),
            new AcceptProof(System, [ProofKind.RequestSignature]),
            new GiveConsent(user, 1, new(ConsentMeans.Portal, "127.0.0.1", "Do you want what comes to your old address?"), Risk: 0),
        ];
        foreach (var command in commands)
        {
            await DoAsync(id, command, cancellationToken);
        }

        return id;
    }

    /// <summary>Lets the forwarder log in.</summary>
    public Task GiveCredentialAsync(AgreementId id, string credentialId, CancellationToken cancellationToken) =>
        DoAsync(id, new IssueCredential(System, credentialId), cancellationToken);

    /// <summary>Gives the forwarder an address of its own.</summary>
    public Task GiveAddressAsync(AgreementId id, string address, CancellationToken cancellationToken) =>
        DoAsync(id, new AssignAddress(System, address, null), cancellationToken);

    /// <summary>The user wants it no more.</summary>
    public Task EndAsync(AgreementId id, string recipient, CancellationToken cancellationToken) =>
        DoAsync(id, new End(new Actor(ActorKind.User, recipient), null), cancellationToken);

    /// <summary>The agreement as it is.</summary>
    public async Task<AgreementState> StateAsync(AgreementId id, CancellationToken cancellationToken) =>
        (await _agreements.LoadAsync(id.StreamId, asOf: null, cancellationToken)).State;

    private async Task DoAsync(AgreementId id, AgreementCommand command, CancellationToken cancellationToken)
    {
        var now = TimeProvider.System.GetUtcNow();
        var (_, decision) = await _agreements.DecideAsync<Decision<AgreementEvent>>(
            id.StreamId,
            state =>
            {
                var decided = Agreement.Decide(state, command, AgreementPolicy.Default, now);
                return (decided.Events, decided);
            },
            command.Actor.ToString(),
            cause: null,
            cancellationToken);
        Assert.Null(decision.Refusal);
    }
}
