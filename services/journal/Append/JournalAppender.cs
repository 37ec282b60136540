using Mailkey.Hosting.Postgres;
using Mailkey.Journal.Search;
using Mailkey.Ledger;
using Mailkey.Messaging;
using Npgsql;

namespace Mailkey.Journal.Append;

/// <summary>
/// Writes what several bus messages brought in one transaction. While one is under way the next messages gather, so the
/// busier the journal is the less each event costs.
/// </summary>
internal sealed class JournalAppender : BackgroundService
{
    /// <summary>Bus messages of one transaction: the prefetch of the queue.</summary>
    internal const int MaxParts = 64;

    /// <summary>
    /// From one transaction to the next when there is no backlog. A transaction costs the database what ten events cost: ten a
    /// second are cheap, and an idle journal still writes at once.
    /// </summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan DatabasePause = TimeSpan.FromSeconds(2);

    private readonly Coalescer<Part> _parts;
    private readonly PostgresEventStore _store;
    private readonly MessagesTable _messages;
    private readonly TimeProvider _time;
    private readonly ILogger<JournalAppender> _logger;
    private CancellationToken _stopping;

    public JournalAppender(PostgresEventStore store, MessagesTable messages, TimeProvider time, ILogger<JournalAppender> logger)
    {
        (_store, _messages, _time, _logger) = (store, messages, time, logger);
        _parts = new(MaxParts, Interval, time, parts => new(AppendTogetherAsync([.. parts])));
    }

    /// <summary>Returns when the records are committed.</summary>
    public Task AppendAsync(IReadOnlyList<JournalRecord> records, CancellationToken cancellationToken)
    {
        var part = new Part(records);
        _parts.Add(part);
        return part.Done.Task.WaitAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _stopping = stoppingToken;
        return _parts.RunAsync(stoppingToken);
    }

    private async Task AppendTogetherAsync(IReadOnlyList<Part> parts)
    {
        if (parts.Count == 1)
        {
            await AppendAloneAsync(parts[0]);
            return;
        }

        if (await TryAppendAsync(parts) is not { } error)
        {
            Finish(parts, null);
            return;
        }

        // One of them is bad, and the others shall not go to the error queue with it.
        _logger.LogWarning("{Messages} bus messages could not be journalled together, trying each alone: {Reason}", parts.Count, error.Message);
        foreach (var part in parts)
        {
            await AppendAloneAsync(part);
        }
    }

    // Of a bad part the error queue gets the whole, and the journal what is good of it: ids make it harmless to try that again.
    private async Task AppendAloneAsync(Part part)
    {
        var error = await TryAppendAsync([part]);
        if (error is not null && part.Records.Count > 1)
        {
            foreach (var record in part.Records)
            {
                await TryAppendAsync([new([record])]);
            }
        }

        Finish([part], error);
    }

    private async Task<Exception?> TryAppendAsync(IReadOnlyList<Part> parts)
    {
        while (true)
        {
            try
            {
                await AppendAsync(parts);
                return null;
            }
            catch (NpgsqlException e) when (DatabaseOutage.Is(e))
            {
                // No fault of these messages: they wait, and the queues behind them. When the service stops the broker keeps them.
                if (_stopping.IsCancellationRequested)
                {
                    return new OperationCanceledException(_stopping);
                }

                _logger.LogWarning("The journal waits for PostgreSQL: {Reason}", e.Message);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Handed to the consumers: the error queue is theirs.
                return e;
            }

            await Task.Delay(DatabasePause, _time, _stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task AppendAsync(IReadOnlyList<Part> parts)
    {
        var events = new List<NewEvent>(parts.Sum(part => part.Records.Count));
        var messages = new Dictionary<string, MessageRow>(StringComparer.Ordinal);
        foreach (var record in parts.SelectMany(part => part.Records))
        {
            events.Add(record.Event);
            if (record.Message is { } row)
            {
                messages[row.QueueId] = messages.TryGetValue(row.QueueId, out var known) ? known.Merge(row) : row;
            }
        }

        // Not cancelled: a consumer that stops waiting gets its message again, and then finds the events stored.
        await _store.AppendBatchAsync(
            events, messages.Count == 0 ? null : commands => commands.Add(_messages.Upsert(messages.Values)), CancellationToken.None);
    }

    private static void Finish(IReadOnlyList<Part> parts, Exception? error)
    {
        foreach (var part in parts)
        {
            _ = error is null ? part.Done.TrySetResult() : part.Done.TrySetException(error);
        }
    }

    private sealed class Part(IReadOnlyList<JournalRecord> records)
    {
        public IReadOnlyList<JournalRecord> Records { get; } = records;

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
