using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Mailkey.Storage;

/// <summary>
/// Gives space back: closed segments of this process whose records are all released; the same for processes that are
/// gone; and whatever is older than the orphan age.
/// </summary>
internal sealed class SegmentSweeper(
    StoreLayout layout,
    string instance,
    SegmentCommitter committer,
    IReadOnlyList<OpenFiles> open,
    ReleaseViews releases,
    ContentStoreOptions options,
    TimeProvider time,
    ILogger logger) : IDisposable
{
    // A process makes its folder and takes its lock within moments; a draft older than this was left by a crash.
    private static readonly TimeSpan DraftAge = TimeSpan.FromHours(1);

    private readonly Lock _sweeping = new();
    private readonly Dictionary<string, int> _adoptedRecords = new(StringComparer.Ordinal);

    /// <summary>Deletes own closed segments that nobody needs.</summary>
    public void SweepOwn()
    {
        lock (_sweeping)
        {
            foreach (var files in open)
            {
                files.Sweep();
            }

            releases.Sweep();
            committer.SealIfOlderThan(options.SegmentAge);
            foreach (var segment in committer.Sealed)
            {
                var path = layout.Segment(instance, segment.Number);
                if (IsReleased(instance, segment.Number, segment.Records) || IsOrphan(path))
                {
                    Delete(instance, segment.Number);
                    committer.Forget(segment.Number);
                }
            }
        }
    }

    /// <summary>Looks after the segments of processes that are gone, and after objects that nobody released.</summary>
    public void SweepOthers()
    {
        lock (_sweeping)
        {
            foreach (var folder in Directory.EnumerateDirectories(layout.Segments).Order(StringComparer.Ordinal))
            {
                var name = Path.GetFileName(folder);
                if (name != instance && (name[0] != '.' || Age(folder) > DraftAge))
                {
                    Adopt(name);
                }
            }

            foreach (var path in Directory.EnumerateFiles(layout.Objects, "*", SearchOption.AllDirectories))
            {
                if (IsOrphan(path))
                {
                    logger.LogWarning("Content object {Path} was never released; dropped after {Age}", path, options.OrphanAge);
                    File.Delete(path);
                }
            }
        }
    }

    public void Dispose()
    {
        // Waits for a sweep in progress, so that the folder is not used any more.
        lock (_sweeping)
        {
            _adoptedRecords.Clear();
        }
    }

    private void Adopt(string name)
    {
        using var adopted = InstanceFolder.TryAdopt(layout, name);
        if (adopted is null)
        {
            return;
        }

        // What its process had not received completely belongs to nobody: no client got an answer for it.
        if (Directory.Exists(adopted.Incoming))
        {
            foreach (var path in Directory.EnumerateFiles(adopted.Incoming))
            {
                File.Delete(path);
            }
        }

        foreach (var path in Directory.EnumerateFiles(adopted.Folder, "*.rel"))
        {
            if (!int.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                continue;
            }

            var segment = layout.Segment(name, number);
            if (!File.Exists(segment) || IsOrphan(segment) || IsReleased(name, number, Records(segment)))
            {
                Delete(name, number);
                _adoptedRecords.Remove(segment);
                logger.LogInformation("Segment {Number} of {Instance}, which is gone, deleted", number, name);
            }
        }

        adopted.DeleteIfEmpty();
    }

    private int Records(string segment)
    {
        if (!_adoptedRecords.TryGetValue(segment, out var records))
        {
            records = SegmentReader.CountRecords(segment);
            _adoptedRecords.Add(segment, records);
        }

        return records;
    }

    private bool IsReleased(string owner, int number, int records)
    {
        var path = layout.Releases(owner, number);
        return new FileInfo(path) is not { Exists: true, Length: var length }
            || (length / ReleaseLog.RecordSize >= records && ReleaseLog.Read(path) is { } released && released.Count >= records);
    }

    private void Delete(string owner, int number)
    {
        // In this order: a sidecar without its segment is rubbish, a segment without its sidecar could not be released.
        foreach (var path in (string[])[layout.Segment(owner, number), layout.Releases(owner, number)])
        {
            foreach (var files in open)
            {
                files.Drop(path);
            }

            File.Delete(path);
        }
    }

    private bool IsOrphan(string path) => File.Exists(path) && Age(path) > options.OrphanAge;

    private TimeSpan Age(string path) => time.GetUtcNow() - new DateTimeOffset(File.GetLastWriteTimeUtc(path), TimeSpan.Zero);
}
