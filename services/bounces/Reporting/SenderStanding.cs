using Mailkey.Contracts;

namespace Mailkey.Bounces.Reporting;

/// <summary>Whether the reverse-path of a message is known to name its sender.</summary>
public enum SenderStanding
{
    /// <summary>Proven by a key of the domain.</summary>
    Authenticated,

    /// <summary>Neither proven nor disproven.</summary>
    Unproven,

    /// <summary>The domain says that this is not its mail.</summary>
    Forged,
}

/// <summary>The one place where evidence about a sender becomes a <see cref="SenderStanding"/>.</summary>
public static class SenderEvidence
{
    /// <summary>
    /// Judges by the verdict of the message. A domain that publishes keys, none of which signed this, says that it is not its
    /// mail; that it was accepted can only be because the policy stage observes. So does an SPF record by which the client may
    /// not send for the domain (RFC 7208 §2.6.4); of a null reverse-path SPF judges another name, which does not matter here.
    /// </summary>
    public static SenderStanding Of(Verdict? verdict) => verdict switch
    {
        { Authenticated: true } => SenderStanding.Authenticated,
        { HostState: "exists", Result: "fail" or "permerror" } => SenderStanding.Forged,
        { Spf: { Result: "fail", Identity: "mailfrom" } } => SenderStanding.Forged,
        _ => SenderStanding.Unproven,
    };
}
