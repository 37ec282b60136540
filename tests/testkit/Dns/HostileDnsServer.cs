using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mailkey.Testkit.Dns;

/// <summary>A name server that answers whatever a test wants, over UDP and TCP on one loopback port.</summary>
public sealed class HostileDnsServer : IAsyncDisposable
{
    private readonly Socket _udp;
    private readonly TcpListener _tcp;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task[] _loops;
    private readonly Func<HostileQuery, Task<HostileReply>> _behaviour;

    private HostileDnsServer(Socket udp, TcpListener tcp, Func<HostileQuery, Task<HostileReply>> behaviour)
    {
        _udp = udp;
        _tcp = tcp;
        _behaviour = behaviour;
        Endpoint = (IPEndPoint)udp.LocalEndPoint!;
        _loops = [UdpAsync(), TcpAsync()];
    }

    public IPEndPoint Endpoint { get; }

    /// <summary>All that was asked, in order.</summary>
    public ConcurrentQueue<HostileQuery> Queries { get; } = new();

    public static HostileDnsServer Start(Func<HostileQuery, HostileReply> behaviour) => Start(query => Task.FromResult(behaviour(query)));

    /// <summary>Starts a server; a behaviour that does not end yet makes a slow one.</summary>
    public static HostileDnsServer Start(Func<HostileQuery, Task<HostileReply>> behaviour)
    {
        while (true)
        {
            var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            var tcp = new TcpListener((IPEndPoint)udp.LocalEndPoint!);
            try
            {
                tcp.Start();
                return new(udp, tcp, behaviour);
            }
            catch (SocketException)
            {
                udp.Dispose(); // the port is free for UDP only: another one
                tcp.Dispose();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _udp.Dispose();
        _tcp.Dispose();
        await Task.WhenAll(_loops);
        _stopping.Dispose();
    }

    private async Task UdpAsync()
    {
        var buffer = new byte[4096];
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var received = await _udp.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _stopping.Token);
                _ = AnswerAsync(buffer.AsSpan(0, received.ReceivedBytes).ToArray(), received.RemoteEndPoint);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                // ICMP of a client that is gone, or the end of the test
            }
        }
    }

    private async Task AnswerAsync(byte[] message, EndPoint client)
    {
        try
        {
            foreach (var datagram in (await ReplyAsync(message, tcp: false, client)).Messages)
            {
                await _udp.SendToAsync(datagram, SocketFlags.None, client, _stopping.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
    }

    private async Task TcpAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                _ = ServeAsync(await _tcp.AcceptTcpClientAsync(_stopping.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                var frame = new byte[2];
                await stream.ReadExactlyAsync(frame, _stopping.Token);
                var message = new byte[BinaryPrimitives.ReadUInt16BigEndian(frame)];
                await stream.ReadExactlyAsync(message, _stopping.Token);
                foreach (var answer in (await ReplyAsync(message, tcp: true, client.Client.RemoteEndPoint)).Messages)
                {
                    var framed = new byte[answer.Length + 2];
                    BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)answer.Length);
                    answer.CopyTo(framed, 2);
                    await stream.WriteAsync(framed, _stopping.Token);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
            }
        }
    }

    private Task<HostileReply> ReplyAsync(byte[] message, bool tcp, EndPoint? client)
    {
        var query = new HostileQuery(message, tcp) { ClientPort = (client as IPEndPoint)?.Port ?? 0 };
        Queries.Enqueue(query);
        return _behaviour(query);
    }
}

/// <summary>What the server sends back: nothing, or one or more messages as they are.</summary>
public sealed record HostileReply(params byte[][] Messages)
{
    public static readonly HostileReply Silence = new();

    public HostileReply Then(HostileReply next) => new([.. Messages, .. next.Messages]);
}

/// <summary>A question that arrived.</summary>
public sealed class HostileQuery
{
    public HostileQuery(byte[] message, bool tcp)
    {
        Message = message;
        Tcp = tcp;
        var name = new StringBuilder();
        var at = 12;
        for (; message[at] != 0; at += message[at] + 1)
        {
            name.Append(name.Length > 0 ? "." : "").Append(Encoding.Latin1.GetString(message, at + 1, message[at]));
        }

        SentName = name.ToString();
        Type = BinaryPrimitives.ReadUInt16BigEndian(message.AsSpan(at + 1));
        QuestionEnd = at + 5;
    }

    public byte[] Message { get; }
    public bool Tcp { get; }

    /// <summary>Port that the query came from.</summary>
    public int ClientPort { get; init; }

    /// <summary>The name in the case in which it was sent.</summary>
    public string SentName { get; }

    /// <summary>The name in lower case.</summary>
    public string Name => SentName.ToLowerInvariant();

    public int Type { get; }
    public bool Edns => Message[11] == 1;
    private int QuestionEnd { get; }

    /// <summary>An answer to this question.</summary>
    public HostileReply Answer(params HostileRecord[] answers) => Reply(0, answers);

    /// <summary>An answer with a response code, and an SOA of the root when it is negative.</summary>
    public HostileReply Reply(int responseCode, HostileRecord[]? answers = null, HostileRecord[]? authority = null, bool truncated = false, ushort? id = null, byte[]? question = null, int? answerCount = null)
    {
        using var message = new MemoryStream();
        Span<byte> header = stackalloc byte[12];
        header.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(header, id ?? BinaryPrimitives.ReadUInt16BigEndian(Message));
        header[2] = (byte)(0x81 | (truncated ? 2 : 0));
        header[3] = (byte)(0x80 | responseCode);
        header[5] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], (ushort)(answerCount ?? answers?.Length ?? 0));
        BinaryPrimitives.WriteUInt16BigEndian(header[8..], (ushort)(authority?.Length ?? 0));
        message.Write(header);
        message.Write(question ?? Message.AsSpan(12, QuestionEnd - 12));
        foreach (var record in (HostileRecord[])[.. answers ?? [], .. authority ?? []])
        {
            message.Write(record.Encode());
        }

        return new(message.ToArray());
    }

    /// <summary>NXDOMAIN with the SOA of the root.</summary>
    public HostileReply NameError() => Reply(3, authority: [HostileRecord.Soa(".", 60)]);

    /// <summary>No data with the SOA of the root.</summary>
    public HostileReply NoData() => Reply(0, authority: [HostileRecord.Soa(".", 60)]);

    /// <summary>The same answer with the question in lower case.</summary>
    public byte[] QuestionInLowerCase() => [.. Message.AsSpan(12, QuestionEnd - 12).ToArray().Select(b => b is >= 65 and <= 90 ? (byte)(b + 32) : b)];

    /// <summary>A question of the same type about another name.</summary>
    public byte[] QuestionAbout(string name)
    {
        var encoded = HostileRecord.EncodeName(name);
        return [.. encoded, (byte)(Type >> 8), (byte)Type, 0, 1];
    }
}

/// <summary>A record as it goes onto the wire, true or not.</summary>
public sealed record HostileRecord(string Name, int Type, uint Ttl, byte[] Data)
{
    public static HostileRecord A(string name, string address, uint ttl = 300) => new(name, 1, ttl, IPAddress.Parse(address).GetAddressBytes());

    public static HostileRecord Cname(string name, string target, uint ttl = 300) => new(name, 5, ttl, EncodeName(target));

    public static HostileRecord Ns(string name, string target, uint ttl = 300) => new(name, 2, ttl, EncodeName(target));

    public static HostileRecord Mx(string name, int preference, string host, uint ttl = 300) => new(name, 15, ttl, [(byte)(preference >> 8), (byte)preference, .. EncodeName(host)]);

    public static HostileRecord Txt(string name, string text, uint ttl = 300) =>
        new(name, 16, ttl, [.. Encoding.Latin1.GetBytes(text).Chunk(255).SelectMany(chunk => (byte[])[(byte)chunk.Length, .. chunk])]);

    public static HostileRecord Soa(string zone, uint minimum, uint ttl = 300)
    {
        byte[] numbers = new byte[20];
        BinaryPrimitives.WriteUInt32BigEndian(numbers.AsSpan(16), minimum);
        return new(zone, 6, ttl, [.. EncodeName("ns.invalid"), .. EncodeName("postmaster.invalid"), .. numbers]);
    }

    public byte[] Encode() =>
    [
        .. EncodeName(Name), (byte)(Type >> 8), (byte)Type, 0, 1,
        (byte)(Ttl >> 24), (byte)(Ttl >> 16), (byte)(Ttl >> 8), (byte)Ttl, (byte)(Data.Length >> 8), (byte)Data.Length, .. Data,
    ];

    public static byte[] EncodeName(string name) =>
        name == "." ? [0] : [.. name.TrimEnd('.').Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.Latin1.GetBytes(label)]), 0];
}
