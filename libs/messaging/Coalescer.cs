using System.Threading.Channels;

namespace Mailkey.Messaging;

/// <summary>
/// Lets items of concurrent callers share one send. The first item goes out at once; while <c>window</c> sends are under
/// way the next ones gather, up to <c>maxBatch</c>. So an idle system waits for nothing and a busy one pays for a bus
/// message once in many items.
/// </summary>
/// <param name="maxBatch">Items of one send.</param>
/// <param name="window">Sends under way before the next one waits for company.</param>
/// <param name="maxGather">Longest wait for a place in the window; infinite when sends must not pile up.</param>
/// <param name="send">Sends one batch; the list is free again when it returns, the send is over when the task of it is.</param>
#pragma warning disable CA1001 // A SemaphoreSlim whose wait handle nobody asks for holds nothing to dispose of.
public sealed class Coalescer<T>(int maxBatch, int window, TimeSpan maxGather, Func<List<T>, ValueTask<Task>> send)
#pragma warning restore CA1001
{
    private readonly Channel<T> items = Channel.CreateUnbounded<T>();
    private readonly SemaphoreSlim freed = new(0);
    private int underWay;

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
        Volatile.Write(ref underWay, 0);
        var batch = new List<T>(maxBatch);
        while (await items.Reader.WaitToReadAsync(stop))
        {
            if (Volatile.Read(ref underWay) >= window && (maxGather == Timeout.InfiniteTimeSpan || items.Reader.Count < maxBatch))
            {
                // A permit may be left over from a send that nobody waited for: then this turn gathers less.
                await freed.WaitAsync(maxGather, stop);
            }

            batch.Clear();
            while (batch.Count < maxBatch && items.Reader.TryRead(out var item))
            {
                batch.Add(item);
            }

            if (batch.Count == 0)
            {
                continue;
            }

            Interlocked.Increment(ref underWay);
            var over = await send(batch);
            _ = over.ContinueWith(
                static (_, state) => ((Coalescer<T>)state!).Leave(), this, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private void Leave()
    {
        Interlocked.Decrement(ref underWay);
        if (freed.CurrentCount == 0)
        {
            freed.Release();
        }
    }
}
