namespace Mailkey.Contracts.Agreements;

/// <summary>What an agreement changes for the mail that comes under it.</summary>
public sealed record AgreementTerms
{
    /// <summary><c>check</c>, <c>skip-zones</c> or <c>skip</c>.</summary>
    public required string Dnsbl { get; init; }

    /// <summary>The zones of <c>skip-zones</c>.</summary>
    public IReadOnlyList<string> DnsblZones { get; init; } = [];

    /// <summary><c>enforce</c>, <c>forwarder-domain</c> or <c>ignore</c>.</summary>
    public required string Spf { get; init; }

    /// <summary><c>enforce</c> or <c>ignore-recipient-binding</c>.</summary>
    public required string Mailkey { get; init; }

    /// <summary>Messages a day (UTC).</summary>
    public required int Rate { get; init; }

    /// <summary>Octets of a message.</summary>
    public required long Size { get; init; }
}
