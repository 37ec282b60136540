using System.Net;

namespace Mailkey.Spf;

/// <summary>Who sends, from where: the arguments of check_host() (RFC 7208 §4.1) before the identity is chosen.</summary>
public sealed record SpfQuestion
{
    /// <summary>Address of the SMTP client. An IPv4-mapped IPv6 address is taken for the IPv4 address that it is (RFC 7208 §5).</summary>
    public required IPAddress Client { get; init; }

    /// <summary>The reverse-path without brackets, with U-labels or A-labels; empty for <c>&lt;&gt;</c>.</summary>
    public required string ReversePath { get; init; }

    /// <summary>The argument of EHLO or HELO, as it came.</summary>
    public required string ClientName { get; init; }

    /// <summary>Name of the receiving host, for the macro <c>r</c>.</summary>
    public string ReceiverName { get; init; } = "unknown";
}
