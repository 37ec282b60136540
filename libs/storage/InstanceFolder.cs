namespace Mailkey.Storage;

/// <summary>
/// The folder of one process of the store, and the lock that says it lives. The kernel drops the lock with the
/// process, however that ends.
/// </summary>
internal sealed class InstanceFolder : IDisposable
{
    private const string LockName = "lock";
    private readonly FileStream _lock;

    private InstanceFolder(string name, string path, FileStream @lock)
    {
        Name = name;
        Folder = path;
        _lock = @lock;
    }

    public string Name { get; }
    public string Folder { get; }
    public string Incoming => Path.Combine(Folder, "incoming");

    /// <summary>Makes the folder of this process. It gets its name only when its lock is held, so that nobody adopts it before.</summary>
    public static InstanceFolder Create(StoreLayout layout, StableStorage storage, TimeProvider time)
    {
        var name = $"{time.GetUtcNow().ToUnixTimeMilliseconds():x}-{StoreLayout.RandomName()[..8]}";
        var draft = layout.Instance("." + name);
        Directory.CreateDirectory(Path.Combine(draft, "incoming"));
        var held = new FileStream(Path.Combine(draft, LockName), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        var folder = layout.Instance(name);
        Directory.Move(draft, folder);
        storage.SyncFolder(folder);
        storage.SyncFolder(layout.Segments);
        if (TryHold(Path.Combine(folder, LockName)) is { } second)
        {
            second.Dispose();
            held.Dispose();
            throw new IOException($"{layout.Folder}: file locks do not work on this file system, so processes could not tell who lives.");
        }

        return new(name, folder, held);
    }

    /// <summary>Takes over the folder of a process that is gone; null while that process lives, or when another one was faster.</summary>
    public static InstanceFolder? TryAdopt(StoreLayout layout, string name)
    {
        var folder = layout.Instance(name);
        return TryHold(Path.Combine(folder, LockName)) is { } held ? new(name, folder, held) : null;
    }

    /// <summary>Removes the folder when nothing but the lock is left in it.</summary>
    public void DeleteIfEmpty()
    {
        if (Directory.EnumerateFiles(Folder).Any(file => Path.GetFileName(file) != LockName)
            || (Directory.Exists(Incoming) && Directory.EnumerateFileSystemEntries(Incoming).Any()))
        {
            return;
        }

        Directory.Delete(Folder, recursive: true);
    }

    public void Dispose() => _lock.Dispose();

    private static FileStream? TryHold(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException)
        {
            // Held by its living owner, or gone with its folder.
            return null;
        }
    }
}
