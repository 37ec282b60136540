using System.Reflection;
using System.Threading.Channels;
using Mailkey.Contracts.Journal;
using Mailkey.Messaging.Journal;
using Mailkey.Testkit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mailkey.Messaging.Tests.Journal;

public sealed class JournalWriterTests
{
    private readonly Channel<JournalEntries> _published = Channel.CreateUnbounded<JournalEntries>();

    [Fact]
    public async Task Events_are_published_in_batches_and_in_order()
    {
        await using var journal = Writer((entries, stop) => _published.Writer.WriteAsync(entries, stop).AsTask());
        for (var i = 0; i < 450; i++)
        {
            journal.Append($"q{i}", Delivered(i));
        }

        await journal.FlushAsync(TestContext.Current.CancellationToken);

        _published.Writer.Complete();
        var batches = await _published.Reader.ReadAllAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);
        Assert.All(batches, batch => Assert.InRange(batch.Entries.Count, 1, JournalWriter.MaxBatch));
        Assert.Equal(Enumerable.Range(0, 450).Select(i => $"q{i}"), batches.SelectMany(batch => batch.Entries).Select(entry => entry.QueueId));
        Assert.InRange(batches.Count, 3, 10);
        Assert.Equal(450, batches.SelectMany(batch => batch.Entries).Select(entry => entry.EventId).Distinct().Count());
    }

    [Fact]
    public async Task Entry_carries_wire_name_and_json()
    {
        await using var journal = Writer((entries, stop) => _published.Writer.WriteAsync(entries, stop).AsTask());

        await journal.AppendAsync("q", Delivered(7), TestContext.Current.CancellationToken);

        var entry = Assert.Single((await _published.Reader.ReadAsync(TestContext.Current.CancellationToken)).Entries);
        Assert.Equal("recipient-delivered", entry.Type);
        Assert.Equal("""{"forwardPath":"a@example.org","nextHop":"maildir","reply":"ok","attempt":7}""", entry.Data.GetRawText());
        Assert.Equal(7, entry.EventId.Version);
    }

    [Fact]
    public async Task Append_without_a_broker_drops_and_counts_instead_of_blocking()
    {
        await using var journal = Writer((_, stop) => Task.Delay(Timeout.Infinite, stop));
        const int excess = 100;

        for (var i = 0; i < JournalWriter.Capacity + JournalWriter.MaxBatch + excess; i++)
        {
            journal.Append("q", Delivered(i));
        }

        // The loop may have taken one batch out of the buffer, or none yet.
        Assert.InRange(journal.DroppedCount, excess, excess + JournalWriter.MaxBatch);
    }

    [Fact]
    public async Task AppendAsync_returns_only_after_the_confirm()
    {
        var confirm = new TaskCompletionSource();
        await using var journal = Writer(async (entries, stop) =>
        {
            await _published.Writer.WriteAsync(entries, stop);
            await confirm.Task;
        });

        var append = journal.AppendAsync("q", Delivered(1), TestContext.Current.CancellationToken).AsTask();
        await _published.Reader.ReadAsync(TestContext.Current.CancellationToken);
        Assert.False(append.IsCompleted);

        confirm.SetResult();
        await append;
    }

    [Fact]
    public async Task Events_wait_for_company_until_so_many_wait_for_them_that_nothing_else_goes_on()
    {
        var time = new ManualTime();
        await using var journal = new JournalWriter(
            (entries, stop) => _published.Writer.WriteAsync(entries, stop).AsTask(), time, NullLogger<JournalWriter>.Instance);

        var few = Enumerable.Range(0, JournalWriter.Crowd - 1).Select(i => journal.AppendAsync("q", Delivered(i), TestContext.Current.CancellationToken).AsTask()).ToList();
        Assert.DoesNotContain(few, append => append.IsCompleted);
        await journal.AppendAsync("q", Delivered(JournalWriter.Crowd), TestContext.Current.CancellationToken);

        await Task.WhenAll(few);
        Assert.Equal(JournalWriter.Crowd, (await _published.Reader.ReadAsync(TestContext.Current.CancellationToken)).Entries.Count);
        var lone = journal.AppendAsync("q", Delivered(0), TestContext.Current.CancellationToken).AsTask();
        Assert.False(lone.IsCompleted);
        await UntilAsync(() =>
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            return lone.IsCompleted;
        });
    }

    [Fact]
    public async Task Batch_that_the_broker_refuses_is_published_again_with_the_same_ids()
    {
        var attempts = 0;
        await using var journal = Writer(async (entries, stop) =>
        {
            await _published.Writer.WriteAsync(entries, stop);
            if (attempts++ == 0)
            {
                throw new IOException("connection lost");
            }
        });

        await journal.AppendAsync("q", Delivered(1), TestContext.Current.CancellationToken);

        var first = await _published.Reader.ReadAsync(TestContext.Current.CancellationToken);
        var second = await _published.Reader.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(first.Entries[0].EventId, second.Entries[0].EventId);
    }

    [Fact]
    public void JournalEventType_knows_every_event_of_the_contracts()
    {
        var events = typeof(JournalEntry).Assembly.GetTypes().Where(type => type.GetCustomAttribute<JournalEventAttribute>() is not null).ToList();
        Assert.NotEmpty(events);
        var of = typeof(JournalEventType).GetMethod(nameof(JournalEventType.Of))!;
        var names = events.Select(type => ((JournalEventType)of.MakeGenericMethod(type).Invoke(null, null)!).Name).ToList();
        Assert.Equal(names.Count, names.Distinct(StringComparer.Ordinal).Count());
    }

    // The clock may be moved before the writer has looked at it.
    private static async Task UntilAsync(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(5, deadline.Token);
        }
    }

    private static JournalWriter Writer(Func<JournalEntries, CancellationToken, Task> publish) =>
        new(publish, TimeProvider.System, NullLogger<JournalWriter>.Instance);

    private static RecipientDelivered Delivered(int attempt) =>
        new() { ForwardPath = "a@example.org", NextHop = "maildir", Reply = "ok", Attempt = attempt };
}
