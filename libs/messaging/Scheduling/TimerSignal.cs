using System.Threading.Channels;

namespace Mailkey.Messaging.Scheduling;

/// <summary>Wakes the dispatcher of this process when a timer was set that may be due before the one it waits for.</summary>
public sealed class TimerSignal
{
    // One place is enough: however many timers were set, the dispatcher looks at the table once.
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public void Wake() => _wake.Writer.TryWrite(true);

    /// <summary>Returns after a <see cref="Wake"/> or after the time, whichever is first.</summary>
    public async Task WaitAsync(TimeSpan atMost, TimeProvider time, CancellationToken cancellationToken)
    {
        if (atMost <= TimeSpan.Zero)
        {
            return;
        }

        using var timeout = new CancellationTokenSource(atMost, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            await _wake.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // The time has come.
        }
    }
}
