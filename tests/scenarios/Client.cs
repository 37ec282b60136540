using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Mailkey.Scenarios.Tests;

/// <summary>A sending relay: one SMTP connection.</summary>
internal sealed class Client : IDisposable
{
    private readonly TcpClient _connection;
    private StreamReader _reader;
    private Stream _stream;

    private Client(TcpClient connection)
    {
        _connection = connection;
        _stream = connection.GetStream();
        _reader = new StreamReader(_stream, Encoding.UTF8);
    }

    /// <summary>Connects and says EHLO.</summary>
    public static async Task<Client> ConnectAsync(int port, CancellationToken cancellationToken, string name = "relay.client.test")
    {
        var connection = new TcpClient { NoDelay = true };
        try
        {
            await connection.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
            var client = new Client(connection);
            Expect(await client.ReadAsync(cancellationToken), "220");
            Expect(await client.AskAsync($"EHLO {name}", cancellationToken), "250");
            return client;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>One transaction on a connection of its own.</summary>
    /// <returns>The reply to the final dot, or the first one that refused.</returns>
    public static async Task<string> SendAsync(int port, string reversePath, IReadOnlyList<string> forwardPaths, string message, CancellationToken cancellationToken)
    {
        using var client = await ConnectAsync(port, cancellationToken);
        return await client.SendAsync(reversePath, forwardPaths, message, cancellationToken);
    }

    /// <summary>One transaction.</summary>
    /// <returns>The reply to the final dot, or the first one that refused.</returns>
    public async Task<string> SendAsync(
        string reversePath, IReadOnlyList<string> forwardPaths, string message, CancellationToken cancellationToken, string parameters = "")
    {
        foreach (var command in (string[])[$"MAIL FROM:<{reversePath}>{parameters}", .. forwardPaths.Select(path => $"RCPT TO:<{path}>")])
        {
            var reply = await AskAsync(command, cancellationToken);
            if (reply[0] != '2')
            {
                return reply;
            }
        }

        var go = await AskAsync("DATA", cancellationToken);
        if (go[0] != '3')
        {
            return go;
        }

        // Dot-stuffing (RFC 5321 §4.5.2)
        var stuffed = message.Replace("\r\n.", "\r\n..", StringComparison.Ordinal);
        await _stream.WriteAsync(Encoding.Latin1.GetBytes($"{stuffed}{(stuffed.EndsWith("\r\n", StringComparison.Ordinal) ? "" : "\r\n")}.\r\n"), cancellationToken);
        return await ReadAsync(cancellationToken);
    }

    /// <summary>STARTTLS, with whatever certificate there is, and EHLO.</summary>
    /// <returns>What EHLO was answered.</returns>
    public async Task<string> StartTlsAsync(string name, CancellationToken cancellationToken)
    {
        Expect(await AskAsync("STARTTLS", cancellationToken), "220");
        var tls = new SslStream(_stream, leaveInnerStreamOpen: false);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = "mx.example.test", RemoteCertificateValidationCallback = static (_, _, _, _) => true }, cancellationToken);
        (_stream, _reader) = (tls, new StreamReader(tls, Encoding.UTF8));
        return await AskAsync($"EHLO {name}", cancellationToken);
    }

    /// <summary>A command and its reply, lines joined with LF.</summary>
    public async Task<string> AskAsync(string command, CancellationToken cancellationToken)
    {
        await _stream.WriteAsync(Encoding.UTF8.GetBytes($"{command}\r\n"), cancellationToken);
        return await ReadAsync(cancellationToken);
    }

    public void Dispose() => _connection.Dispose();

    private async Task<string> ReadAsync(CancellationToken cancellationToken)
    {
        List<string> lines = [];
        do
        {
            lines.Add(await _reader.ReadLineAsync(cancellationToken) ?? throw new IOException("The server closed the connection."));
        }
        while (lines[^1].Length > 3 && lines[^1][3] == '-');

        return string.Join('\n', lines);
    }

    private static void Expect(string reply, string code)
    {
        if (!reply.StartsWith(code, StringComparison.Ordinal))
        {
            throw new IOException($"{code} expected: {reply}");
        }
    }
}
