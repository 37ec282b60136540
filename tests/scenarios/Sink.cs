using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mailkey.Scenarios.Tests;

/// <summary>A mail host somewhere else: takes every message, or refuses every recipient with a given reply.</summary>
internal sealed class Sink : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _loop;

    private Sink(string? refusal)
    {
        Refusal = refusal;
        _listener.Start();
        _loop = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The reply to RCPT; null: 250.</summary>
    public string? Refusal { get; set; }

    public ConcurrentQueue<Arrived> Messages { get; } = new();

    public static Sink Start(string? refusal = null) => new(refusal);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _loop;
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stopping.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            client.NoDelay = true;
            try
            {
                var stream = client.GetStream();
                using var reader = new StreamReader(stream, Encoding.Latin1);
                await ReplyAsync(stream, "220 sink.test");
                string? from = null;
                List<string> to = [];
                while (await reader.ReadLineAsync(_stopping.Token) is { } line)
                {
                    switch (line.ToUpperInvariant()[..Math.Min(4, line.Length)])
                    {
                        case "EHLO":
                            await ReplyAsync(stream, "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES");
                            break;
                        case "MAIL":
                            (from, to) = (line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line.IndexOf('>', StringComparison.Ordinal)], []);
                            await ReplyAsync(stream, "250 2.1.0 OK");
                            break;
                        case "RCPT":
                            if (Refusal is null)
                            {
                                to.Add(line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line.IndexOf('>', StringComparison.Ordinal)]);
                            }

                            await ReplyAsync(stream, Refusal ?? "250 2.1.5 OK");
                            break;
                        case "DATA" when to.Count == 0:
                            await ReplyAsync(stream, "554 5.5.1 No valid recipients");
                            break;
                        case "DATA":
                            await ReplyAsync(stream, "354 Go on");
                            Messages.Enqueue(new(from!, to, await ContentAsync(reader)));
                            await ReplyAsync(stream, "250 2.0.0 Taken");
                            break;
                        case "QUIT":
                            await ReplyAsync(stream, "221 2.0.0 Bye");
                            return;
                        default:
                            await ReplyAsync(stream, "250 2.0.0 OK");
                            break;
                    }
                }
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
            }
        }
    }

    private async Task<string> ContentAsync(StreamReader reader)
    {
        var content = new StringBuilder();
        while (await reader.ReadLineAsync(_stopping.Token) is { } line && line != ".")
        {
            content.Append(line.StartsWith('.') ? line[1..] : line).Append("\r\n");
        }

        return content.ToString();
    }

    private Task ReplyAsync(NetworkStream stream, string reply) =>
        stream.WriteAsync(Encoding.Latin1.GetBytes($"{reply}\r\n"), _stopping.Token).AsTask();
}

/// <summary>A message as it came to a <see cref="Sink"/>.</summary>
internal sealed record Arrived(string ReversePath, IReadOnlyList<string> ForwardPaths, string Content);
