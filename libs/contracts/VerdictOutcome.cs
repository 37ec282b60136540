namespace Mailkey.Contracts;

/// <summary>The words of <see cref="Verdict.Outcome"/>. Stored for years; they never change.</summary>
public static class VerdictOutcome
{
    /// <summary>250.</summary>
    public const string Accept = "accept";

    /// <summary>250, and delivered apart from other mail.</summary>
    public const string Quarantine = "quarantine";

    /// <summary>451: unknown for now, or a rule says so.</summary>
    public const string Defer = "defer";

    /// <summary>451 for a sender that has not tried before.</summary>
    public const string Greylist = "greylist";

    /// <summary>451, or 550 where the rule says so: too many.</summary>
    public const string RateLimit = "rate-limit";

    /// <summary>550.</summary>
    public const string Reject = "reject";
}
