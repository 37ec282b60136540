using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Keys;
using Mailkey.Contracts.Agreements;
using Mailkey.Ledger.Events;
using Mailkey.Ledger.Subscriptions;
using Mailkey.Messaging.Agreements;

namespace Mailkey.Agreements.Lookups;

/// <summary>
/// Tells every replica of ingress and verifier which agreements have changed. The checkpoint moves when the broker has it: what is told twice
/// is forgotten twice, which harms nobody.
/// </summary>
internal sealed class AgreementChanges(Aggregates<AgreementState> agreements, IAgreementAnnouncer announcer) : Subscription
{
    public override string Name => "agreement-changes";

    public override async ValueTask HandleAsync(SubscriptionPage page, CancellationToken cancellationToken)
    {
        HashSet<AgreementId> changed = [];
        HashSet<string> keys = new(StringComparer.Ordinal);
        foreach (var (stored, value) in page.Events)
        {
            if (!AgreementId.TryParseStreamId(stored.StreamId, out var id) || !MayActOnMail(value))
            {
                continue;
            }

            changed.Add(id);
            if (value is AddressAssigned { Replaces: { } before })
            {
                keys.Add(AgreementKey.OfAddress(before));
            }
            else if (value is CredentialWithdrawn credential)
            {
                keys.Add(AgreementKey.OfCredential(credential.CredentialId));
            }
        }

        if (changed.Count == 0)
        {
            return;
        }

        foreach (var id in changed)
        {
            await AddKeysAsync(id, keys, cancellationToken);
        }

        await announcer.AnnounceAsync(new() { AgreementIds = [.. changed.Select(id => id.ToString())], Keys = [.. keys] }, cancellationToken);
    }

    // What was counted, asked or proposed changes nothing of what holds; every other event may, and one that is not known may as well.
    private static bool MayActOnMail(object? happened) => happened is not
        (AgreementProposed or ProofRequested or ProofAccepted or ConsentRequested or ConsentGiven or ApprovalRequested or ApprovalGiven
        or TermsProposed or TermsAccepted or TermsDeclined or TermsWithdrawn or TermsLapsed
        or TrafficRecorded or ComplaintReceived or MisuseObserved or AddressLeaked or MessageReplayed or AgreementReopened or AgreementRefused);

    // The names under which "nothing" may be remembered where there is something now.
    private async Task AddKeysAsync(AgreementId id, HashSet<string> keys, CancellationToken cancellationToken)
    {
        AgreementState state;
        try
        {
            state = (await agreements.LoadAsync(id.StreamId, asOf: null, cancellationToken)).State;
        }
        catch (UnknownEventException)
        {
            return;
        }

        keys.Add(AgreementKey.OfForwarder(state.Forwarder));
        keys.Add(AgreementKey.OfSubscription(state.Forwarder, state.Recipient, state.Subscription));
        if (state.Address is { } address)
        {
            keys.Add(AgreementKey.OfAddress(address));
        }

        foreach (var credential in state.Credentials)
        {
            keys.Add(AgreementKey.OfCredential(credential.Id));
        }
    }
}
