using System.Diagnostics.Metrics;
using Mailkey.Contracts;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Mailkey.Storage;

/// <summary>
/// Appends the contents of concurrent writers to the current segment: whoever comes while one group is being synced
/// goes into the next, so a group costs one write and one fdatasync however many share it, and nobody waits when idle.
/// </summary>
internal sealed class SegmentCommitter : IDisposable
{
    // Bounds how long the first of a group waits for the octets of the last.
    private const int MaxGroupOctets = 8 * 1024 * 1024;

    private static readonly Meter Meter = new("Mailkey.Storage");
    private static readonly Counter<long> Commits = Meter.CreateCounter<long>("mailkey.storage.commits", "{message}", "Contents on stable storage.");
    private static readonly Counter<long> Groups = Meter.CreateCounter<long>("mailkey.storage.groups", "{group}", "Groups of contents that shared one sync.");

    private readonly Lock _segments = new();
    private readonly Dictionary<int, SealedSegment> _sealed = [];
    private readonly StoreLayout _layout;
    private readonly string _instance;
    private readonly ContentStoreOptions _options;
    private readonly StableStorage _storage;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly List<PendingCommit> _group = [];
    private readonly List<ReadOnlyMemory<byte>> _buffers = [];
    private readonly GroupThread<PendingCommit> _thread;
    private Segment? _active;
    private int _lastNumber;

    public SegmentCommitter(StoreLayout layout, string instance, ContentStoreOptions options, StableStorage storage, TimeProvider time, ILogger logger)
    {
        _layout = layout;
        _instance = instance;
        _options = options;
        _storage = storage;
        _time = time;
        _logger = logger;
        _thread = new("content-commit", Write);
    }

    /// <summary>Segments of this process that take no more records.</summary>
    public IReadOnlyList<SealedSegment> Sealed
    {
        get
        {
            lock (_segments)
            {
                return [.. _sealed.Values];
            }
        }
    }

    /// <summary>Hands a record over: header and content in one piece, that stays untouched until the task ends.</summary>
    public Task<ContentReference> Commit(ReadOnlyMemory<byte> record)
    {
        PendingCommit pending = new(record);
        _thread.Add(pending);
        return pending.Task;
    }

    /// <summary>Closes a segment that has been open for long, so that what is released in it can leave the disk.</summary>
    public void SealIfOlderThan(TimeSpan age)
    {
        lock (_segments)
        {
            if (_active is { } active && _time.GetUtcNow() - active.Opened >= age)
            {
                Seal(active);
            }
        }
    }

    public void Forget(int number)
    {
        lock (_segments)
        {
            _sealed.Remove(number);
        }
    }

    public void Dispose()
    {
        _thread.Dispose();
        lock (_segments)
        {
            if (_active is { } active)
            {
                Seal(active);
            }
        }
    }

    private void Write(List<PendingCommit> waiting)
    {
        var octets = 0L;
        foreach (var pending in waiting)
        {
            if (octets + pending.Record.Length > MaxGroupOctets && _group.Count > 0)
            {
                WriteGroup();
                octets = 0;
            }

            octets += pending.Record.Length;
            _group.Add(pending);
            _buffers.Add(pending.Record);
        }

        WriteGroup();
    }

    private void WriteGroup()
    {
        try
        {
            lock (_segments)
            {
                WriteGroup(_group, _buffers);
            }
        }
        catch (Exception e)
        {
            // Not swallowed: every writer of the group gets it, and answers 451 for its message.
            _logger.LogError(e, "Content of {Count} messages could not be stored", _group.Count);
            foreach (var pending in _group)
            {
                pending.SetException(e as IOException ?? new IOException("Content could not be stored.", e));
            }
        }

        _group.Clear();
        _buffers.Clear();
    }

    private void WriteGroup(List<PendingCommit> group, List<ReadOnlyMemory<byte>> buffers)
    {
        var segment = _active ??= Open();
        var end = segment.Length;
        try
        {
            _storage.Write(segment.File, buffers, end);
            _storage.Sync(segment.File);
        }
        catch
        {
            Abandon(segment);
            throw;
        }

        Groups.Add(1);
        Commits.Add(group.Count);
        segment.Records += group.Count;
        foreach (var pending in group)
        {
            Locator locator = new(_layout.Id, _instance, segment.Number, end);
            end += pending.Record.Length;
            pending.SetResult(new() { Locator = locator.ToString(), Length = pending.Record.Length - ContentHeader.Size });
        }

        segment.Length = end;
        if (end >= _options.SegmentSize)
        {
            Seal(segment);
        }
    }

    private Segment Open()
    {
        var number = ++_lastNumber;

        // The sidecar first: a release finds it wherever there is a segment, and never has to make one.
        File.OpenHandle(_layout.Releases(_instance, number), FileMode.CreateNew, FileAccess.Write).Dispose();
        var file = File.OpenHandle(_layout.Segment(_instance, number), FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            _storage.SyncFolder(_layout.Instance(_instance));
        }
        catch
        {
            file.Dispose();
            File.Delete(_layout.Segment(_instance, number));
            File.Delete(_layout.Releases(_instance, number));
            throw;
        }

        return new(number, file, _time.GetUtcNow());
    }

    private void Seal(Segment segment)
    {
        segment.File.Dispose();
        _sealed[segment.Number] = new(segment.Number, segment.Records);
        _active = null;
    }

    // After a failed sync nobody knows which pages reached the disk, and a second sync may say "fine" without having
    // written them: what was confirmed before stays, nothing is added any more.
    private void Abandon(Segment segment)
    {
        try
        {
            RandomAccess.SetLength(segment.File, segment.Length);
        }
        catch (IOException e)
        {
            _logger.LogWarning(e, "Segment {Number} keeps the remains of a failed write", segment.Number);
        }

        Seal(segment);
    }

    private sealed class Segment(int number, SafeFileHandle file, DateTimeOffset opened)
    {
        public int Number { get; } = number;
        public SafeFileHandle File { get; } = file;
        public DateTimeOffset Opened { get; } = opened;
        public long Length { get; set; }
        public int Records { get; set; }
    }

    private sealed class PendingCommit(ReadOnlyMemory<byte> record) : TaskCompletionSource<ContentReference>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public ReadOnlyMemory<byte> Record { get; } = record;
    }
}

/// <summary>A segment of this process that takes no more records.</summary>
internal sealed record SealedSegment(int Number, int Records);
