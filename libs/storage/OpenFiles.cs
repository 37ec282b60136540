using Microsoft.Win32.SafeHandles;

namespace Mailkey.Storage;

/// <summary>
/// Files of segments that are in use just now, so that each message does not open them again. Swept: an open handle
/// would keep the space of a deleted segment.
/// </summary>
internal sealed class OpenFiles : IDisposable
{
    private const int MaxFiles = 256;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _files = new(StringComparer.Ordinal);

    /// <summary>Leases a file; dispose the lease soon. Its handle is null when there is no such file.</summary>
    public Lease Get(string path, Func<string, SafeFileHandle?> open)
    {
        lock (_gate)
        {
            if (_files.TryGetValue(path, out var entry))
            {
                entry.Leases++;
                entry.Used = true;
                return new(this, entry);
            }
        }

        if (open(path) is not { } handle)
        {
            return default;
        }

        lock (_gate)
        {
            if (_files.TryGetValue(path, out var entry))
            {
                handle.Dispose();
            }
            else
            {
                entry = new(handle);
                if (_files.Count < MaxFiles)
                {
                    _files.Add(path, entry);
                }
                else
                {
                    entry.Dropped = true;
                }
            }

            entry.Leases++;
            entry.Used = true;
            return new(this, entry);
        }
    }

    /// <summary>Closes what nobody used since the last sweep.</summary>
    public void Sweep()
    {
        lock (_gate)
        {
            foreach (var (path, entry) in _files)
            {
                if (!entry.Used)
                {
                    Drop(path, entry);
                }

                entry.Used = false;
            }
        }
    }

    public void Drop(string path)
    {
        lock (_gate)
        {
            if (_files.TryGetValue(path, out var entry))
            {
                Drop(path, entry);
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var (path, entry) in _files)
            {
                Drop(path, entry);
            }
        }
    }

    private void Drop(string path, Entry entry)
    {
        _files.Remove(path);
        entry.Dropped = true;
        if (entry.Leases == 0)
        {
            entry.Handle.Dispose();
        }
    }

    private void Return(Entry entry)
    {
        lock (_gate)
        {
            if (--entry.Leases == 0 && entry.Dropped)
            {
                entry.Handle.Dispose();
            }
        }
    }

    internal sealed class Entry(SafeFileHandle handle)
    {
        public SafeFileHandle Handle { get; } = handle;
        public int Leases { get; set; }
        public bool Used { get; set; }
        public bool Dropped { get; set; }
    }

    internal readonly struct Lease(OpenFiles owner, Entry entry) : IDisposable
    {
        public SafeFileHandle? Handle => entry?.Handle;

        public void Dispose()
        {
            if (entry is not null)
            {
                owner.Return(entry);
            }
        }
    }
}
