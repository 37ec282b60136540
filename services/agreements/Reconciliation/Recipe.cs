using Mailkey.Agreements.Keys;

namespace Mailkey.Agreements.Reconciliation;

/// <summary>One line of either side's list: a recipe at the forwarder, an agreement at the receiver.</summary>
/// <param name="AgreementId">Null for a recipe that has no agreement yet.</param>
public sealed record Recipe(SubscriptionKey Key, AgreementId? AgreementId);
