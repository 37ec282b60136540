namespace Mailkey.Authentication.Signatures;

/// <summary>What the signatures of a message say about its envelope domain, given that the domain's mailkey host exists.</summary>
public sealed record SignatureVerdict
{
    /// <summary>
    /// A result word of RFC 8601 §2.7: <c>pass</c>; <c>fail</c> (a bad signature or none); <c>permerror</c> (no signature that
    /// could be read); <c>neutral</c> (a domain that publishes test keys only, whatever the signature); <c>temperror</c> (a fault on our side).
    /// </summary>
    public required string Result { get; init; }

    /// <summary><c>mailkey</c> or <c>dkim</c>: the field that the result comes from; null when there was none.</summary>
    public string? Kind { get; init; }

    /// <summary>The d= of that field, as it was written; null when there was none.</summary>
    public string? Domain { get; init; }

    /// <summary>The s= of that field; null when there was none.</summary>
    public string? KeyName { get; init; }

    /// <summary>One printable ASCII line for a person.</summary>
    public required string Reason { get; init; }

    /// <summary>
    /// Whether the signature is good but for the recipients that it was made for, as one of a forwarded message is. Only found out where
    /// <see cref="SignatureInput.LooksBeyondRecipients"/> asks for it.
    /// </summary>
    public bool OnlyRecipientsDiffer { get; init; }

    public bool IsPass => Result == ResultWord.Pass;

    /// <summary>Whether the message is to be refused for good: <c>fail</c> and <c>permerror</c> alike.</summary>
    public bool IsRefusal => Result is ResultWord.Fail or ResultWord.PermError;
}

/// <summary>The result words of RFC 8601 §2.7.1 and §2.7.2.</summary>
public static class ResultWord
{
    public const string Pass = "pass";
    public const string Fail = "fail";
    public const string Policy = "policy";
    public const string Neutral = "neutral";
    public const string None = "none";
    public const string TempError = "temperror";
    public const string PermError = "permerror";
}

/// <summary>The field a signature came in.</summary>
public static class SignatureKind
{
    public const string Mailkey = "mailkey";
    public const string Dkim = "dkim";
}
