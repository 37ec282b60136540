namespace Mailkey.Spf;

/// <summary>Kinds of terms (RFC 7208 §5, §6).</summary>
public enum SpfTermKind
{
    All,
    Include,
    A,
    Mx,
    Ptr,
    Ip4,
    Ip6,
    Exists,
    Redirect,
    Explanation,
    UnknownModifier,
}

/// <summary>One directive or modifier, as positions in the text of its record: reading a record allocates nothing.</summary>
public readonly struct SpfTerm
{
    /// <summary>Bits of an IPv4 address.</summary>
    public const int Ip4Bits = 32;

    /// <summary>Bits of an IPv6 address.</summary>
    public const int Ip6Bits = 128;

    public SpfTermKind Kind { get; init; }

    /// <summary>What a match of a directive results in.</summary>
    public SpfVerdict Qualifier { get; init; }

    /// <summary>First character of the term in the record.</summary>
    public int Start { get; init; }

    public int Length { get; init; }

    /// <summary>First character of the domain-spec; <see cref="DomainLength"/> is 0 without one.</summary>
    public int DomainStart { get; init; }

    public int DomainLength { get; init; }

    /// <summary>The address of ip4 (in the lower 32 bits) or ip6.</summary>
    public UInt128 Network { get; init; }

    /// <summary>Prefix length for IPv4 clients.</summary>
    public int Ip4Prefix { get; init; }

    /// <summary>Prefix length for IPv6 clients.</summary>
    public int Ip6Prefix { get; init; }

    /// <summary>Whether the term counts against <see cref="SpfLimits.LookupTerms"/>.</summary>
    public bool NeedsLookup => Kind is SpfTermKind.Include or SpfTermKind.A or SpfTermKind.Mx or SpfTermKind.Ptr or SpfTermKind.Exists or SpfTermKind.Redirect;

    /// <summary>Whether the term is a modifier, which matches nothing.</summary>
    public bool IsModifier => Kind >= SpfTermKind.Redirect;
}

/// <summary>Why a text is no SPF record.</summary>
/// <param name="Position">Index of the character where reading stopped.</param>
/// <param name="Message">One ASCII phrase.</param>
public readonly record struct SpfSyntaxError(int Position, string Message)
{
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Message} at character {Position + 1}");
}
