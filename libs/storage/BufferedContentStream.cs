using System.Buffers;

namespace Mailkey.Storage;

/// <summary>A small content, whole in pooled memory, its checksum already compared.</summary>
public sealed class BufferedContentStream : Stream
{
    private byte[]? _buffer;
    private readonly int _start;
    private readonly int _length;
    private int _position;

    internal BufferedContentStream(byte[] pooled, int start, int length)
    {
        _buffer = pooled;
        _start = start;
        _length = length;
    }

    /// <summary>All of it. Not to be used after Dispose.</summary>
    public ReadOnlyMemory<byte> Octets => Buffer.AsMemory(_start, _length);

    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => false;
    public override long Length => _length;

    public override long Position
    {
        get => _position;
        set => _position = value >= 0 && value <= _length ? (int)value : throw new ArgumentOutOfRangeException(nameof(value));
    }

    private byte[] Buffer => _buffer ?? throw new ObjectDisposedException(nameof(BufferedContentStream));

    public override int Read(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _length - _position);
        Buffer.AsSpan(_start + _position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled<int>(cancellationToken) : new(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => _length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } pooled)
        {
            ArrayPool<byte>.Shared.Return(pooled);
        }

        base.Dispose(disposing);
    }
}
