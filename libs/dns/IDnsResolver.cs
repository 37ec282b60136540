namespace Mailkey.Dns;

/// <summary>Looks names up. The one seam behind which another DNS library can be put.</summary>
public interface IDnsResolver
{
    /// <summary>
    /// Looks up one name and type, following CNAMEs. Never throws for what the network does: that is <see cref="DnsAnswer.Status"/>.
    /// </summary>
    /// <param name="name">
    /// A domain name as A-labels, with or without the final dot. An octet of a label that is not printable, a dot or a backslash is
    /// written as \DDD, three decimal digits (RFC 1035 §5.1); names in answers have the same form.
    /// </param>
    ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken);
}

/// <summary>Record types that mail needs (RFC 1035 §3.2.2, RFC 3596).</summary>
public enum DnsRecordType : ushort
{
    A = 1,
    Ns = 2,
    Cname = 5,
    Soa = 6,
    Ptr = 12,
    Mx = 15,
    Txt = 16,
    Aaaa = 28,
}

/// <summary>How a look-up ended. Only the first three are proof of anything.</summary>
public enum DnsStatus
{
    /// <summary>Records of the asked type exist.</summary>
    Success,

    /// <summary>The name exists, records of the type do not (NOERROR, no answer; RFC 2308 §2.2).</summary>
    NoData,

    /// <summary>The name does not exist (NXDOMAIN; RFC 2308 §2.1).</summary>
    NameError,

    /// <summary>The server failed or refused: SERVFAIL, REFUSED, NOTIMP, FORMERR, or an answer that can't be trusted.</summary>
    ServerFailure,

    /// <summary>No answer in time.</summary>
    Timeout,
}

/// <summary>The outcome of a look-up.</summary>
public sealed record DnsAnswer
{
    public required DnsStatus Status { get; init; }

    /// <summary>Records of the asked type, owned by the asked name or by the end of its CNAME chain.</summary>
    public IReadOnlyList<DnsRecord> Records { get; init; } = [];

    /// <summary>How long the answer may be kept: the least TTL of the chain, or the negative TTL (RFC 2308 §5).</summary>
    public TimeSpan TimeToLive { get; init; }

    /// <summary>One line for a person: what the server said or what went wrong.</summary>
    public string Detail { get; init; } = "";
}

/// <summary>One resource record; which of the values is set follows from its type.</summary>
public sealed record DnsRecord
{
    public required string Name { get; init; }
    public required DnsRecordType Type { get; init; }
    public required TimeSpan TimeToLive { get; init; }

    /// <summary>A and AAAA.</summary>
    public System.Net.IPAddress? Address { get; init; }

    /// <summary>TXT: the character-strings joined, Latin-1 octets.</summary>
    public string? Text { get; init; }

    /// <summary>MX exchange, CNAME, PTR or NS target; "." for a null MX (RFC 7505).</summary>
    public string? Target { get; init; }

    /// <summary>MX preference.</summary>
    public int Preference { get; init; }
}
