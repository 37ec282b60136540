using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;

namespace Mailkey.Verifier.Agreements;

/// <summary>What a forwarding agreement makes of a message.</summary>
/// <param name="Evidence">What goes into the verdict.</param>
/// <param name="Agreement">The agreement that holds; null when none does.</param>
/// <param name="Signature">What is said of the sender's signature under the agreement.</param>
/// <param name="Refusal">Why the message is refused before policy sees it; null when it is not.</param>
/// <param name="Rule">Name of that decision.</param>
public sealed record AgreementFinding(AgreementEvidence Evidence, AgreementInForce? Agreement, SignatureVerdict Signature, ReplyText? Refusal, string Rule)
{
    /// <summary>What <see cref="Replays.ReplayGuard"/> wants to hear the end of; null for nothing.</summary>
    public UInt128[]? Taken { get; init; }

    /// <summary>What is said when policy refuses the message for want of a signature, which an agreement would have mended; null: what is always said.</summary>
    public ReplyText? Unsigned { get; init; }
}
