using Mailkey.Contracts;

namespace Mailkey.Storage.Tests;

public sealed class AdoptionTests : IDisposable
{
    private readonly TemporaryStore _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public async Task A_killed_process_loses_nothing_it_committed_and_its_segments_are_adopted()
    {
        var store = _temporary.Open();
        List<(string QueueId, ContentReference Content)> committed = [];
        await using (var writer = WriterProcess.Start(_temporary.Folder))
        {
            for (var i = 0; i < 500; i++)
            {
                committed.Add(await writer.NextAsync());
            }

            // While it lives nobody touches its segments, though all that we know of is released.
            foreach (var (queueId, content) in committed[..250])
            {
                Assert.Equal(WriterProcess.ContentOf(queueId), await store.LoadAsync(content));
                await store.ReleaseAsync(queueId, content, CancellationToken.None);
            }

            store.Sweeper.SweepOthers();
            Assert.NotEmpty(_temporary.Files("1.rel"));
            committed.AddRange(await writer.KillAsync());
        }

        foreach (var (queueId, content) in committed[250..])
        {
            Assert.Equal(WriterProcess.ContentOf(queueId), await store.LoadAsync(content));
        }

        store.Sweeper.SweepOthers();
        Assert.NotEmpty(_temporary.Files("*.seg"));
        foreach (var (queueId, content) in committed)
        {
            await store.ReleaseAsync(queueId, content, CancellationToken.None);
        }

        // At most the last group was committed and never told: it waits for the orphan age.
        store.Sweeper.SweepOthers();
        Assert.InRange(_temporary.Files("*.seg").Length, 0, 2);
        _temporary.Time.Advance(TimeSpan.FromDays(9));
        store.Sweeper.SweepOthers();
        Assert.Empty(_temporary.Files("*.seg"));
        Assert.Single(Directory.GetDirectories(Path.Combine(_temporary.Folder, "segments")));
        Assert.True(await store.IsReleasedAsync(committed[0].QueueId, committed[0].Content, CancellationToken.None));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(100)]
    public async Task A_torn_tail_does_not_hold_an_adopted_segment(int octetsLeft)
    {
        var dead = _temporary.Open();
        var one = await dead.StoreAsync("q1", new byte[500]);
        var two = await dead.StoreAsync("q2", new byte[500]);
        dead.Dispose();
        var segment = Assert.Single(_temporary.Files("*.seg"));
        using (var file = File.OpenWrite(segment))
        {
            file.SetLength(564 + octetsLeft);
        }

        var store = _temporary.Open();
        await Assert.ThrowsAsync<InvalidDataException>(() => store.LoadAsync(two));
        store.Sweeper.SweepOthers();
        Assert.Single(_temporary.Files("*.seg"));
        Assert.NotNull(await store.LoadAsync(one));
        await store.ReleaseAsync("q1", one, CancellationToken.None);
        store.Sweeper.SweepOthers();

        Assert.Empty(_temporary.Files("*.seg"));
        Assert.True(await store.IsReleasedAsync("q1", one, CancellationToken.None));
    }

    [Fact]
    public async Task What_a_dead_process_was_still_receiving_is_dropped()
    {
        var dead = _temporary.Open(spillSize: 4096);
        var writer = dead.Create("q1");
        await writer.WriteAsync(new byte[200_000], CancellationToken.None);
        var incoming = Assert.Single(_temporary.Files("*"), file => file.Contains("incoming", StringComparison.Ordinal));
        dead.Dispose();

        var store = _temporary.Open();
        store.Sweeper.SweepOthers();

        Assert.False(File.Exists(incoming));
        Assert.Single(Directory.GetDirectories(Path.Combine(_temporary.Folder, "segments")));
    }

    [Fact]
    public async Task An_object_that_nobody_released_goes_at_the_orphan_age()
    {
        var store = _temporary.Open(spillSize: 4096);
        var content = await store.StoreAsync("q1", new byte[10_000]);
        _temporary.Time.Advance(TimeSpan.FromDays(7));
        store.Sweeper.SweepOthers();
        Assert.False(await store.IsReleasedAsync("q1", content, CancellationToken.None));
        _temporary.Time.Advance(TimeSpan.FromDays(2));
        store.Sweeper.SweepOthers();
        Assert.True(await store.IsReleasedAsync("q1", content, CancellationToken.None));
    }

    [Fact]
    public void A_store_that_ends_without_content_leaves_no_folder()
    {
        _temporary.Open().Dispose();
        Assert.Empty(Directory.GetDirectories(Path.Combine(_temporary.Folder, "segments")));
    }
}
