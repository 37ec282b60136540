using System.Net;
using System.Security.Cryptography;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Organizations;
using Mailkey.Ledger.Events;

namespace Mailkey.Agreements.Desk;

/// <summary>The way by which organisations, and those who judge them, give commands. See <see cref="AgreementDesk"/>.</summary>
public sealed class OrganizationDesk(Aggregates<OrganizationState> organizations, DeskPolicies policies, DeskLoads loads, DeskLocks locks, TimeProvider time)
{
    // 32 characters of five bits: nobody guesses one.
    private const int ChallengeLength = 32;
    private const string ChallengeAlphabet = "abcdefghijklmnopqrstuvwxyz234567";

    /// <summary>An organisation as its events say.</summary>
    /// <param name="domain">In its normal form.</param>
    public async Task<DeskAnswer<OrganizationState>> LoadAsync(string domain, CancellationToken cancellationToken)
    {
        var stream = await organizations.LoadAsync(Organization.StreamId(domain), null, cancellationToken);
        return new(Named(domain, stream.State), stream.Version, stream.Version == 0 ? OrganizationRefusals.Unknown : null, HasChanged: false);
    }

    /// <summary>First contact, or a change of where the organisation can be reached.</summary>
    /// <param name="domain">In its normal form.</param>
    /// <param name="contact">Mail address of its postmaster.</param>
    /// <param name="callback">HTTPS address that is told what happens to its agreements.</param>
    /// <param name="client">Where the request came from.</param>
    /// <param name="cause">The request.</param>
    public async Task<DeskAnswer<OrganizationState>> MakeContactAsync(
        string domain, string contact, string callback, IPAddress client, Actor actor, string? cause, CancellationToken cancellationToken)
    {
        // One lock for all: the cap of the day counts them all, and there are few.
        await using var held = await locks.EnterAsync(["contacts"], cancellationToken);
        var network = NetworkPrefix.Of(client);
        var load = await loads.ContactsAsync(network, cancellationToken);
        return await DecideAsync(domain, new MakeContact(actor, domain, contact, callback, network, NewChallenge(), load), cause, cancellationToken);
    }

    /// <summary>Gives a command; first contact has a way of its own.</summary>
    /// <param name="domain">In its normal form.</param>
    /// <param name="cause">The request.</param>
    public async Task<DeskAnswer<OrganizationState>> DecideAsync(string domain, OrganizationCommand command, string? cause, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(command);
        var (stream, decision) = await organizations.DecideAsync(
            Organization.StreamId(domain),
            state =>
            {
                var decided = Organization.Decide(state, command, policies.Organizations, time.GetUtcNow());
                return (decided.Events, decided);
            },
            command.Actor.ToString(),
            cause,
            cancellationToken);
        return new(Named(domain, stream.State), stream.Version, decision.Refusal, decision.Events.Count > 0);
    }

    /// <summary>The state with the name of the organisation, which its events do not say of one that was banned before it made contact.</summary>
    /// <param name="domain">In its normal form.</param>
    internal static OrganizationState Named(string domain, OrganizationState state) => state.Domain.Length == 0 ? state with { Domain = domain } : state;

    /// <summary>How an organisation is seen here, and what would raise that.</summary>
    public OrganizationStanding StandingOf(OrganizationState state) => OrganizationStanding.Of(state, policies.Organizations, time.GetUtcNow());

    private static string NewChallenge() => RandomNumberGenerator.GetString(ChallengeAlphabet, ChallengeLength);
}
