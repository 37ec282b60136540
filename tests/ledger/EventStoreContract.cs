using System.Text;
using System.Text.Json;

namespace Mailkey.Ledger.Tests;

/// <summary>What every <see cref="IEventStore"/> does. A test class for another implementation derives from this one.</summary>
public abstract class EventStoreContract
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    protected abstract IEventStore Store { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stream_comes_back_as_it_was_appended()
    {
        var stream = NewStream();
        var events = Events(stream, 3);

        Assert.Equal(AppendResult.Appended, await Store.AppendAsync(stream, 0, events, Stop));

        var stored = await ReadAsync(stream);
        Assert.Equal(events.Select(e => e.Id), stored.Select(e => e.Id));
        Assert.Equal([1L, 2L, 3L], stored.Select(e => e.Version));
        Assert.Equal(events.Select(e => e.At), stored.Select(e => e.At));
        Assert.All(stored, e => Assert.Equal("counted", e.Type));
        Assert.All(stored, e => Assert.Equal(stream, e.StreamId));
        Assert.Equal([0, 1, 2], stored.Select(Number));
        Assert.Equal(stored.Select(e => e.Position).Order(), stored.Select(e => e.Position));
    }

    [Fact]
    public async Task Append_goes_on_where_the_stream_ends()
    {
        var stream = NewStream();
        await Store.AppendAsync(stream, 0, Events(stream, 2), Stop);

        Assert.Equal(AppendResult.Appended, await Store.AppendAsync(stream, 2, Events(stream, 2), Stop));

        Assert.Equal([1L, 2L, 3L, 4L], (await ReadAsync(stream)).Select(e => e.Version));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Append_at_another_version_is_a_conflict_and_stores_nothing(long expected)
    {
        var stream = NewStream();
        await Store.AppendAsync(stream, 0, Events(stream, 2), Stop);

        Assert.Equal(AppendResult.Conflict, await Store.AppendAsync(stream, expected, Events(stream, 1), Stop));

        Assert.Equal(2, (await ReadAsync(stream)).Count);
    }

    [Fact]
    public async Task Append_to_a_stream_that_should_exist_is_a_conflict()
    {
        var stream = NewStream();

        Assert.Equal(AppendResult.Conflict, await Store.AppendAsync(stream, 1, Events(stream, 1), Stop));

        Assert.Empty(await ReadAsync(stream));
    }

    [Fact]
    public async Task Of_appends_at_the_same_version_one_wins()
    {
        var stream = NewStream();
        await Store.AppendAsync(stream, 0, Events(stream, 1), Stop);

        var results = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Store.AppendAsync(stream, 1, Events(stream, 2), Stop)));

        Assert.Single(results, result => result == AppendResult.Appended);
        Assert.Equal(9, results.Count(result => result == AppendResult.Conflict));
        Assert.Equal(3, (await ReadAsync(stream)).Count);
    }

    [Fact]
    public async Task Append_that_is_repeated_says_so()
    {
        var stream = NewStream();
        var events = Events(stream, 2);
        await Store.AppendAsync(stream, 0, events, Stop);

        Assert.Equal(AppendResult.Conflict, await Store.AppendAsync(stream, 0, events, Stop));
        Assert.Equal(AppendResult.AlreadyStored, await Store.AppendAsync(stream, 2, events, Stop));

        Assert.Equal(2, (await ReadAsync(stream)).Count);
    }

    [Fact]
    public async Task Batch_fills_new_and_known_streams_in_order()
    {
        string[] streams = [NewStream(), NewStream(), NewStream()];
        await Store.AppendAsync(streams[0], 0, Events(streams[0], 1), Stop);
        var events = Enumerable.Range(0, 30).Select(i => Event(streams[i % 3], i)).ToList();

        Assert.Equal(30, await Store.AppendBatchAsync(events, Stop));

        var known = await ReadAsync(streams[0]);
        Assert.Equal(Enumerable.Range(1, 11).Select(v => (long)v), known.Select(e => e.Version));
        Assert.Equal(Enumerable.Range(0, 10).Select(i => i * 3), known.Skip(1).Select(Number));
        var fresh = await ReadAsync(streams[2]);
        Assert.Equal(Enumerable.Range(1, 10).Select(v => (long)v), fresh.Select(e => e.Version));
        Assert.Equal(Enumerable.Range(0, 10).Select(i => (i * 3) + 2), fresh.Select(Number));
        Assert.Equal(AppendResult.Appended, await Store.AppendAsync(streams[2], 10, Events(streams[2], 1), Stop));
    }

    [Fact]
    public async Task Batch_leaves_out_what_is_stored_already()
    {
        string[] streams = [NewStream(), NewStream()];
        var first = Enumerable.Range(0, 10).Select(i => Event(streams[i % 2], i)).ToList();
        await Store.AppendBatchAsync(first, Stop);
        var more = Event(streams[0], 99);

        Assert.Equal(1, await Store.AppendBatchAsync([.. first, more, more], Stop));
        Assert.Equal(0, await Store.AppendBatchAsync([.. first, more], Stop));

        Assert.Equal([0, 2, 4, 6, 8, 99], (await ReadAsync(streams[0])).Select(Number));
        Assert.Equal([1L, 2L, 3L, 4L, 5L, 6L], (await ReadAsync(streams[0])).Select(e => e.Version));
    }

    [Fact]
    public async Task Batches_with_the_same_streams_and_the_same_events_at_the_same_time_store_each_event_once()
    {
        var streams = Enumerable.Range(0, 10).Select(_ => NewStream()).ToArray();
        var events = Enumerable.Range(0, 200).Select(i => Event(streams[i % 10], i)).ToList();

        // Overlapping windows, some of them turned around: the order of locks has to come from the store.
        var added = await Task.WhenAll(Enumerable.Range(0, 10).Select(i =>
        {
            var window = events.Skip(i * 15).Take(65);
            return Store.AppendBatchAsync(i % 2 == 0 ? [.. window] : [.. window.Reverse()], Stop);
        }));

        Assert.Equal(200, added.Sum());
        foreach (var stream in streams)
        {
            var stored = await ReadAsync(stream);
            Assert.Equal(Enumerable.Range(1, 20).Select(v => (long)v), stored.Select(e => e.Version));
            Assert.Equal(20, stored.Select(Number).Distinct().Count());
        }
    }

    [Fact]
    public async Task Empty_batch_is_nothing() => Assert.Equal(0, await Store.AppendBatchAsync([], Stop));

    [Fact]
    public async Task Stream_is_read_as_of_a_time_and_after_a_version()
    {
        var stream = NewStream();
        await Store.AppendAsync(stream, 0, Events(stream, 5), Stop);

        Assert.Equal([0, 1, 2], (await ReadAsync(stream, asOf: Noon.AddSeconds(2))).Select(Number));
        Assert.Equal([3, 4], (await ReadAsync(stream, afterVersion: 3)).Select(Number));
        Assert.Empty(await ReadAsync(stream, asOf: Noon.AddSeconds(-1)));
        Assert.Empty(await ReadAsync(NewStream()));
    }

    [Fact]
    public async Task All_streams_are_read_in_pages()
    {
        var stream = NewStream();
        var start = (await AllAsync(0)).Select(e => e.Position).DefaultIfEmpty(0).Max();
        await Store.AppendBatchAsync([.. Enumerable.Range(0, 25).Select(i => Event(i % 2 == 0 ? stream : NewStream(), i))], Stop);

        var page = await Store.ReadAllAsync(start, 10, Stop);

        Assert.Equal(Enumerable.Range(0, 10), page.Select(Number));
        Assert.Equal(Enumerable.Range(10, 15), (await AllAsync(page[^1].Position)).Select(Number));
    }

    [Fact]
    public async Task Reader_of_all_streams_skips_nothing_while_others_append()
    {
        var start = (await AllAsync(0)).Select(e => e.Position).DefaultIfEmpty(0).Max();
        using var appended = new CancellationTokenSource();
        var writers = Task.WhenAll(Enumerable.Range(0, 6).Select(async writer =>
        {
            for (var i = 0; i < 60; i++)
            {
                await Store.AppendBatchAsync([.. Enumerable.Range(0, 1 + (i % 7)).Select(n => Event(NewStream(), (writer * 10_000) + (i * 10) + n))], Stop);
            }
        }));
        List<StoredEvent> seen = [];
        while (!writers.IsCompleted)
        {
            seen.AddRange(await Store.ReadAllAsync(seen.Count == 0 ? start : seen[^1].Position, 50, Stop));
        }

        await writers;
        seen.AddRange(await AllAsync(seen.Count == 0 ? start : seen[^1].Position));
        var expected = Enumerable.Range(0, 6).SelectMany(writer =>
            Enumerable.Range(0, 60).SelectMany(i => Enumerable.Range(0, 1 + (i % 7)).Select(n => (writer * 10_000) + (i * 10) + n)));
        Assert.Equal(expected.Order(), seen.Select(Number).Order());
    }

    [Fact]
    public async Task Headers_come_back_and_may_be_missing()
    {
        var stream = NewStream();
        var events = Events(stream, 2);
        await Store.AppendAsync(stream, 0, [events[0] with { Headers = """{"actor":"ann"}"""u8.ToArray() }], Stop);
        await Store.AppendBatchAsync([events[1]], Stop);
        var batched = NewStream();
        await Store.AppendBatchAsync([Events(batched, 1)[0] with { Headers = """{"actor":"bob"}"""u8.ToArray() }], Stop);

        var stored = await ReadAsync(stream);
        Assert.Equal("ann", JsonDocument.Parse(stored[0].Headers).RootElement.GetProperty("actor").GetString());
        Assert.True(stored[1].Headers.IsEmpty);
        Assert.Equal("bob", JsonDocument.Parse((await ReadAsync(batched))[0].Headers).RootElement.GetProperty("actor").GetString());
    }

    [Fact]
    public async Task Range_up_to_the_safe_position_holds_what_pages_hold()
    {
        var before = await Store.SafePositionAsync(Stop);
        await Store.AppendBatchAsync([.. Events(NewStream(), 3), .. Events(NewStream(), 4)], Stop);
        var safe = await Store.SafePositionAsync(Stop);
        await Store.AppendBatchAsync(Events(NewStream(), 2), Stop);

        List<Guid> range = [];
        await foreach (var stored in Store.ReadRangeAsync(before, safe, Stop))
        {
            range.Add(stored.Id);
        }

        Assert.Equal(7, range.Count);
        Assert.Equal((await Store.ReadAllAsync(before, 7, Stop)).Select(e => e.Id), range);
    }

    [Fact]
    public async Task Deleted_streams_are_gone_and_the_others_stay()
    {
        string[] streams = [NewStream(), NewStream(), NewStream()];
        await Store.AppendBatchAsync([.. Enumerable.Range(0, 9).Select(i => Event(streams[i % 3], i))], Stop);

        Assert.Equal(6, await Store.DeleteStreamsAsync([streams[0], streams[1]], Stop));

        Assert.Empty(await ReadAsync(streams[0]));
        Assert.Equal(3, (await ReadAsync(streams[2])).Count);
        Assert.Equal(AppendResult.Appended, await Store.AppendAsync(streams[0], 0, Events(streams[0], 1), Stop));
    }

    [Fact]
    public async Task Data_with_NUL_and_every_other_character_is_stored()
    {
        var stream = NewStream();
        var text = "\0\u0001\t\"\\\u007f\u2028é😀";
        var data = JsonSerializer.SerializeToUtf8Bytes(new { text });

        await Store.AppendBatchAsync([new(Guid.CreateVersion7(), stream, "spoken", Noon, data)], Stop);

        using var json = JsonDocument.Parse(Assert.Single(await ReadAsync(stream)).Data);
        Assert.Equal(text.Replace('\0', '\uFFFD'), json.RootElement.GetProperty("text").GetString());
    }

    protected static string NewStream() => $"s-{Guid.NewGuid():N}";

    protected static NewEvent Event(string stream, int number) => new(
        Guid.CreateVersion7(), stream, "counted", Noon.AddSeconds(number), Encoding.UTF8.GetBytes($$"""{"number":{{number}}}"""));

    private static List<NewEvent> Events(string stream, int count) => [.. Enumerable.Range(0, count).Select(i => Event(stream, i))];

    private static int Number(StoredEvent e)
    {
        using var json = JsonDocument.Parse(e.Data);
        return json.RootElement.GetProperty("number").GetInt32();
    }

    private async Task<List<StoredEvent>> ReadAsync(string stream, long afterVersion = 0, DateTimeOffset? asOf = null)
    {
        List<StoredEvent> events = [];
        await foreach (var e in Store.ReadStreamAsync(stream, afterVersion, asOf, Stop))
        {
            events.Add(e);
        }

        return events;
    }

    private async Task<List<StoredEvent>> AllAsync(long after)
    {
        List<StoredEvent> all = [];
        while (await Store.ReadAllAsync(all.Count == 0 ? after : all[^1].Position, 100, Stop) is { Count: > 0 } page)
        {
            all.AddRange(page);
        }

        return all;
    }
}
