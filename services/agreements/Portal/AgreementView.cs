using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Portal.Words;

namespace Mailkey.Agreements.Portal;

/// <summary>What the page of an agreement shows.</summary>
/// <param name="Happenings">Its history, in order.</param>
/// <param name="AsOperator">Whether an operator looks at it, and not the user whose mail it is.</param>
public sealed record AgreementView(AgreementId Id, AgreementState State, DateTimeOffset Now, IReadOnlyList<Happening> Happenings, bool AsOperator)
{
    /// <summary>The address of its page, and of what can be done to it.</summary>
    public string Path => AsOperator ? $"/portal/operator/agreements/{Id}" : $"/portal/agreements/{Id}";

    /// <summary>The version that waits for the user's answer; 0 for none.</summary>
    public int AwaitedVersion => !AgreementWords.AwaitsUser(State) ? 0 : State.Phase == AgreementPhase.AwaitingConsent ? State.Version : State.Pending!.Version;

    public bool IsInForce => State.Phase == AgreementPhase.InForce;

    /// <summary>Whether others have the forwarder's address.</summary>
    public bool IsAddressLeaked => IsInForce && State.Address is not null && (State.LeakedAddress is not null || State.Holds.Contains(Hold.AddressLeak));

    public bool IsOver => AgreementWords.IsOver(State);
}
