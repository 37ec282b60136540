namespace Mailkey.Contracts;

/// <summary>Some recipients that asked for NOTIFY=SUCCESS have got the message.</summary>
public sealed record DeliverySucceeded : DeliveryReport
{
    /// <summary>
    /// True: handed to a host that does not do DSN, so nobody else will report (Action: relayed, RFC 3461 §5.2.2).
    /// False: final delivery (Action: delivered).
    /// </summary>
    public required bool Relayed { get; init; }
}
