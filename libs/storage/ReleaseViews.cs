using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Mailkey.Storage;

/// <summary>
/// Sidecars as this process last saw them, so that asking for one record reads only what was appended since. Swept with
/// the open files.
/// </summary>
internal sealed class ReleaseViews(OpenFiles open)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, View> _views = new(StringComparer.Ordinal);

    /// <summary>Whether a record was released; true when there is no sidecar, which goes only after all were.</summary>
    public bool Contains(string path, long offset)
    {
        using var file = open.Get(path, SegmentContentStore.OpenForReading);
        if (file.Handle is not { } handle)
        {
            return true;
        }

        View view;
        lock (_gate)
        {
            if (!_views.TryGetValue(path, out view!))
            {
                _views.Add(path, view = new());
            }

            view.IsUsed = true;
        }

        return view.Contains(handle, offset);
    }

    /// <summary>Forgets what nobody asked for since the last sweep.</summary>
    public void Sweep()
    {
        lock (_gate)
        {
            foreach (var (path, view) in _views)
            {
                if (!view.IsUsed)
                {
                    _views.Remove(path);
                }

                view.IsUsed = false;
            }
        }
    }

    private sealed class View
    {
        private readonly HashSet<long> _offsets = [];
        private long _read;

        public bool IsUsed { get; set; }

        public bool Contains(SafeFileHandle file, long offset)
        {
            lock (_offsets)
            {
                if (_offsets.Contains(offset))
                {
                    return true;
                }

                // Whole records only: another process may be in the middle of an append.
                var added = (int)Math.Min(RandomAccess.GetLength(file) - _read, Array.MaxLength) / ReleaseLog.RecordSize * ReleaseLog.RecordSize;
                if (added > 0)
                {
                    var buffer = ArrayPool<byte>.Shared.Rent(added);
                    if (SegmentContentStore.ReadFully(file, buffer.AsSpan(0, added), _read))
                    {
                        ReleaseLog.Collect(buffer.AsSpan(0, added), _offsets);
                        _read += added;
                    }

                    ArrayPool<byte>.Shared.Return(buffer);
                }

                return _offsets.Contains(offset);
            }
        }
    }
}
