namespace Mailkey.Messaging.Scheduling;

/// <summary>Where timers are set and cancelled: at once, or together with the saga that asks for them.</summary>
public interface ITimers
{
    Task SetAsync(TimedMessage message, CancellationToken cancellationToken);

    /// <summary>Cancels a timer. One that is gone already is no error: it may be on its way.</summary>
    Task CancelAsync(Guid token, CancellationToken cancellationToken);
}
