namespace Mailkey.Contracts;

/// <summary>Some recipients will never get the message: refused downstream, or expired.</summary>
public sealed record DeliveryFailed : DeliveryReport;
