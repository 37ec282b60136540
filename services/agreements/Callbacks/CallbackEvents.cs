using System.Collections.Frozen;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Callbacks;

/// <summary>What a forwarder is told of an agreement: what changes what it may send, and that others
/// have its address or send its messages again. What users complain about, or do with their mail, is not among it.</summary>
public static class CallbackEvents
{
    private static readonly FrozenSet<Type> Told = new[]
    {
        typeof(AgreementActivated), typeof(AgreementRefused), typeof(AgreementRevoked), typeof(AgreementExpired), typeof(AgreementReopened),
        typeof(TermsProposed), typeof(TermsAccepted), typeof(TermsAgreed), typeof(TermsDeclined), typeof(TermsWithdrawn), typeof(TermsLapsed),
        typeof(AgreementPromoted), typeof(AgreementDemoted), typeof(AgreementPaused), typeof(AgreementResumed), typeof(AgreementSuspended), typeof(SuspensionLifted),
        typeof(AddressLeaked), typeof(MessageReplayed),
    }.ToFrozenSet();

    private static readonly FrozenSet<string> Names = Told.Select(EventNameAttribute.Of).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Whether an event is told.</summary>
    /// <param name="type">Its stored name, of any version of its shape.</param>
    public static bool IsTold(string type) => Names.Contains(type.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? type[..dot] : type);
}
