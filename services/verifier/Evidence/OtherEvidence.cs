using Mailkey.Contracts;

namespace Mailkey.Verifier.Evidence;

/// <summary>What is known about a message apart from its mailkey.</summary>
public sealed record OtherEvidence(SpfEvidence? Spf, IReadOnlyList<DkimEvidence> Dkim, IReadOnlyList<BlocklistEvidence> Blocklists);
