using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using Mailkey.Hosting.Options;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Recipients;

/// <summary>The next hop broke the protocol, or refused to talk.</summary>
internal sealed class CallOutException(string message) : Exception(message);

/// <summary>Connections to one next hop, as many as are allowed; each asks one question at a time and is then kept for the next.</summary>
internal sealed class CallOutPool(NextHop nextHop, string hostname, RecipientsOptions limits, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Time that an unused connection is kept: below the five minutes after which a server may hang up (RFC 5321 §4.5.3.2.7).</summary>
    private static readonly TimeSpan MaxIdle = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim places = new(limits.MaxConnections);
    private readonly ConcurrentStack<(CallOutConnection Connection, long Since)> idle = new();

    /// <summary>Gives the next hop's reply to RCPT.</summary>
    public async Task<SmtpReply> AskAsync(string address, CancellationToken cancellationToken)
    {
        await places.WaitAsync(cancellationToken);
        try
        {
            // A kept connection may have been closed from the other side: then a new one gets the question.
            if (TryTakeIdle(out var kept))
            {
                try
                {
                    return await AskAsync(kept, address, cancellationToken);
                }
                catch (Exception exception) when (exception is IOException or SocketException)
                {
                    // Told by the new connection, if that fails too.
                }
            }

            var connection = await CallOutConnection.OpenAsync(nextHop, hostname, cancellationToken);
            return await AskAsync(connection, address, cancellationToken);
        }
        finally
        {
            places.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        while (idle.TryPop(out var kept))
        {
            await kept.Connection.DisposeAsync();
        }

        places.Dispose();
    }

    private async Task<SmtpReply> AskAsync(CallOutConnection connection, string address, CancellationToken cancellationToken)
    {
        var isKept = false;
        try
        {
            var reply = await connection.AskAsync(address, cancellationToken);
            isKept = connection.IsUsable;
            return reply;
        }
        finally
        {
            if (isKept)
            {
                idle.Push((connection, time.GetTimestamp()));
            }
            else
            {
                await connection.DisposeAsync();
            }
        }
    }

    private bool TryTakeIdle(out CallOutConnection connection)
    {
        while (idle.TryPop(out var kept))
        {
            if (time.GetElapsedTime(kept.Since) < MaxIdle && !kept.Connection.HasUnaskedInput())
            {
                connection = kept.Connection;
                return true;
            }

            _ = kept.Connection.DisposeAsync().AsTask();
        }

        connection = null!;
        return false;
    }
}

/// <summary>One SMTP or LMTP connection that asks for recipients: MAIL FROM:&lt;&gt;, RCPT, RSET, and never any content.</summary>
internal sealed class CallOutConnection : IAsyncDisposable
{
    private readonly NetworkStream stream;
    private readonly PipeReader input;
    private readonly ReplyParser parser = new();
    private EhloResponse offered = EhloResponse.None;

    private CallOutConnection(Socket socket)
    {
        stream = new NetworkStream(socket, ownsSocket: true);
        input = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
    }

    /// <summary>Whether another question can be asked.</summary>
    public bool IsUsable { get; private set; }

    public static async Task<CallOutConnection> OpenAsync(NextHop nextHop, string hostname, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(nextHop.Host, nextHop.Port, cancellationToken);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        var connection = new CallOutConnection(socket);
        try
        {
            await connection.GreetAsync(nextHop.IsLmtp ? "LHLO" : "EHLO", hostname, cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public async Task<SmtpReply> AskAsync(string address, CancellationToken cancellationToken)
    {
        IsUsable = false;
        var isInternationalized = !Ascii.IsValid(address);
        if (isInternationalized && !offered.SmtpUtf8)
        {
            throw new CallOutException("SMTPUTF8 is not offered");
        }

        var mail = isInternationalized ? "MAIL FROM:<> SMTPUTF8\r\n" : "MAIL FROM:<>\r\n";
        var rcpt = $"RCPT TO:<{address}>\r\n";
        const string Rset = "RSET\r\n";

        // RFC 2920 §3.1: none of the three has to be last in its group.
        SmtpReply toMail, toRcpt, toRset;
        if (offered.Pipelining)
        {
            await SendAsync(mail + rcpt + Rset, cancellationToken);
            toMail = await ReadReplyAsync(cancellationToken);
            toRcpt = await ReadReplyAsync(cancellationToken);
            toRset = await ReadReplyAsync(cancellationToken);
        }
        else
        {
            await SendAsync(mail, cancellationToken);
            toMail = await ReadReplyAsync(cancellationToken);
            await SendAsync(rcpt, cancellationToken);
            toRcpt = await ReadReplyAsync(cancellationToken);
            await SendAsync(Rset, cancellationToken);
            toRset = await ReadReplyAsync(cancellationToken);
        }

        // Without the null reverse-path the answer to RCPT says nothing.
        if (!toMail.IsPositive)
        {
            throw new CallOutException($"MAIL FROM:<> got {toMail}");
        }

        IsUsable = toRset.IsPositive && toRcpt.Code != 421;
        return toRcpt;
    }

    /// <summary>Whether a reply waits that nobody asked for: it would be taken for that to the next command, and be said of a wrong recipient.</summary>
    public bool HasUnaskedInput()
    {
        if (!input.TryRead(out var result))
        {
            return stream.Socket.Available > 0;
        }

        input.AdvanceTo(result.Buffer.Start);
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        await input.CompleteAsync();
        await stream.DisposeAsync();
    }

    private async Task GreetAsync(string verb, string hostname, CancellationToken cancellationToken)
    {
        var greeting = await ReadReplyAsync(cancellationToken);
        if (greeting.Code != 220)
        {
            throw new CallOutException($"greeted with {greeting}");
        }

        await SendAsync($"{verb} {hostname}\r\n", cancellationToken);
        var hello = await ReadReplyAsync(cancellationToken);
        if (hello.IsPositive)
        {
            offered = EhloResponse.Parse(hello);
            return;
        }

        await SendAsync($"HELO {hostname}\r\n", cancellationToken);
        hello = await ReadReplyAsync(cancellationToken);
        if (!hello.IsPositive)
        {
            throw new CallOutException($"HELO got {hello}");
        }
    }

    private ValueTask SendAsync(string commands, CancellationToken cancellationToken) =>
        stream.WriteAsync(Encoding.UTF8.GetBytes(commands), cancellationToken);

    private async Task<SmtpReply> ReadReplyAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await input.ReadAsync(cancellationToken);
            var buffer = result.Buffer;
            var status = parser.TryParse(ref buffer, out var reply);
            input.AdvanceTo(buffer.Start, reply is null ? buffer.End : buffer.Start);
            if (status == OperationStatus.Done)
            {
                return reply!;
            }

            if (status == OperationStatus.InvalidData)
            {
                throw new CallOutException("the reply is no SMTP reply");
            }

            if (result.IsCompleted)
            {
                throw new IOException("the connection was closed");
            }
        }
    }
}
