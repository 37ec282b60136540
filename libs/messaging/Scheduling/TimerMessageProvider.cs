using MassTransit;
using MassTransit.Context;
using MassTransit.Scheduling;
using MassTransit.Serialization;

namespace Mailkey.Messaging.Scheduling;

/// <summary>Puts MassTransit's schedules into <see cref="ITimers"/>.</summary>
/// <param name="timers">Where to.</param>
/// <param name="context">The message that is being consumed; null outside of a consumer.</param>
internal sealed class TimerMessageProvider(ITimers timers, ConsumeContext? context) : IScheduleMessageProvider
{
    public async Task<ScheduledMessage<T>> ScheduleSend<T>(
        Uri destinationAddress, DateTime scheduledTime, T message, IPipe<SendContext<T>> pipe, CancellationToken cancellationToken)
        where T : class
    {
        if (!MessageTypeCache<T>.IsValidMessageType)
        {
            throw new ArgumentException(MessageTypeCache<T>.InvalidMessageTypeReason, nameof(message));
        }

        var token = ScheduleTokenIdCache<T>.GetTokenId(message);
        var send = new MessageSendContext<T>(message, cancellationToken)
        {
            DestinationAddress = destinationAddress,
            ConversationId = context?.ConversationId,
            InitiatorId = context?.CorrelationId,
            SourceAddress = context?.ReceiveContext.InputAddress,
            ScheduledMessageId = token,
            Serializer = SystemTextJsonMessageSerializer.Instance,
        };
        if (pipe.IsNotEmpty())
        {
            await pipe.Send(send);
        }

        // By this header a saga knows a timer that was cancelled too late, and ignores it.
        send.Headers.Set(MessageHeaders.SchedulingTokenId, token.ToString("D"));

        var dueAt = new DateTimeOffset(scheduledTime.Kind == DateTimeKind.Unspecified
            ? DateTime.SpecifyKind(scheduledTime, DateTimeKind.Utc)
            : scheduledTime.ToUniversalTime());
        await timers.SetAsync(new TimedMessage(token, dueAt, destinationAddress, send.Body.GetBytes()), cancellationToken);
        return new ScheduledMessageHandle<T>(token, dueAt.UtcDateTime, destinationAddress, message);
    }

    public Task CancelScheduledSend(Guid tokenId, CancellationToken cancellationToken) => timers.CancelAsync(tokenId, cancellationToken);

    public Task CancelScheduledSend(Uri destinationAddress, Guid tokenId, CancellationToken cancellationToken) =>
        timers.CancelAsync(tokenId, cancellationToken);
}
