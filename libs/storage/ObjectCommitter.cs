using Microsoft.Win32.SafeHandles;

namespace Mailkey.Storage;

/// <summary>Makes complete incoming files objects: data synced, then the name given, then the name synced. Those that come together share the sync of a folder.</summary>
internal sealed class ObjectCommitter : IDisposable
{
    private readonly StoreLayout _layout;
    private readonly StableStorage _storage;
    private readonly GroupThread<PendingObject> _thread;

    public ObjectCommitter(StoreLayout layout, StableStorage storage)
    {
        _layout = layout;
        _storage = storage;
        _thread = new("content-objects", Write);
    }

    /// <summary>Done when the object and its name are on stable storage. When it fails there is no object.</summary>
    public Task Commit(string path, string name, SafeFileHandle file)
    {
        PendingObject pending = new(path, name, file);
        _thread.Add(pending);
        return pending.Task;
    }

    public void Dispose() => _thread.Dispose();

    private void Write(List<PendingObject> group)
    {
        foreach (var shard in group.GroupBy(pending => _layout.Shard(pending.Name), StringComparer.Ordinal))
        {
            List<PendingObject> named = [];
            foreach (var pending in shard)
            {
                try
                {
                    _storage.Sync(pending.File);
                    File.Move(pending.Path, _layout.Object(pending.Name), overwrite: true);
                    named.Add(pending);
                }
                catch (Exception e)
                {
                    // Its writer gets it.
                    pending.SetException(Failure(e));
                }
            }

            try
            {
                if (named.Count > 0)
                {
                    _storage.SyncFolder(shard.Key);
                }

                named.ForEach(pending => pending.SetResult());
            }
            catch (Exception e)
            {
                foreach (var pending in named)
                {
                    // Nobody will know the object; what can't be deleted now is an orphan later.
                    pending.SetException(Failure(e));
                }
            }
        }
    }

    private static IOException Failure(Exception e) => e as IOException ?? new IOException("Content could not be stored.", e);

    private sealed class PendingObject(string path, string name, SafeFileHandle file) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public string Path { get; } = path;
        public string Name { get; } = name;
        public SafeFileHandle File { get; } = file;
    }
}
