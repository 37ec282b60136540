namespace Mailkey.Contracts;

/// <summary>What ingress knows about the SMTP client when a transaction ends.</summary>
public sealed record ConnectionFacts
{
    /// <summary>IPv4 or IPv6 address of the client, without port.</summary>
    public required string ClientAddress { get; init; }

    /// <summary>The argument of EHLO, HELO or LHLO.</summary>
    public required string ClientName { get; init; }

    /// <summary>The transmission type of the Received field (RFC 3848): SMTP, ESMTP, ESMTPS, UTF8SMTPS and so on.</summary>
    public required string Protocol { get; init; }

    /// <summary>Protocol version and cipher suite; null without TLS.</summary>
    public string? Tls { get; init; }

    /// <summary>Which ingress process took the connection.</summary>
    public required string Server { get; init; }
}
