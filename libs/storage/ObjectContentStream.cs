using Microsoft.Win32.SafeHandles;

namespace Mailkey.Storage;

/// <summary>
/// A content that has a file of its own, read in place. Its checksums are compared while it is read from the
/// beginning; a seek gives that up until the next start from 0.
/// </summary>
internal sealed class ObjectContentStream(SafeFileHandle file, ContentHeader header) : Stream
{
    private long _position;
    private long _checked;
    private uint _checksum;

    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => false;
    public override long Length => header.Length;

    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
            if (value == 0)
            {
                (_checked, _checksum) = (0, 0);
            }
        }
    }

    public override int Read(Span<byte> buffer)
    {
        var wanted = Wanted(buffer.Length);
        return wanted == 0 ? 0 : Took(buffer[..RandomAccess.Read(file, buffer[..wanted], header.ObjectStart + _position)]);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var wanted = Wanted(buffer.Length);
        if (wanted == 0)
        {
            return 0;
        }

        var count = await RandomAccess.ReadAsync(file, buffer[..wanted], header.ObjectStart + _position, cancellationToken);
        return Took(buffer.Span[..count]);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => header.Length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private int Wanted(int room) => (int)Math.Max(0, Math.Min(room, header.Length - _position));

    private int Took(ReadOnlySpan<byte> octets)
    {
        if (octets.IsEmpty)
        {
            throw new InvalidDataException($"Content of {header.QueueId} ends early.");
        }

        if (_checked == _position)
        {
            Check(octets);
        }

        _position += octets.Length;
        return octets.Length;
    }

    private void Check(ReadOnlySpan<byte> octets)
    {
        if (_checked < header.PrefixLength)
        {
            var prefix = octets[..(int)Math.Min(octets.Length, header.PrefixLength - _checked)];
            Advance(prefix);
            if (_checked == header.PrefixLength)
            {
                Compare(header.PrefixChecksum);
            }

            octets = octets[prefix.Length..];
        }

        Advance(octets);
        if (_checked == header.Length && header.Length > header.PrefixLength)
        {
            Compare(header.BodyChecksum);
        }
    }

    private void Advance(ReadOnlySpan<byte> octets)
    {
        _checksum = ContentHeader.Checksum(octets, _checksum);
        _checked += octets.Length;
    }

    private void Compare(uint expected)
    {
        if (_checksum != expected)
        {
            throw new InvalidDataException($"Content of {header.QueueId} is damaged.");
        }

        _checksum = 0;
    }

    protected override void Dispose(bool disposing)
    {
        file.Dispose();
        base.Dispose(disposing);
    }
}
