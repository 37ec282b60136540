namespace Mailkey.Delivery.Accepted;

/// <summary>
/// Holds bus messages for a moment while more than a few are there, so that they are worked on together: connections, wake-ups
/// and the processor's caches then serve many at a time, and each costs two thirds. Who is nearly alone is not held.
/// </summary>
internal sealed class Gathering(TimeProvider time)
{
    /// <summary>So many are too few to gather.</summary>
    internal const int Few = 2;

    /// <summary>Nobody waits for a delivery with an open connection; a twentieth of a second is nothing to a mail.</summary>
    internal static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(50);

    private readonly Lock gate = new();
    private Task moment = Task.CompletedTask;
    private int present;

    /// <summary>Returns when the work on a bus message may begin. Each call is followed by one of <see cref="Leave"/>.</summary>
    public Task EnterAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref present) <= Few)
        {
            return Task.CompletedTask;
        }

        lock (gate)
        {
            if (moment.IsCompleted)
            {
                moment = Task.Delay(Moment, time, CancellationToken.None);
            }

            return moment.WaitAsync(cancellationToken);
        }
    }

    /// <summary>The work on a bus message has ended, or will not begin.</summary>
    public void Leave() => Interlocked.Decrement(ref present);
}
