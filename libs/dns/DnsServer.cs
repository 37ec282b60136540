using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Mailkey.Dns;

/// <summary>One recursive resolver and what we learnt about it.</summary>
internal sealed class DnsServer(IPEndPoint endpoint)
{
    // Larger than what we announce: a server that ignores the announcement must not look truncated.
    private const int UdpBuffer = 4096;

    // Datagrams that are not our answer. So many mean that somebody guesses: TCP can't be guessed into.
    private const int MaxStrays = 16;

    // Answers with a changed case after which it is not asked in mixed case any more, even if it never answers over TCP. Each
    // of them had the right id and came to the right port, so nobody gets there by guessing.
    private const int MaxChangedCases = 3;

    private volatile bool _keepsCase = true;
    private int _changedCases;
    private volatile bool _knowsEdns = true;

    public IPEndPoint Endpoint => endpoint;

    /// <summary>
    /// Asks once: UDP, and TCP where UDP does not do. Throws <see cref="OperationCanceledException"/> when the token says so,
    /// and <see cref="SocketException"/> or <see cref="EndOfStreamException"/> for what the network does.
    /// </summary>
    public async Task<ServerReply> AskAsync(string name, DnsRecordType type, CancellationToken cancellationToken)
    {
        var reply = await AskAsync(name, type, _knowsEdns, cancellationToken).ConfigureAwait(false);

        // RFC 6891 §7: a server without EDNS answers FORMERR or NOTIMP, without OPT.
        if (_knowsEdns && reply.Response is { HasOpt: false, ResponseCode: DnsResolver.FormatError or DnsResolver.NotImplemented })
        {
            var plain = await AskAsync(name, type, edns: false, cancellationToken).ConfigureAwait(false);
            _knowsEdns = plain.Response is { ResponseCode: DnsResolver.FormatError or DnsResolver.NotImplemented } or null;
            return plain;
        }

        return reply;
    }

    private async Task<ServerReply> AskAsync(string name, DnsRecordType type, bool edns, CancellationToken cancellationToken)
    {
        var mixCase = _keepsCase && Volatile.Read(ref _changedCases) < MaxChangedCases;
        var query = ArrayPool<byte>.Shared.Rent(DnsQuery.MaxLength + 2);
        var answer = ArrayPool<byte>.Shared.Rent(UdpBuffer);
        try
        {
            // Two octets in front are the length that TCP wants (RFC 1035 §4.2.2).
            if (!DnsQuery.TryWrite(query.AsSpan(2), name, type, mixCase, edns, out var length, out var questionLength))
            {
                throw new ArgumentException("not a name that fits into a query", nameof(name));
            }

            var exchange = new Exchange(query.AsMemory(0, length + 2), questionLength);
            var received = await UdpAsync(exchange, answer, cancellationToken).ConfigureAwait(false);
            if (received > 0)
            {
                DnsQuery.IsAnsweredBy(exchange.Message.Span, questionLength, answer.AsSpan(0, received), out var sameCase);
                if (sameCase || !mixCase || IsBareError(answer.AsSpan(0, received)))
                {
                    var reply = Read(answer.AsSpan(0, received));
                    if (reply.Response is not { Truncated: true })
                    {
                        return reply;
                    }
                }
                else
                {
                    Interlocked.Increment(ref _changedCases);
                }
            }

            return await TcpAsync(exchange, mixCase, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(query);
            ArrayPool<byte>.Shared.Return(answer);
        }
    }

    // The kernel binds a random source port, and connecting drops what other addresses send (RFC 5452 §9).
    private async Task<int> UdpAsync(Exchange exchange, byte[] answer, CancellationToken cancellationToken)
    {
        using var socket = new Socket(endpoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(endpoint, cancellationToken).ConfigureAwait(false);
        await socket.SendAsync(exchange.Message, SocketFlags.None, cancellationToken).ConfigureAwait(false);
        for (var strays = 0; strays < MaxStrays; strays++)
        {
            var received = await socket.ReceiveAsync(answer, SocketFlags.None, cancellationToken).ConfigureAwait(false);
            if (IsOurs(exchange, answer.AsSpan(0, received), out _))
            {
                return received;
            }
        }

        return 0;
    }

    private async Task<ServerReply> TcpAsync(Exchange exchange, bool mixCase, CancellationToken cancellationToken)
    {
        using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(endpoint, cancellationToken).ConfigureAwait(false);
        BinaryPrimitives.WriteUInt16BigEndian(exchange.Framed.Span, (ushort)exchange.Message.Length);
        await socket.SendAsync(exchange.Framed, SocketFlags.None, cancellationToken).ConfigureAwait(false);
        await using var stream = new NetworkStream(socket, ownsSocket: false);
        var frame = new byte[2];
        await stream.ReadExactlyAsync(frame, cancellationToken).ConfigureAwait(false);
        int length = BinaryPrimitives.ReadUInt16BigEndian(frame);
        var answer = ArrayPool<byte>.Shared.Rent(Math.Max(length, 1));
        try
        {
            await stream.ReadExactlyAsync(answer.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            if (!IsOurs(exchange, answer.AsSpan(0, length), out var sameCase))
            {
                return new(null, "answered another question over TCP");
            }

            // Nobody off the path gets into a TCP connection: so it is the server that changes the case.
            if (mixCase && !sameCase && !IsBareError(answer.AsSpan(0, length)))
            {
                _keepsCase = false;
            }

            var reply = Read(answer.AsSpan(0, length));
            return reply.Response is { Truncated: true } ? new(null, "truncated over TCP") : reply;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(answer);
        }
    }

    private static bool IsOurs(Exchange exchange, ReadOnlySpan<byte> message, out bool sameCase) =>
        DnsQuery.IsAnsweredBy(exchange.Message.Span, exchange.QuestionLength, message, out sameCase)
        || (IsBareError(message) && message[..2].SequenceEqual(exchange.Message.Span[..2]));

    // A server that could not read the query may send the header back alone, with an error and no question.
    private static bool IsBareError(ReadOnlySpan<byte> message) =>
        message.Length == DnsResponse.HeaderLength && (message[2] & 0xF8) == 0x80 && (message[3] & 0x0F) != 0 && (message[3] & 0x0F) != DnsResolver.NameErrorCode
        && message[4..].IndexOfAnyExcept((byte)0) < 0;

    private static ServerReply Read(ReadOnlySpan<byte> message)
    {
        if (IsBareError(message))
        {
            return new(DnsResponse.ErrorOnly(message[3] & 0x0F), "");
        }

        return DnsResponse.TryParse(message, out var response, out var error) ? new(response, "") : new(null, $"malformed answer: {error}");
    }

    private readonly record struct Exchange(Memory<byte> Framed, int QuestionLength)
    {
        public Memory<byte> Message => Framed[2..];
    }
}

/// <summary>A readable response, or why there is none.</summary>
internal readonly record struct ServerReply(DnsResponse? Response, string Error);
