using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Tests;

/// <summary>An SMTP client that sends whatever octets a test wants.</summary>
internal sealed class SmtpTestClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Socket socket;
    private readonly ReplyParser parser = new();
    private Stream stream;
    private PipeReader reader;

    private SmtpTestClient(Socket socket)
    {
        this.socket = socket;
        stream = new NetworkStream(socket, ownsSocket: true);
        reader = PipeReader.Create(stream);
    }

    /// <summary>Octets that have come and were not read.</summary>
    public int Waiting => socket.Available;

    /// <param name="address">IPv4 loopback by default.</param>
    public static async Task<SmtpTestClient> ConnectAsync(int port, IPAddress? address = null)
    {
        var socket = new Socket((address ?? IPAddress.Loopback).AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(address ?? IPAddress.Loopback, port);
        return new(socket);
    }

    public async Task SendAsync(string octets) => await SendAsync(Encoding.Latin1.GetBytes(octets));

    public async Task SendAsync(byte[] octets) => await stream.WriteAsync(octets);

    /// <summary>Sends a line in UTF-8 and takes its reply.</summary>
    public async Task<SmtpReply> AskAsync(string line)
    {
        await SendAsync(Encoding.UTF8.GetBytes($"{line}\r\n"));
        return await ReadAsync();
    }

    /// <summary>Sends lines at once and takes a reply for each.</summary>
    public async Task<SmtpReply[]> AskAllAsync(params string[] lines)
    {
        await SendAsync(Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => $"{line}\r\n"))));
        var replies = new SmtpReply[lines.Length];
        for (var i = 0; i < lines.Length; i++)
        {
            replies[i] = await ReadAsync();
        }

        return replies;
    }

    /// <summary>Does MAIL and RCPT, which have to be accepted.</summary>
    public async Task BeginAsync(string mailParameters = "")
    {
        var replies = await AskAllAsync($"MAIL FROM:<sender@client.example>{mailParameters}", "RCPT TO:<alice@example.org>");
        Assert.All(replies, reply => Assert.Equal(250, reply.Code));
    }

    /// <summary>Sends a content by DATA and takes the reply to its end.</summary>
    public async Task<SmtpReply> DataAsync(string content)
    {
        Assert.Equal(354, (await AskAsync("DATA")).Code);
        await SendAsync(content);
        return await ReadAsync();
    }

    public async Task<SmtpReply> ReadAsync()
    {
        return await TryReadAsync() ?? throw new InvalidOperationException("The server closed the connection without a reply.");
    }

    /// <summary>The next reply; null when the connection ends first.</summary>
    public async Task<SmtpReply?> TryReadAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            ReadResult result;
            try
            {
                result = await reader.ReadAsync(patience.Token);
            }
            catch (IOException)
            {
                return null;
            }

            var buffer = result.Buffer;
            var status = parser.TryParse(ref buffer, out var reply);
            Assert.NotEqual(OperationStatus.InvalidData, status);
            reader.AdvanceTo(buffer.Start, reply is null ? buffer.End : buffer.Start);
            if (reply is not null || result.IsCompleted)
            {
                return reply;
            }
        }
    }

    /// <summary>Waits until the server has closed the connection, which it does without another reply.</summary>
    public async Task AssertClosedAsync() => Assert.Null(await TryReadAsync());

    /// <summary>Negotiates TLS, whoever the server is; gives the subject of its certificate.</summary>
    public async Task<string> StartTlsAsync()
    {
        var secure = new SslStream(stream, false, (_, _, _, _) => true);
        await secure.AuthenticateAsClientAsync("mx.example.org");
        stream = secure;
        reader = PipeReader.Create(secure);
        return secure.RemoteCertificate!.Subject;
    }

    /// <summary>Sends no more, but still listens.</summary>
    public void Finish() => socket.Shutdown(SocketShutdown.Send);

    public void Dispose() => stream.Dispose();
}
