using Mailkey.Authentication.Dkim;
using Mailkey.Contracts;

namespace Mailkey.Verifier.Evidence;

/// <summary>What is known about a message apart from its mailkey.</summary>
/// <param name="Signatures">What <paramref name="Dkim"/> was made from, in the same order.</param>
public sealed record OtherEvidence(
    SpfEvidence? Spf, IReadOnlyList<DkimEvidence> Dkim, IReadOnlyList<DkimFinding> Signatures, IReadOnlyList<BlocklistEvidence> Blocklists);
