using Mailkey.Agreements.Desk;

namespace Mailkey.Agreements.Portal;

/// <summary>What operators see first: what waits for them, and who is there.</summary>
/// <param name="Approvals">Agreements that wait for approval.</param>
/// <param name="Held">Agreements that are suspended, but for a user's pause.</param>
/// <param name="Organizations">All that ever made contact, the last changed first.</param>
/// <param name="More">Whether there are more than are shown.</param>
public sealed record OperatorView(
    IReadOnlyList<RegisteredAgreement> Approvals, IReadOnlyList<RegisteredAgreement> Held, IReadOnlyList<RegisteredOrganization> Organizations, bool More);
