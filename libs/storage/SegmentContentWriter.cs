using System.Buffers;
using Mailkey.Contracts;
using Microsoft.Win32.SafeHandles;

namespace Mailkey.Storage;

/// <summary>
/// Takes one content: in pooled memory, laid out as the record it becomes; from the spill size on, in a file of its
/// own that becomes the object; with an object name, from the beginning. Not for concurrent use.
/// </summary>
internal sealed class SegmentContentWriter(SegmentContentStore store, string queueId, string? objectName) : IContentWriter
{
    private const int FirstBuffer = 32 * 1024;
    private const int FileBuffer = 64 * 1024;

    // Room for header and prefix, then the body; with a file, the octets that are not written to it yet.
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
    private int _end = ContentHeader.ObjectBody;
    private string? _path;
    private SafeFileHandle? _file;
    private long _written;
    private uint _checksum;
    private Task<ContentReference>? _commit;
    private bool _disposed;

    public long Length { get; private set; }

    public bool IsBuffered => _file is null && objectName is null;

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_commit is not null)
        {
            throw new InvalidOperationException("The content is complete.");
        }

        Length += octets.Length;
        if (_file is null)
        {
            if (objectName is null && Length <= store.Options.SpillSize)
            {
                Grow(octets.Length);
                octets.Span.CopyTo(_buffer.AsSpan(_end));
                _end += octets.Length;
                return;
            }

            await SpillAsync(cancellationToken);
        }

        while (!octets.IsEmpty)
        {
            var count = Math.Min(octets.Length, _buffer.Length - _end);
            octets.Span[..count].CopyTo(_buffer.AsSpan(_end));
            _end += count;
            octets = octets[count..];
            if (_end == _buffer.Length)
            {
                await FlushAsync(cancellationToken);
            }
        }
    }

    public async ValueTask<ContentReference> CommitAsync(ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefix.Length, ContentHeader.MaxPrefix, nameof(prefix));
        if (_commit is not null)
        {
            throw new InvalidOperationException("The content is complete.");
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (_file is null && objectName is not null)
        {
            await SpillAsync(cancellationToken);
        }

        // From here on there is no way back: a caller that gave up could not know whether the content is stored.
        _commit = _file is null ? CommitRecord(prefix.Span) : CommitObjectAsync(prefix);
        return await _commit;
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (_commit is not null)
        {
            // The committer reads the buffer until then. Its failure is the business of whoever awaits the commit.
            await ((Task)_commit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _file?.Dispose();
        if (_path is not null)
        {
            File.Delete(_path);
        }
    }

    private void Grow(int count)
    {
        if (_buffer.Length - _end >= count)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _end + count));
        _buffer.AsSpan(0, _end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    private async ValueTask SpillAsync(CancellationToken cancellationToken)
    {
        _path = store.NewIncoming(out _file);
        Grow(FileBuffer);
        var body = _buffer.AsMemory(ContentHeader.ObjectBody, _end - ContentHeader.ObjectBody);
        _end = body.Length;
        body.Span.CopyTo(_buffer);
        await FlushAsync(cancellationToken);
    }

    private async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        var octets = _buffer.AsMemory(0, _end);
        _checksum = ContentHeader.Checksum(octets.Span, _checksum);
        await RandomAccess.WriteAsync(_file!, octets, ContentHeader.ObjectBody + _written, cancellationToken);
        _written += octets.Length;
        _end = 0;
    }

    private Task<ContentReference> CommitRecord(ReadOnlySpan<byte> prefix)
    {
        var start = ContentHeader.ObjectBody - prefix.Length;
        prefix.CopyTo(_buffer.AsSpan(start));
        var content = _buffer.AsSpan(start, _end - start);
        new ContentHeader(queueId, content.Length, 0, 0, ContentHeader.Checksum(content)).Write(_buffer.AsSpan(start - ContentHeader.Size));
        return store.Committer.Commit(_buffer.AsMemory(start - ContentHeader.Size, content.Length + ContentHeader.Size));
    }

    private async Task<ContentReference> CommitObjectAsync(ReadOnlyMemory<byte> prefix)
    {
        await FlushAsync(CancellationToken.None);
        ContentHeader header = new(queueId, Length + prefix.Length, prefix.Length, ContentHeader.Checksum(prefix.Span), _checksum);
        header.Write(_buffer);
        await RandomAccess.WriteAsync(_file!, _buffer.AsMemory(0, ContentHeader.Size), 0, CancellationToken.None);
        await RandomAccess.WriteAsync(_file!, prefix, header.ObjectStart, CancellationToken.None);
        var reference = await store.PublishAsync(_path!, objectName ?? Path.GetFileName(_path!), _file!, header.Length);
        _path = null;
        return reference;
    }
}
