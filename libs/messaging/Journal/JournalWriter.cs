using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Mailkey.Contracts.Journal;
using Microsoft.Extensions.Logging;

namespace Mailkey.Messaging.Journal;

/// <summary>Gathers journal events and publishes them in batches, in the order in which they came.</summary>
internal sealed class JournalWriter : IJournal, IAsyncDisposable
{
    /// <summary>Events in memory. At 3,400 a second this bridges six seconds without a broker.</summary>
    internal const int Capacity = 20_000;

    /// <summary>Events of one bus message.</summary>
    internal const int MaxBatch = 200;

    /// <summary>Octets of JSON of one bus message, unless one event alone has more: large messages are dear in a quorum queue.</summary>
    private const int MaxBatchOctets = 512 * 1024;

    /// <summary>
    /// How long an event waits for company, also when somebody waits for the event, unless many do (<see cref="Crowd"/>). Who does
    /// holds a bus message back meanwhile and no client; a publish to a quorum queue for each of them would cost the system a third
    /// of its throughput.
    /// </summary>
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// When so many wait, nobody waits any longer: each holds a place among the bus messages that its service works on at the same
    /// time, and when all of those wait here the service stands still.
    /// </summary>
    internal const int Crowd = 16;

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    /// <summary>Drops are logged together, no more often than this.</summary>
    private static readonly TimeSpan DropLogInterval = TimeSpan.FromSeconds(10);

    private static readonly Meter Meter = new("Mailkey.Journal");
    private static readonly Counter<long> Dropped = Meter.CreateCounter<long>(
        "mailkey.journal.dropped", "{event}", "Journal events lost because the broker was away for too long");

    private readonly Channel<Item> _items = Channel.CreateBounded<Item>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<JournalEntries, CancellationToken, Task> _publish;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Task _loop;
    private TaskCompletionSource _crowded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiting;
    private long _dropped;
    private long _dropsLoggedAt;

    public JournalWriter(Func<JournalEntries, CancellationToken, Task> publish, TimeProvider time, ILogger<JournalWriter> logger)
    {
        _publish = publish;
        _time = time;
        _logger = logger;
        _dropsLoggedAt = time.GetTimestamp() - (long)(DropLogInterval.TotalSeconds * time.TimestampFrequency);
        _loop = Task.Run(() => RunAsync(_stop.Token));
    }

    /// <summary>Events dropped so far.</summary>
    public long DroppedCount => Interlocked.Read(ref _dropped);

    public void Append<T>(string queueId, T journalEvent)
        where T : class => Append(queueId, NewEventId(), _time.GetUtcNow(), journalEvent);

    public void Append<T>(string queueId, Guid eventId, DateTimeOffset at, T journalEvent)
        where T : class
    {
        if (!_items.Writer.TryWrite(NewItem(queueId, eventId, at, journalEvent, done: null)))
        {
            Drop();
        }
    }

    public ValueTask AppendAsync<T>(string queueId, T journalEvent, CancellationToken cancellationToken)
        where T : class => AppendAsync(queueId, NewEventId(), journalEvent, cancellationToken);

    public async ValueTask AppendAsync<T>(string queueId, Guid eventId, T journalEvent, CancellationToken cancellationToken)
        where T : class
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await WriteAsync(NewItem(queueId, eventId, _time.GetUtcNow(), journalEvent, done), cancellationToken);
        await done.Task.WaitAsync(cancellationToken);
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        // A marker without an event: it is done when all before it are.
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await WriteAsync(new Item(null, default, "", default, null, done), cancellationToken);
        await done.Task.WaitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        // The container disposes of it once for each of the two types it is known by.
        if (_items.Writer.TryComplete())
        {
            await _stop.CancelAsync();
            await _loop;
            _stop.Dispose();
        }
    }

    private Guid NewEventId() => Guid.CreateVersion7(_time.GetUtcNow());

    private static Item NewItem<T>(string queueId, Guid eventId, DateTimeOffset at, T journalEvent, TaskCompletionSource? done)
        where T : class => new(JournalEventType.Of<T>(), eventId, queueId, at, journalEvent, done);

    private async ValueTask WriteAsync(Item item, CancellationToken cancellationToken)
    {
        await _items.Writer.WriteAsync(item, cancellationToken);
        if (Interlocked.Increment(ref _waiting) >= Crowd)
        {
            Volatile.Read(ref _crowded).TrySetResult();
        }
    }

    private void Drop()
    {
        Dropped.Add(1);
        var dropped = Interlocked.Increment(ref _dropped);
        var loggedAt = Interlocked.Read(ref _dropsLoggedAt);
        var now = _time.GetTimestamp();
        if (_time.GetElapsedTime(loggedAt, now) >= DropLogInterval && Interlocked.CompareExchange(ref _dropsLoggedAt, now, loggedAt) == loggedAt)
        {
            _logger.LogError("The journal's buffer is full because the broker takes no messages; {Dropped} events lost since the start", dropped);
        }
    }

    private async Task RunAsync(CancellationToken stop)
    {
        List<JournalEntry> entries = new(MaxBatch);
        List<TaskCompletionSource> waiting = [];
        try
        {
            while (await _items.Reader.WaitToReadAsync(stop))
            {
                await GatherAsync(stop);
                while (await PublishBatchAsync(entries, waiting, stop))
                {
                    // Until the buffer is empty.
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Disposed of: whoever wanted the rest has flushed before.
        }

        while (_items.Reader.TryRead(out var left))
        {
            if (left.Done is not null)
            {
                waiting.Add(left.Done);
            }
        }

        foreach (var done in waiting)
        {
            done.TrySetCanceled(CancellationToken.None);
        }
    }

    private async Task GatherAsync(CancellationToken stop)
    {
        TaskCompletionSource crowded = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.Exchange(ref _crowded, crowded);
        if (Volatile.Read(ref _waiting) < Crowd)
        {
            // The time-out is what usually ends it.
            await crowded.Task.WaitAsync(Linger, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stop.ThrowIfCancellationRequested();
        }
    }

    // False when there was nothing to publish.
    private async Task<bool> PublishBatchAsync(List<JournalEntry> entries, List<TaskCompletionSource> waiting, CancellationToken stop)
    {
        entries.Clear();
        var octets = 0;
        while (entries.Count < MaxBatch && octets < MaxBatchOctets && _items.Reader.TryRead(out var item))
        {
            if (item.Done is not null)
            {
                waiting.Add(item.Done);
            }

            if (item.Type is not null && item.Event is not null)
            {
                var data = item.Type.Serialize(item.Event);
                octets += JsonMarshal.GetRawUtf8Value(data).Length;
                entries.Add(new JournalEntry { EventId = item.EventId, QueueId = item.QueueId, At = item.At, Type = item.Type.Name, Data = data });
            }
        }

        if (entries.Count == 0 && waiting.Count == 0)
        {
            return false;
        }

        if (entries.Count > 0)
        {
            await PublishAsync(new JournalEntries { Entries = [.. entries] }, stop);
        }

        Interlocked.Add(ref _waiting, -waiting.Count);
        foreach (var done in waiting)
        {
            done.TrySetResult();
        }

        waiting.Clear();
        return true;
    }

    private async Task PublishAsync(JournalEntries entries, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                await _publish(entries, stop);
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
            {
                // The broker will come back, and the events with it: the journal drops those that come twice by their ids.
                _logger.LogWarning("Journal events wait for the broker: {Reason}", e.Message);
            }

            await Task.Delay(RetryPause, _time, stop);
        }
    }

    private readonly record struct Item(
        JournalEventType? Type, Guid EventId, string QueueId, DateTimeOffset At, object? Event, TaskCompletionSource? Done);
}
