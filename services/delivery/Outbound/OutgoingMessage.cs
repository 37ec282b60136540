using System.Buffers;
using System.Text;
using Mailkey.Contracts;
using Mailkey.Mime;
using Mailkey.Storage;

namespace Mailkey.Delivery.Outbound;

/// <summary>
/// A message while it is attempted. A small content is read once and shared by all transactions; a large one is read
/// by each from its file. Dispose it when no transaction uses it any more.
/// </summary>
internal sealed class OutgoingMessage : IDisposable
{
    // As much as a delivery report carries.
    private const int MaxHead = 64 * 1024;

    private readonly IContentStore _store;
    private readonly BufferedContentStream? _buffered;
    private readonly byte[]? _head;

    private OutgoingMessage(IContentStore store, string queueId, DateTimeOffset receivedAt, Envelope envelope, ContentReference content, BufferedContentStream? buffered, byte[]? head)
    {
        _store = store;
        _buffered = buffered;
        _head = head;
        QueueId = queueId;
        ReceivedAt = receivedAt;
        Envelope = envelope;
        Content = content;
        var block = HeaderOctets;
        ReceivedFields = CountReceived(block);
        NeedsSmtpUtf8 = envelope.SmtpUtf8 && (!Ascii.IsValid(envelope.ReversePath) || !Ascii.IsValid(block));
    }

    public string QueueId { get; }
    public DateTimeOffset ReceivedAt { get; }
    public Envelope Envelope { get; }
    public ContentReference Content { get; }

    /// <summary>Received fields at the beginning of the message, ours included.</summary>
    public int ReceivedFields { get; }

    /// <summary>Whether reverse-path or header need SMTPUTF8 (RFC 6531 §3.2) for every recipient.</summary>
    public bool NeedsSmtpUtf8 { get; }

    /// <summary>The whole content when it is small; null when it is to be read by <see cref="OpenAsync"/>.</summary>
    public ReadOnlyMemory<byte>? Octets => _buffered?.Octets;

    /// <summary>The header block, cut at 64 KiB at a field's end.</summary>
    public byte[] HeaderBlock
    {
        get
        {
            var block = HeaderOctets;
            return (block.Length < MaxHead ? block : block[..(block[..^1].LastIndexOf("\r\n"u8) + 2)]).ToArray();
        }
    }

    private ReadOnlySpan<byte> HeaderOctets
    {
        get
        {
            var head = _buffered is null ? _head : _buffered.Octets.Span[..(int)Math.Min(MaxHead, _buffered.Length)];
            return head[..Mime.HeaderBlock.Measure(head, out _)];
        }
    }

    /// <summary>Opens the content; null when it is gone.</summary>
    public static async ValueTask<OutgoingMessage?> OpenAsync(
        IContentStore store, string queueId, DateTimeOffset receivedAt, Envelope envelope, ContentReference content, CancellationToken cancellationToken)
    {
        var stream = await store.OpenAsync(content, cancellationToken);
        if (stream is null or BufferedContentStream)
        {
            return stream is null ? null : new(store, queueId, receivedAt, envelope, content, (BufferedContentStream)stream, null);
        }

        await using (stream)
        {
            var head = new byte[(int)Math.Min(MaxHead, content.Length)];
            await stream.ReadExactlyAsync(head, cancellationToken);
            return new(store, queueId, receivedAt, envelope, content, null, head);
        }
    }

    public async ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) =>
        await _store.OpenAsync(Content, cancellationToken) ?? throw new InvalidDataException($"Content of {QueueId} is gone.");

    /// <summary>Whether the content has octets above 127.</summary>
    public async ValueTask<bool> HasEightBitAsync(CancellationToken cancellationToken)
    {
        if (_buffered is not null)
        {
            return !Ascii.IsValid(_buffered.Octets.Span);
        }

        var buffer = ArrayPool<byte>.Shared.Rent(MaxHead);
        try
        {
            await using var stream = await OpenAsync(cancellationToken);
            while (await stream.ReadAsync(buffer, cancellationToken) is > 0 and var count)
            {
                if (!Ascii.IsValid(buffer.AsSpan(0, count)))
                {
                    return true;
                }
            }

            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public void Dispose() => _buffered?.Dispose();

    private static int CountReceived(ReadOnlySpan<byte> block)
    {
        var count = 0;
        while (!block.IsEmpty)
        {
            if (block.Length >= 9 && block[8] == (byte)':' && Ascii.EqualsIgnoreCase(block[..8], "Received"u8))
            {
                count++;
            }

            var end = block.IndexOf((byte)'\n');
            block = end < 0 ? default : block[(end + 1)..];
        }

        return count;
    }
}
