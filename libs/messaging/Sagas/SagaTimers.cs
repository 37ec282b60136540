using Mailkey.Messaging.Scheduling;

namespace Mailkey.Messaging.Sagas;

/// <summary>
/// The timers that one message made a saga set and cancel. They are written in the statement that writes the saga: a timer
/// that fires before its saga is stored would find nobody and be lost.
/// </summary>
internal sealed class SagaTimers : ITimers
{
    private readonly List<TimedMessage> _set = [];
    private readonly List<Guid> _cancelled = [];

    public IReadOnlyList<TimedMessage> Set => _set;

    public IReadOnlyList<Guid> Cancelled => _cancelled;

    public Task SetAsync(TimedMessage message, CancellationToken cancellationToken)
    {
        _set.RemoveAll(timer => timer.Token == message.Token);
        _set.Add(message);
        return Task.CompletedTask;
    }

    public Task CancelAsync(Guid token, CancellationToken cancellationToken)
    {
        if (_set.RemoveAll(timer => timer.Token == token) == 0)
        {
            _cancelled.Add(token);
        }

        return Task.CompletedTask;
    }
}
