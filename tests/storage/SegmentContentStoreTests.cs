using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Contracts;

namespace Mailkey.Storage.Tests;

public sealed class SegmentContentStoreTests : IDisposable
{
    private readonly TemporaryStore _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void SegmentContentStore_gives_back_what_was_written_in_any_pieces()
    {
        var store = _temporary.Open(segmentSize: 65536, spillSize: 4096);
        Prop.ForAll<byte[][], byte[]>((pieces, prefix) =>
        {
            pieces = [.. pieces.Select(piece => piece ?? [])];
            var content = Task.Run(async () =>
            {
                await using var writer = store.Create("q1");
                foreach (var piece in pieces)
                {
                    // A hundredfold, so that some stay below the spill size and some do not.
                    await writer.WriteAsync(Enumerable.Repeat(piece, 100).SelectMany(octet => octet).ToArray(), CancellationToken.None);
                }

                Assert.Equal(pieces.Sum(piece => piece.Length * 100L), writer.Length);
                return await writer.CommitAsync(prefix, CancellationToken.None);
            }).GetAwaiter().GetResult();

            byte[] expected = [.. prefix, .. pieces.SelectMany(piece => Enumerable.Repeat(piece, 100).SelectMany(octet => octet))];
            Assert.Equal(expected.Length, content.Length);
            Assert.Equal(expected, store.LoadAsync(content).GetAwaiter().GetResult());
            store.ReleaseAsync("q1", content, CancellationToken.None).AsTask().GetAwaiter().GetResult();
            Assert.True(store.IsReleasedAsync("q1", content, CancellationToken.None).AsTask().GetAwaiter().GetResult());
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(1_000_003)]
    public async Task SegmentContentStore_puts_the_prefix_in_front(int size)
    {
        var store = _temporary.Open(spillSize: 4096);
        var body = new byte[size];
        new Random(size).NextBytes(body);
        var prefix = Encoding.ASCII.GetBytes(new string('p', 8192));

        var content = await store.StoreAsync("q1", body, prefix);

        byte[] expected = [.. prefix, .. body];
        Assert.Equal(expected, await store.LoadAsync(content));
        Assert.Equal(size > 4096, _temporary.Files("*.seg").Length == 0);
    }

    [Fact]
    public async Task SegmentContentStore_refuses_a_prefix_above_its_limit()
    {
        await using var writer = _temporary.Open().Create("q1");
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await writer.CommitAsync(new byte[8193], CancellationToken.None));
    }

    [Fact]
    public async Task Commits_that_come_during_a_sync_share_the_next_one()
    {
        var store = _temporary.Open();
        using ManualResetEventSlim hold = new();
        _temporary.Storage.Hold = hold;
        var first = store.StoreAsync("q0", "first"u8.ToArray());
        _temporary.Storage.Holding.Wait();
        var others = Enumerable.Range(1, 99).Select(i => store.StoreAsync($"q{i}", Encoding.ASCII.GetBytes($"content {i}"))).ToArray();
        Assert.False(first.IsCompleted);
        _temporary.Storage.Hold = null;
        hold.Set();

        await first;
        var contents = await Task.WhenAll(others);

        Assert.Equal(2, _temporary.Storage.Syncs);
        for (var i = 1; i < 100; i++)
        {
            Assert.Equal($"content {i}", Encoding.ASCII.GetString((await store.LoadAsync(contents[i - 1]))!));
        }
    }

    [Fact]
    public async Task Concurrent_writers_over_several_segments_each_get_their_own_content()
    {
        var store = _temporary.Open(segmentSize: 65536, spillSize: 16384);
        var stored = await Task.WhenAll(Enumerable.Range(0, 16).Select(writer => Task.Run(async () =>
        {
            Random random = new(writer);
            List<(string Id, byte[] Octets, ContentReference Content)> mine = [];
            for (var i = 0; i < 40; i++)
            {
                var octets = new byte[random.Next(20000)];
                random.NextBytes(octets);
                mine.Add(($"w{writer}-{i}", octets, await store.StoreAsync($"w{writer}-{i}", octets)));
            }

            return mine;
        })));

        foreach (var (_, octets, content) in stored.SelectMany(mine => mine))
        {
            Assert.Equal(octets, await store.LoadAsync(content));
        }

        Assert.True(_temporary.Files("*.seg").Length > 10);
        Assert.InRange(_temporary.Storage.Syncs, 1, 639);
        foreach (var (id, _, content) in stored.SelectMany(mine => mine))
        {
            await store.ReleaseAsync(id, content, CancellationToken.None);
        }

        _temporary.Time.Advance(TimeSpan.FromMinutes(6));
        store.Sweeper.SweepOwn();
        Assert.Empty(_temporary.Files("*.seg"));
        Assert.Empty(_temporary.Files("*.rel"));
        Assert.Empty(Directory.GetFiles(Path.Combine(_temporary.Folder, "objects"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_segment_stays_until_each_of_its_records_is_released_however_often_one_was()
    {
        var store = _temporary.Open();
        var one = await store.StoreAsync("q1", "one"u8.ToArray());
        var two = await store.StoreAsync("q2", "two"u8.ToArray());
        for (var i = 0; i < 5; i++)
        {
            await store.ReleaseAsync("q1", one, CancellationToken.None);
        }

        _temporary.Time.Advance(TimeSpan.FromMinutes(6));
        store.Sweeper.SweepOwn();

        Assert.Equal("two", Encoding.ASCII.GetString((await store.LoadAsync(two))!));
        Assert.True(await store.IsReleasedAsync("q1", one, CancellationToken.None));
        Assert.False(await store.IsReleasedAsync("q2", two, CancellationToken.None));

        await store.ReleaseAsync("q2", two, CancellationToken.None);
        store.Sweeper.SweepOwn();

        Assert.Null(await store.LoadAsync(two));
        Assert.True(await store.IsReleasedAsync("q2", two, CancellationToken.None));
        await store.ReleaseAsync("q2", two, CancellationToken.None);
        Assert.Empty(_temporary.Files("*.rel"));
    }

    [Fact]
    public async Task A_detached_content_no_longer_holds_its_segment()
    {
        var store = _temporary.Open();
        var content = await store.StoreAsync("q1", "waits for days"u8.ToArray());

        var detached = await store.DetachAsync("q1", content, CancellationToken.None);
        Assert.False(await store.IsReleasedAsync("q1", content, CancellationToken.None));
        Assert.Equal(detached, await store.DetachAsync("q1", content, CancellationToken.None));
        await store.ReleaseAsync("q1", content, CancellationToken.None);

        _temporary.Time.Advance(TimeSpan.FromMinutes(6));
        store.Sweeper.SweepOwn();
        Assert.Empty(_temporary.Files("*.seg"));
        Assert.Equal("waits for days", Encoding.ASCII.GetString((await store.LoadAsync(detached))!));
        Assert.Equal(detached, await store.DetachAsync("q1", detached, CancellationToken.None));
        Assert.False(await store.IsReleasedAsync("q1", detached, CancellationToken.None));
        await store.ReleaseAsync("q1", detached, CancellationToken.None);
        await store.ReleaseAsync("q1", detached, CancellationToken.None);
        Assert.True(await store.IsReleasedAsync("q1", detached, CancellationToken.None));
        Assert.Null(await store.OpenAsync(detached, CancellationToken.None));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(ContentHeader.Size)]
    [InlineData(ContentHeader.Size + 1)]
    [InlineData((ContentHeader.MaxPrefix - 6) / 2)]
    public async Task Fields_that_became_known_later_stand_in_front_of_what_is_stored(int characters)
    {
        var store = _temporary.Open();
        var prefix = new string('ü', characters);
        var stored = await store.StoreAsync("q1", "stored"u8.ToArray());

        var content = stored.After(prefix);

        Assert.Equal(stored.Length + (2 * characters), content.Length);
        Assert.Equal($"{prefix}stored", Encoding.UTF8.GetString((await store.LoadAsync(content))!));
        Assert.Equal($"first{prefix}stored", Encoding.UTF8.GetString((await store.LoadAsync(content with { Prefix = $"first{prefix}", Length = content.Length + 5 }))!));
        var detached = await store.DetachAsync("q1", content, CancellationToken.None);
        Assert.Null(detached.Prefix);
        Assert.Equal(content.Length, detached.Length);
        Assert.Equal($"{prefix}stored", Encoding.UTF8.GetString((await store.LoadAsync(detached))!));
        await store.ReleaseAsync("q1", content, CancellationToken.None);
        Assert.True(await store.IsReleasedAsync("q1", stored, CancellationToken.None));
    }

    [Fact]
    public async Task A_prefix_that_no_commit_would_take_is_damage()
    {
        var store = _temporary.Open();
        var stored = await store.StoreAsync("q1", "stored"u8.ToArray());
        var detached = await store.DetachAsync("q1", stored, CancellationToken.None);

        var tooLong = new string('x', ContentHeader.MaxPrefix + 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => stored.After(tooLong));
        await Assert.ThrowsAsync<InvalidDataException>(() => store.LoadAsync(stored with { Prefix = tooLong, Length = stored.Length + tooLong.Length }));
        await Assert.ThrowsAsync<InvalidDataException>(() => store.LoadAsync(stored with { Prefix = "X: y\r\n" }));
        await Assert.ThrowsAsync<InvalidDataException>(() => store.LoadAsync(stored with { Prefix = "a prefix that is longer than all", Length = 6 }));
        await Assert.ThrowsAsync<InvalidDataException>(() => store.LoadAsync(detached.After("X: y\r\n")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_failed_disk_is_told_to_every_writer_of_the_group_and_the_store_goes_on(bool atWrite)
    {
        var store = _temporary.Open();
        var before = await store.StoreAsync("q1", "before"u8.ToArray());
        using ManualResetEventSlim hold = new();
        _temporary.Storage.Hold = hold;
        _temporary.Storage.Holding.Reset();
        var held = store.StoreAsync("q2", "held"u8.ToArray());
        _temporary.Storage.Holding.Wait();
        var group = Enumerable.Range(3, 5).Select(i => store.StoreAsync($"q{i}", "lost"u8.ToArray())).ToArray();
        var full = new IOException("No space left on device");
        if (atWrite)
        {
            _temporary.Storage.NextWrite = full;
        }
        else
        {
            _temporary.Storage.UnheldSync = full;
        }

        _temporary.Storage.Hold = null;
        hold.Set();
        var kept = await held;
        foreach (var lost in group)
        {
            Assert.Same(full, await Assert.ThrowsAsync<IOException>(() => lost));
        }

        var after = await store.StoreAsync("q8", "after"u8.ToArray());

        Assert.Equal("before", Encoding.ASCII.GetString((await store.LoadAsync(before))!));
        Assert.Equal("held", Encoding.ASCII.GetString((await store.LoadAsync(kept))!));
        Assert.Equal("after", Encoding.ASCII.GetString((await store.LoadAsync(after))!));
        Assert.Equal(2, _temporary.Files("*.seg").Length);
        foreach (var (id, content) in new[] { ("q1", before), ("q2", kept), ("q8", after) })
        {
            await store.ReleaseAsync(id, content, CancellationToken.None);
        }

        _temporary.Time.Advance(TimeSpan.FromMinutes(6));
        store.Sweeper.SweepOwn();
        Assert.Empty(_temporary.Files("*.seg"));
    }

    [Fact]
    public async Task A_large_content_that_can_not_be_synced_is_no_object()
    {
        var store = _temporary.Open(spillSize: 4096);
        var full = new IOException("No space left on device");
        _temporary.Storage.UnheldSync = full;

        Assert.Same(full, await Assert.ThrowsAsync<IOException>(() => store.StoreAsync("q1", new byte[10_000])));

        Assert.DoesNotContain(_temporary.Files("*"), file => file.Contains("incoming", StringComparison.Ordinal) || file.Contains("objects", StringComparison.Ordinal));
        Assert.NotNull(await store.LoadAsync(await store.StoreAsync("q2", new byte[10_000])));
    }

    [Fact]
    public async Task Large_contents_that_come_together_are_all_whole()
    {
        var store = _temporary.Open(spillSize: 4096);
        var contents = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => store.StoreAsync($"q{i}", Enumerable.Repeat((byte)i, 5000 + i).ToArray(), "prefix"u8.ToArray())));

        for (var i = 0; i < contents.Length; i++)
        {
            byte[] expected = [.. "prefix"u8, .. Enumerable.Repeat((byte)i, 5000 + i)];
            Assert.Equal(expected, await store.LoadAsync(contents[i]));
        }
    }

    [Fact]
    public async Task An_uncommitted_content_leaves_nothing()
    {
        var store = _temporary.Open(spillSize: 4096);
        await using (var writer = store.Create("q1"))
        {
            await writer.WriteAsync(new byte[100_000], CancellationToken.None);
            Assert.Single(Directory.GetFiles(_temporary.Folder, "*", SearchOption.AllDirectories), file => file.Contains("incoming", StringComparison.Ordinal));
        }

        Assert.DoesNotContain(_temporary.Files("*"), file => file.Contains("incoming", StringComparison.Ordinal));
        Assert.Equal(0, _temporary.Storage.Syncs);
    }

    [Fact]
    public async Task A_damaged_content_is_noticed()
    {
        var store = _temporary.Open(spillSize: 4096);
        var small = await store.StoreAsync("q1", new byte[1000]);
        var large = await store.StoreAsync("q2", new byte[10_000], "prefix"u8.ToArray());
        foreach (var path in _temporary.Files("*.seg").Concat(Directory.GetFiles(Path.Combine(_temporary.Folder, "objects"), "*", SearchOption.AllDirectories)))
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            file.Position = file.Length - 10;
            file.WriteByte(1);
        }

        await Assert.ThrowsAsync<InvalidDataException>(() => store.LoadAsync(small));
        await Assert.ThrowsAsync<InvalidDataException>(() => store.LoadAsync(large));
        await Assert.ThrowsAsync<InvalidDataException>(() => store.LoadAsync(small with { Length = 999 }));
    }

    [Theory]
    [InlineData("")]
    [InlineData("no")]
    [InlineData("../../etc/passwd")]
    [InlineData("0123/..")]
    [InlineData("0123/abc/1/2/3")]
    [InlineData("0123/abc/-1/2")]
    [InlineData("0123/a.b")]
    public async Task A_locator_that_is_none_is_an_error(string locator)
    {
        var store = _temporary.Open();
        ContentReference content = new() { Locator = locator.Replace("0123", store.Layout.Id, StringComparison.Ordinal), Length = 1 };
        await Assert.ThrowsAsync<InvalidDataException>(async () => await store.OpenAsync(content, CancellationToken.None));
        await Assert.ThrowsAsync<InvalidDataException>(async () => await store.IsReleasedAsync("q1", content, CancellationToken.None));
    }

    [Fact]
    public async Task Content_of_another_store_is_never_taken_for_released()
    {
        using TemporaryStore elsewhere = new();
        var content = await elsewhere.Open().StoreAsync("q1", "there"u8.ToArray());
        var store = _temporary.Open();

        await Assert.ThrowsAsync<InvalidDataException>(async () => await store.IsReleasedAsync("q1", content, CancellationToken.None));
        await Assert.ThrowsAsync<InvalidDataException>(async () => await store.OpenAsync(content, CancellationToken.None));
    }

    [Fact]
    public void Locator_reads_what_it_writes_and_survives_the_rest()
    {
        Prop.ForAll<string?>(text => { _ = Locator.TryParse(text, out _); }).QuickCheckThrowOnFailure();
        Prop.ForAll<NonNegativeInt, NonNegativeInt>((segment, offset) =>
        {
            Locator locator = new("0a1b2c3d", "192f-77", segment.Get, offset.Get);
            Assert.True(Locator.TryParse(locator.ToString(), out var read));
            Assert.Equal(locator, read);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void ContentHeader_reads_what_it_writes_and_survives_the_rest()
    {
        Prop.ForAll<byte[]>(octets => { _ = ContentHeader.TryRead(octets, out _); }).QuickCheckThrowOnFailure();
        Prop.ForAll<NonNegativeInt, uint, int>((length, checksum, flipped) =>
        {
            ContentHeader header = new("4c8XyZ", length.Get, 0, 0, checksum);
            var octets = new byte[ContentHeader.Size];
            header.Write(octets);
            Assert.True(ContentHeader.TryRead(octets, out var read));
            Assert.Equal(header, read);
            octets[(uint)flipped % ContentHeader.Size] ^= 0x40;
            Assert.False(ContentHeader.TryRead(octets, out _));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Checksum_is_CRC_32C()
    {
        // RFC 3720 appendix B.4: 32 octets of zero, and the ascending ones.
        Assert.Equal(0x8a9136aau, ContentHeader.Checksum(new byte[32]));
        Assert.Equal(0x46dd794eu, ContentHeader.Checksum([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal(0xe3069283u, ContentHeader.Checksum("6789"u8, ContentHeader.Checksum("12345"u8)));
    }
}
