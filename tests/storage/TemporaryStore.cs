using Mailkey.Contracts;
using Microsoft.Win32.SafeHandles;

namespace Mailkey.Storage.Tests;

/// <summary>A store in a folder of its own that goes with it.</summary>
internal sealed class TemporaryStore : IDisposable
{
    private readonly List<SegmentContentStore> _stores = [];

    public string Folder { get; } = Directory.CreateTempSubdirectory("mailkey-storage-").FullName;
    public CountingStorage Storage { get; } = new();
    public MovableTime Time { get; } = new();

    public SegmentContentStore Open(int segmentSize = 16 * 1024 * 1024, int spillSize = 256 * 1024, StableStorage? storage = null)
    {
        SegmentContentStore store = new(new() { Folder = Folder, SegmentSize = segmentSize, SpillSize = spillSize }, Time, null, storage ?? Storage);
        _stores.Add(store);
        return store;
    }

    public string[] Files(string pattern) => Directory.GetFiles(Folder, pattern, SearchOption.AllDirectories);

    public void Dispose()
    {
        _stores.ForEach(store => store.Dispose());
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>Real files, with what a test wants to know or to break.</summary>
internal sealed class CountingStorage : StableStorage
{
    private int _syncs;

    public int Syncs => _syncs;
    /// <summary>Fails the next sync that is not held.</summary>
    public Exception? UnheldSync { get; set; }
    public Exception? NextWrite { get; set; }

    /// <summary>Set to hold every sync until the event is set.</summary>
    public ManualResetEventSlim? Hold { get; set; }
    public ManualResetEventSlim Holding { get; } = new();

    public override void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> buffers, long offset)
    {
        if (NextWrite is { } failure)
        {
            NextWrite = null;
            RandomAccess.Write(file, buffers[0].Span[..(buffers[0].Length / 2)], offset);
            throw failure;
        }

        base.Write(file, buffers, offset);
    }

    public override void Sync(SafeFileHandle file)
    {
        Interlocked.Increment(ref _syncs);
        if (Hold is { } hold)
        {
            Holding.Set();
            hold.Wait();
        }
        else if (UnheldSync is { } failure)
        {
            UnheldSync = null;
            throw failure;
        }

        base.Sync(file);
    }
}

/// <summary>The system's time, moved on at will.</summary>
internal sealed class MovableTime : TimeProvider
{
    private TimeSpan _ahead;

    public void Advance(TimeSpan span) => _ahead += span;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _ahead;
}

internal static class ContentStoreSteps
{
    public static async Task<ContentReference> StoreAsync(this IContentStore store, string queueId, ReadOnlyMemory<byte> content, ReadOnlyMemory<byte> prefix = default)
    {
        await using var writer = store.Create(queueId);
        await writer.WriteAsync(content, CancellationToken.None);
        return await writer.CommitAsync(prefix, CancellationToken.None);
    }

    public static async Task<byte[]?> LoadAsync(this IContentStore store, ContentReference content)
    {
        await using var stream = await store.OpenAsync(content, CancellationToken.None);
        if (stream is null)
        {
            return null;
        }

        using MemoryStream target = new();
        await stream.CopyToAsync(target);
        return target.ToArray();
    }
}
