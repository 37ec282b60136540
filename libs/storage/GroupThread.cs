namespace Mailkey.Storage;

/// <summary>
/// A thread that works on whatever came since it last looked, all of it together. A thread of its own, because syncing
/// blocks and a pool thread must not.
/// </summary>
internal sealed class GroupThread<T> : IDisposable
{
    private readonly object _gate = new();
    private readonly Action<List<T>> _work;
    private readonly Thread _thread;
    private List<T> _waiting = [];
    private bool _isStopping;

    /// <param name="name">Name of the thread.</param>
    /// <param name="work">Works on a group; must not throw. The list is used again.</param>
    public GroupThread(string name, Action<List<T>> work)
    {
        _work = work;
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    public void Add(T item)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopping, this);
            _waiting.Add(item);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Works on what came before, then ends.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isStopping = true;
            Monitor.Pulse(_gate);
        }

        _thread.Join();
    }

    private void Run()
    {
        List<T> spare = [];
        while (true)
        {
            List<T> group;
            lock (_gate)
            {
                while (_waiting.Count == 0)
                {
                    if (_isStopping)
                    {
                        return;
                    }

                    Monitor.Wait(_gate);
                }

                group = _waiting;
                _waiting = spare;
            }

            _work(group);
            group.Clear();
            spare = group;
        }
    }
}
