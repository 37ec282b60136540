namespace Mailkey.Messaging.Scheduling;

/// <summary>A message to be sent later.</summary>
/// <param name="Token">Names the timer; cancelling goes by it.</param>
/// <param name="DueAt">Not sent before this time.</param>
/// <param name="Destination">Address of the receive endpoint.</param>
/// <param name="Envelope">The message in MassTransit's JSON envelope, ready for the broker.</param>
public sealed record TimedMessage(Guid Token, DateTimeOffset DueAt, Uri Destination, byte[] Envelope);
