namespace Mailkey.Contracts.Agreements;

/// <summary>The agreement in a verdict: what was claimed, what of it is true, and what it changed.</summary>
public sealed record AgreementEvidence
{
    /// <summary>Blocklists, or those of them that the terms name.</summary>
    public const string Dnsbl = "dnsbl";

    /// <summary>SPF: it is evaluated and decides nothing.</summary>
    public const string Spf = "spf";

    /// <summary>SPF of the envelope sender: that of the forwarder's domain takes its place.</summary>
    public const string SpfOfSender = "spf-of-sender";

    /// <summary>That the mailkey signature names these recipients.</summary>
    public const string MailkeyRecipients = "mailkey-recipients";

    /// <summary><c>pass</c>: it holds for this message. <c>fail</c>: it does not. <c>temperror</c>: nobody could say now.</summary>
    public required string Result { get; init; }

    public required string Id { get; init; }

    /// <summary><c>auth</c>, <c>reference</c> or <c>address</c>.</summary>
    public required string Method { get; init; }

    /// <summary>Null where nothing is known of the agreement.</summary>
    public string? Forwarder { get; init; }

    /// <summary><c>probation</c> or <c>established</c>.</summary>
    public string? Trust { get; init; }

    public string? Category { get; init; }

    /// <summary>Version of the terms; 0 where nothing is known.</summary>
    public int Version { get; init; }

    /// <summary>How the forwarder was authenticated: <c>auth</c>, <c>mailkey</c>, <c>dkim</c>, <c>spf</c>; null when it was not.</summary>
    public string? AuthenticatedBy { get; init; }

    /// <summary>
    /// Checks that this agreement left out or made weigh nothing: <see cref="Dnsbl"/>, <see cref="Spf"/>, <see cref="SpfOfSender"/>,
    /// <see cref="MailkeyRecipients"/>.
    /// </summary>
    public IReadOnlyList<string> Skipped { get; init; } = [];

    /// <summary>SPF of the forwarder's domain, where the terms ask for it instead of the envelope sender's, or where it authenticated the forwarder.</summary>
    public SpfEvidence? ForwarderSpf { get; init; }

    /// <summary>One ASCII line for a person.</summary>
    public string? Reason { get; init; }
}
