using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Mailkey.Delivery.Tests;

/// <summary>A server that does exactly what a test says, however wrong that is. Each connection runs the script from its beginning.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<Session, Task> _script;
    private readonly Task _loop;
    private int _connections;

    public ScriptedServer(Func<Session, Task> script)
    {
        _script = script;
        _listener.Start();
        _loop = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public int Connections => _connections;

    /// <summary>Everything clients sent, all connections, in order of arrival.</summary>
    public List<string> Received { get; } = [];

    /// <summary>A well-behaved server with the given EHLO keywords, that lets a script answer what it likes differently.</summary>
    public static ScriptedServer Behaved(string[] keywords, Func<string, string?>? answers = null, bool isLmtp = false) => new(async session =>
    {
        await session.WriteAsync("220 scripted.example ready\r\n");
        var accepted = 0;
        while (await session.ReadLineAsync() is { } line)
        {
            var verb = line.Split(' ', ':')[0].ToUpperInvariant();
            if (answers?.Invoke(line) is { } answer)
            {
                if (answer.Length == 0)
                {
                    return;
                }

                await session.WriteAsync(answer + "\r\n");
                if (verb != "DATA" || !answer.StartsWith("354", StringComparison.Ordinal))
                {
                    continue;
                }
            }
            else
            {
                accepted = verb == "MAIL" ? 0 : verb == "RCPT" ? accepted + 1 : accepted;
                await session.WriteAsync(verb switch
                {
                    "EHLO" or "LHLO" => string.Concat(((string[])["scripted.example", .. keywords]).Select((word, i) => $"250{(i == keywords.Length ? ' ' : '-')}{word}\r\n")),
                    "DATA" => accepted > 0 ? "354 go on\r\n" : "554 5.5.1 no valid recipients\r\n",
                    "QUIT" => "221 2.0.0 bye\r\n",
                    _ => "250 2.0.0 ok\r\n",
                });
                if (verb == "QUIT")
                {
                    return;
                }

                if (verb != "DATA" || accepted == 0)
                {
                    continue;
                }
            }

            while (await session.ReadLineAsync() is { } content && content != ".")
            {
            }

            for (var i = 0; i < (isLmtp ? accepted : 1); i++)
            {
                var final = answers?.Invoke(".") ?? "250 2.0.0 taken";
                if (final.Length == 0)
                {
                    return;
                }

                await session.WriteAsync(final + "\r\n");
            }
        }
    });

    public string[] Lines()
    {
        lock (Received)
        {
            return [.. Received];
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var socket = await _listener.AcceptSocketAsync(_stop.Token);
            _connections++;
            _ = ServeAsync(socket);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using Session session = new(this, socket, _stop.Token);
        try
        {
            await _script(session);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // The client went, or the test is over.
        }
    }

    internal sealed class Session(ScriptedServer server, Socket socket, CancellationToken stop) : IDisposable
    {
        private Stream _stream = new NetworkStream(socket, ownsSocket: true);
        private readonly List<byte> _line = [];
        private readonly byte[] _buffer = new byte[4096];
        private int _start;
        private int _end;

        public Stream Stream => _stream;

        /// <summary>Which of the server's connections this is, from 1.</summary>
        public int Number { get; } = server._connections;

        public CancellationToken Stop => stop;

        public async Task WriteAsync(string text) => await _stream.WriteAsync(Encoding.UTF8.GetBytes(text), stop);

        public async Task<string?> ReadLineAsync()
        {
            _line.Clear();
            while (true)
            {
                while (_start < _end)
                {
                    var octet = _buffer[_start++];
                    if (octet == '\n')
                    {
                        var line = Encoding.UTF8.GetString([.. _line]).TrimEnd('\r');
                        lock (server.Received)
                        {
                            server.Received.Add(line);
                        }

                        return line;
                    }

                    _line.Add(octet);
                }

                _start = 0;
                _end = await _stream.ReadAsync(_buffer, stop);
                if (_end == 0)
                {
                    return null;
                }
            }
        }

        /// <summary>The server's half of STARTTLS, after its 220.</summary>
        public async Task EncryptAsync(X509Certificate2 certificate)
        {
            SslStream encrypted = new(_stream);
            await encrypted.AuthenticateAsServerAsync(certificate);
            _stream = encrypted;
        }

        public void Dispose() => _stream.Dispose();
    }
}
