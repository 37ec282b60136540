using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Contracts;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;

namespace Mailkey.Storage;

/// <summary>
/// Content in files: small ones together in segments, so that many share an fsync; large and long-waiting ones each in
/// a file of its own. Any number of processes share the folder; each appends to segments of its own, and all may read
/// and release.
/// </summary>
public sealed class SegmentContentStore : IContentStore, IDisposable
{
    private readonly StoreLayout _layout;
    private readonly StableStorage _storage;
    private readonly InstanceFolder _instance;
    private readonly OpenFiles _open = new();
    private readonly OpenFiles _openReleases = new();
    private readonly ReleaseViews _releases;
    private readonly ObjectCommitter _objects;
    private int _disposed;

    public SegmentContentStore(ContentStoreOptions options, TimeProvider time, ILogger<SegmentContentStore>? logger = null)
        : this(options, time, logger, new StableStorage())
    {
    }

    internal SegmentContentStore(ContentStoreOptions options, TimeProvider time, ILogger<SegmentContentStore>? logger, StableStorage storage)
    {
        Options = options;
        Log = logger ?? NullLogger<SegmentContentStore>.Instance;
        Time = time;
        _storage = storage;
        _layout = new(options.Folder, storage);
        _instance = InstanceFolder.Create(_layout, storage, time);
        Committer = new(_layout, _instance.Name, options, storage, time, Log);
        _objects = new(_layout, storage);
        _releases = new(_openReleases);
        Sweeper = new(_layout, _instance.Name, Committer, [_open, _openReleases], _releases, options, time, Log);
    }

    internal ContentStoreOptions Options { get; }
    internal SegmentCommitter Committer { get; }
    internal SegmentSweeper Sweeper { get; }
    internal TimeProvider Time { get; }
    internal ILogger<SegmentContentStore> Log { get; }
    internal StoreLayout Layout => _layout;

    public IContentWriter Create(string queueId) => Create(queueId, objectName: null);

    public async ValueTask<Stream?> OpenAsync(ContentReference content, CancellationToken cancellationToken)
    {
        var locator = Parse(content);
        return locator.IsObject
            ? await OpenObjectAsync(locator, content, cancellationToken)
            : OpenRecord(locator, content);
    }

    public async ValueTask<ContentReference> DetachAsync(string queueId, ContentReference content, CancellationToken cancellationToken)
    {
        if (Parse(content).IsObject)
        {
            return content;
        }

        // Named after the message: one that comes again finds the object instead of making another that nobody releases.
        var name = $"d{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(queueId)))[..31]}";
        ContentReference detached = new() { Locator = Locator.Object(_layout.Id, name).ToString(), Length = content.Length };
        if (await OpenAsync(detached, cancellationToken) is { } present)
        {
            await present.DisposeAsync();
            _storage.SyncFolder(_layout.Shard(name));
            return detached;
        }

        await using var source = await OpenAsync(content, cancellationToken) as BufferedContentStream
            ?? throw new FileNotFoundException($"Content of {queueId} is gone.");
        await using var target = Create(queueId, name);
        await target.WriteAsync(source.Octets, cancellationToken);
        return await target.CommitAsync(default, cancellationToken);
    }

    public ValueTask ReleaseAsync(string queueId, ContentReference content, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var locator = Parse(content);
        if (locator.IsObject)
        {
            File.Delete(_layout.Object(locator.Name));
            return ValueTask.CompletedTask;
        }

        Span<byte> record = stackalloc byte[ReleaseLog.RecordSize];
        ReleaseLog.Write(record, locator.Offset, queueId);
        using var file = _open.Get(_layout.Releases(locator.Name, locator.Segment), StableStorage.OpenAppend);
        if (file.Handle is { } handle)
        {
            StableStorage.AppendOnce(handle, record);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask<bool> IsReleasedAsync(string queueId, ContentReference content, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var locator = Parse(content);
        if (locator.IsObject)
        {
            return new(!File.Exists(_layout.Object(locator.Name)));
        }

        return new(_releases.Contains(_layout.Releases(locator.Name, locator.Segment), locator.Offset));
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        Sweeper.Dispose();
        Committer.Dispose();
        _objects.Dispose();
        _open.Dispose();
        _openReleases.Dispose();
        _instance.DeleteIfEmpty();
        _instance.Dispose();
    }

    internal string NewIncoming(out SafeFileHandle file)
    {
        var path = Path.Combine(_instance.Incoming, StoreLayout.RandomName());
        file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous);
        return path;
    }

    /// <summary>Makes a complete incoming file an object: its data is synced before it gets its name, and then its name.</summary>
    internal async Task<ContentReference> PublishAsync(string path, string name, SafeFileHandle file, long length)
    {
        await _objects.Commit(path, name, file);
        return new() { Locator = Locator.Object(_layout.Id, name).ToString(), Length = length };
    }

    private SegmentContentWriter Create(string queueId, string? objectName) =>
        ContentHeader.IsQueueId(queueId)
            ? new(this, queueId, objectName)
            : throw new ArgumentException($"A queue id is 1 to {ContentHeader.MaxQueueId} visible ASCII characters.", nameof(queueId));

    // What does not belong to this folder is a fault of the configuration, and must never look like "released".
    private Locator Parse(ContentReference content)
    {
        if (!Locator.TryParse(content.Locator, out var locator))
        {
            throw new InvalidDataException($"\"{content.Locator}\" is no locator of this store.");
        }

        return locator.Store == _layout.Id
            ? locator
            : throw new InvalidDataException($"The content is in store {locator.Store}; the folder {_layout.Folder} is store {_layout.Id}.");
    }

    private BufferedContentStream? OpenRecord(in Locator locator, ContentReference content)
    {
        var prefix = content.Prefix ?? "";
        var prefixLength = Encoding.UTF8.GetByteCount(prefix);
        var length = content.Length - prefixLength;
        if (length is < 0 or > int.MaxValue / 2 || prefixLength > ContentHeader.MaxPrefix)
        {
            throw new InvalidDataException($"Content {locator} can't be {content.Length} octets long, {prefixLength} of them in front of what is stored.");
        }

        using var file = _open.Get(_layout.Segment(locator.Name, locator.Segment), OpenForReading);
        if (file.Handle is not { } handle)
        {
            return null;
        }

        // The prefix takes the place of the record's header once that is read, so a long one needs room before it.
        var start = Math.Max(0, prefixLength - ContentHeader.Size);
        var size = ContentHeader.Size + (int)length;
        var buffer = ArrayPool<byte>.Shared.Rent(start + size);
        try
        {
            var record = buffer.AsSpan(start, size);
            if (!ReadFully(handle, record, locator.Offset)
                || !ContentHeader.TryRead(record, out var header)
                || header.Length != length
                || header.BodyChecksum != ContentHeader.Checksum(record[ContentHeader.Size..]))
            {
                throw new InvalidDataException($"Content {locator} is damaged.");
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }

        var first = start + ContentHeader.Size - prefixLength;
        Encoding.UTF8.GetBytes(prefix, buffer.AsSpan(first));
        return new(buffer, first, (int)content.Length);
    }

    private async ValueTask<Stream?> OpenObjectAsync(Locator locator, ContentReference content, CancellationToken cancellationToken)
    {
        if (content.Prefix is not null)
        {
            throw new InvalidDataException($"Content {locator} is an object, which has all of its fields.");
        }

        if (OpenForReading(_layout.Object(locator.Name)) is not { } file)
        {
            return null;
        }

        var buffer = new byte[ContentHeader.Size];
        try
        {
            var count = await RandomAccess.ReadAsync(file, buffer, 0, cancellationToken);
            if (!ContentHeader.TryRead(buffer.AsSpan(0, count), out var header) || header.Length != content.Length)
            {
                throw new InvalidDataException($"Content {locator} is damaged.");
            }

            return new ObjectContentStream(file, header);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    internal static bool ReadFully(SafeFileHandle file, Span<byte> target, long offset)
    {
        while (!target.IsEmpty)
        {
            var count = RandomAccess.Read(file, target, offset);
            if (count == 0)
            {
                return false;
            }

            target = target[count..];
            offset += count;
        }

        return true;
    }

    internal static SafeFileHandle? OpenForReading(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }
}
