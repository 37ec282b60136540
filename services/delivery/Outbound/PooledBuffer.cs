using System.Buffers;

namespace Mailkey.Delivery.Outbound;

/// <summary>Collects what leaves in one write. Belongs to one connection and is used again for each message.</summary>
internal sealed class PooledBuffer : IBufferWriter<byte>, IDisposable
{
    private const int Smallest = 16 * 1024;

    // A large message must not leave its memory with an idle connection.
    private const int Kept = 128 * 1024;

    private byte[] _octets = ArrayPool<byte>.Shared.Rent(Smallest);
    private int _length;

    public ReadOnlyMemory<byte> Written => _octets.AsMemory(0, _length);

    public void Advance(int count) => _length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _octets.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _octets.AsSpan(_length);
    }

    public void Clear()
    {
        _length = 0;
        if (_octets.Length > Kept)
        {
            ArrayPool<byte>.Shared.Return(_octets);
            _octets = ArrayPool<byte>.Shared.Rent(Smallest);
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_octets);
        _octets = [];
    }

    private void Reserve(int count)
    {
        if (_octets.Length - _length >= Math.Max(count, 1))
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_octets.Length * 2, _length + count));
        _octets.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_octets);
        _octets = larger;
    }
}
