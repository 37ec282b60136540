using System.Threading.Channels;

namespace Mailkey.Messaging;

/// <summary>
/// Lets items of concurrent callers share one send. Where few wait, each item goes out at once. Where many do, what comes within
/// <paramref name="pace"/> of the last send waits for the rest of it, together with all that come meanwhile. So a lone caller
/// waits for nothing, and a busy system pays for a bus message once in many items.
/// </summary>
/// <param name="maxBatch">Items of one send; when as many wait, they go without a pause.</param>
/// <param name="pace">Least time between two sends when many wait.</param>
/// <param name="time">The clock.</param>
/// <param name="send">Sends one batch. The list is free again when it returns; what it does not await goes on beside the next send.</param>
/// <param name="weigh">How much room an item takes; null when all are small.</param>
/// <param name="maxWeight">Room of one send. An item that is larger goes alone.</param>
/// <param name="waiting">How many callers wait for what comes of their items, sent or not; null when there are always many.</param>
public sealed class Coalescer<T>(
    int maxBatch, TimeSpan pace, TimeProvider time, Func<List<T>, ValueTask> send, Func<T, long>? weigh = null, long maxWeight = long.MaxValue,
    Func<int>? waiting = null)
{
    // With so few there is nothing to gather, or one item that would make the other wait.
    private const int Few = 2;

    private readonly Channel<T> items = Channel.CreateUnbounded<T>(
        // While nobody else is at work the send begins on the thread of the caller, who waits for what comes of it anyway.
        new UnboundedChannelOptions { AllowSynchronousContinuations = true });

    /// <summary>Hands an item over; never blocks. What bounds the number of items is the number of callers that wait for theirs.</summary>
    public void Add(T item) => items.Writer.TryWrite(item);

    /// <summary>Throws away what has not been sent.</summary>
    public void Clear()
    {
        while (items.Reader.TryRead(out _))
        {
        }
    }

    /// <summary>Sends until cancelled. A send that fails ends it.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var batch = new List<T>(maxBatch);
        long? lastSend = null;
        while (await items.Reader.WaitToReadAsync(stop))
        {
            if (lastSend is { } last && items.Reader.Count < maxBatch && !(waiting?.Invoke() <= Few) && pace - time.GetElapsedTime(last) is { Ticks: > 0 } rest)
            {
                await Task.Delay(rest, time, stop);
            }

            var weight = 0L;
            while (batch.Count < maxBatch && items.Reader.TryPeek(out var next))
            {
                weight += weigh?.Invoke(next) ?? 0;
                if ((weight > maxWeight && batch.Count > 0) || !items.Reader.TryRead(out var item))
                {
                    break;
                }

                batch.Add(item);
            }

            if (batch.Count > 0)
            {
                lastSend = time.GetTimestamp();
                await send(batch);
                batch.Clear();
            }
        }
    }
}
