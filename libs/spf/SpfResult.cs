namespace Mailkey.Spf;

/// <summary>The results of check_host() (RFC 7208 §2.6).</summary>
public enum SpfVerdict
{
    /// <summary>No domain that could be asked, or one without a record.</summary>
    None,

    /// <summary>The domain says nothing about this client.</summary>
    Neutral,

    /// <summary>The client may send for the domain.</summary>
    Pass,

    /// <summary>The client may not.</summary>
    Fail,

    /// <summary>The client probably may not.</summary>
    SoftFail,

    /// <summary>The DNS failed or was too slow: asked again later, the answer may be another.</summary>
    TempError,

    /// <summary>The record can't be understood, or asks for too much.</summary>
    PermError,
}

/// <summary>Which identity was checked (RFC 7208 §2.3, §2.4).</summary>
public enum SpfIdentity
{
    /// <summary>The reverse-path.</summary>
    MailFrom,

    /// <summary>The name in EHLO, because the reverse-path is null.</summary>
    Helo,
}

/// <summary>What SPF says. All texts are printable ASCII of one line.</summary>
public sealed record SpfResult
{
    public required SpfVerdict Verdict { get; init; }
    public required SpfIdentity Identity { get; init; }

    /// <summary>The domain of the identity as A-labels; empty when it is none.</summary>
    public required string Domain { get; init; }

    /// <summary>The directive that matched, as it stands in the record; null when none did.</summary>
    public string? Directive { get; init; }

    /// <summary>What the domain itself says about a fail (RFC 7208 §6.2); null otherwise. A stranger's words: show them as such.</summary>
    public string? Explanation { get; init; }

    /// <summary>Why the result is none, temperror or permerror; null otherwise.</summary>
    public string? Problem { get; init; }

    /// <summary>The result as RFC 8601 §2.7.2 writes it.</summary>
    public string Word => Verdict switch
    {
        SpfVerdict.None => "none",
        SpfVerdict.Neutral => "neutral",
        SpfVerdict.Pass => "pass",
        SpfVerdict.Fail => "fail",
        SpfVerdict.SoftFail => "softfail",
        SpfVerdict.TempError => "temperror",
        _ => "permerror",
    };
}
