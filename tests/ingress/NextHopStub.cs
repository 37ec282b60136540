using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Mailkey.Ingress.Tests;

/// <summary>A mailbox host that answers by a script and remembers what it was asked.</summary>
internal sealed class NextHopStub : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentQueue<string> commands = new();
    private readonly ConcurrentBag<Task> sessions = [];
    private Task accepting = Task.CompletedTask;
    private int connections;

    /// <summary>Gives the reply to a command; null closes the connection. Whole replies without the last CRLF.</summary>
    public Func<string, Task<string?>> Answer { get; set; } = command => Task.FromResult<string?>(Default(command));

    public IReadOnlyList<string> Commands => [.. commands];

    public int Connections => Volatile.Read(ref connections);

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public static NextHopStub Start()
    {
        var stub = new NextHopStub();
        stub.listener.Start();
        stub.accepting = stub.AcceptAsync();
        return stub;
    }

    public static string Default(string command) => command.Split(' ')[0] switch
    {
        "EHLO" or "LHLO" => "250-host.example\r\n250-PIPELINING\r\n250 SMTPUTF8",
        _ => "250 2.0.0 OK",
    };

    /// <summary>Answers RCPT so, and everything else with 250.</summary>
    public void AnswerRecipients(Func<string, string> reply) =>
        Answer = command => Task.FromResult<string?>(command.StartsWith("RCPT", StringComparison.Ordinal) ? reply(command) : Default(command));

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        await Task.WhenAll(sessions);
        stop.Dispose();
        listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await listener.AcceptSocketAsync(stop.Token);
                Interlocked.Increment(ref connections);
                sessions.Add(ServeAsync(socket));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using var stream = new NetworkStream(socket, ownsSocket: true);
        using var reader = new StreamReader(stream);
        await using var writer = new StreamWriter(stream) { NewLine = "\r\n", AutoFlush = true };
        try
        {
            await writer.WriteLineAsync("220 host.example");
            while (await reader.ReadLineAsync(stop.Token) is { } command)
            {
                commands.Enqueue(command);
                if (await Answer(command).WaitAsync(stop.Token) is not { } reply)
                {
                    return;
                }

                await writer.WriteLineAsync(reply);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The asker left, or the test is over.
        }
    }
}
