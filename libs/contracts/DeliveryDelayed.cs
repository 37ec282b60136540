namespace Mailkey.Contracts;

/// <summary>Some recipients have waited longer than the configured time; attempts go on.</summary>
public sealed record DeliveryDelayed : DeliveryReport
{
    /// <summary>When delivery gives up (Will-Retry-Until, RFC 3464 §2.3.9).</summary>
    public required DateTimeOffset WillRetryUntil { get; init; }
}
