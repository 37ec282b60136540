using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mailkey.Bench;

/// <summary>Sends mail: with Postfix's smtp-source for throughput, with clients of our own for times.</summary>
internal static class Load
{
    /// <summary>Sends a message many times with smtp-source.</summary>
    /// <returns>Seconds it took and CPU seconds it used.</returns>
    public static async Task<(double Seconds, double Cpu)> SourceAsync(int port, Profile profile, int messages, string file)
    {
        var start = new ProcessStartInfo("bash") { UseShellExecute = false, RedirectStandardError = true };
        string[] arguments =
        [
            // The shell knows the CPU time of a process that has ended.
            "-c", "TIMEFORMAT='%U %S'; time \"$@\"", "bash", "smtp-source", .. profile.Reused ? (string[])["-d"] : [],

            // Goes on after a refusal
            .. profile.IsAccepted ? (string[])[] : ["-A"],
            "-s", $"{profile.Sessions}", "-m", $"{messages}", "-M", $"client.{BenchSystem.DomainOf(profile.Kind)}", "-f", BenchSystem.ReversePathOf(profile.Kind), "-t", BenchSystem.ForwardPath, "-F", file, $"127.0.0.1:{port}",
        ];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        var begun = Stopwatch.GetTimestamp();
        using var process = Process.Start(start) ?? throw new InvalidOperationException("smtp-source did not start");
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        var text = (await errors).Trim();
        return process.ExitCode == 0
            ? (seconds, text[(text.LastIndexOf('\n') + 1)..].Split(' ').Sum(part => double.Parse(part, CultureInfo.InvariantCulture)))
            : throw new InvalidOperationException($"smtp-source: {text}");
    }

    /// <summary>Sends with as many clients as the profile has sessions and takes the time of each transaction.</summary>
    /// <returns>Milliseconds of the transactions and of the replies to the final dot.</returns>
    public static async Task<(double[] Transactions, double[] Dots)> TimedAsync(int port, Profile profile, int messages, byte[] wire)
    {
        var each = Math.Max(1, messages / profile.Sessions);
        var results = await Task.WhenAll(Enumerable.Range(0, profile.Sessions).Select(_ => Task.Run(() => ClientAsync(port, profile, each, wire))));
        return ([.. results.SelectMany(r => r.Select(t => t.Transaction))], [.. results.SelectMany(r => r.Select(t => t.Dot))]);
    }

    private static async Task<List<(double Transaction, double Dot)>> ClientAsync(int port, Profile profile, int messages, byte[] wire)
    {
        List<(double, double)> times = [];
        Connection? connection = null;
        try
        {
            for (var i = 0; i < messages; i++)
            {
                var begun = Stopwatch.GetTimestamp();
                connection ??= await Connection.OpenAsync(port, $"client.{BenchSystem.DomainOf(profile.Kind)}");
                await connection.AskAsync($"MAIL FROM:<{BenchSystem.ReversePathOf(profile.Kind)}>\r\n", '2');
                await connection.AskAsync($"RCPT TO:<{BenchSystem.ForwardPath}>\r\n", '2');
                await connection.AskAsync("DATA\r\n", '3');
                var dot = Stopwatch.GetTimestamp();
                await connection.AskAsync(wire, profile.IsAccepted ? '2' : '5');
                times.Add((Stopwatch.GetElapsedTime(begun).TotalMilliseconds, Stopwatch.GetElapsedTime(dot).TotalMilliseconds));
                if (!profile.Reused)
                {
                    await connection.AskAsync("QUIT\r\n", '2');
                    connection.Dispose();
                    connection = null;
                }
            }
        }
        finally
        {
            connection?.Dispose();
        }

        return times;
    }

    private sealed class Connection(Socket socket) : IDisposable
    {
        private readonly byte[] _buffer = new byte[8192];

        public static async Task<Connection> OpenAsync(int port, string clientName)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(IPAddress.Loopback, port);
            var connection = new Connection(socket);
            await connection.ReplyAsync('2');
            await connection.AskAsync($"EHLO {clientName}\r\n", '2');
            return connection;
        }

        public Task AskAsync(string command, char expected) => AskAsync(Encoding.ASCII.GetBytes(command), expected);

        public async Task AskAsync(byte[] octets, char expected)
        {
            await socket.SendAsync(octets);
            await ReplyAsync(expected);
        }

        public void Dispose() => socket.Dispose();

        // One reply is outstanding at most, so it ends where a line ends whose fourth octet is a blank.
        private async Task ReplyAsync(char expected)
        {
            var length = 0;
            while (true)
            {
                var read = await socket.ReceiveAsync(_buffer.AsMemory(length));
                if (read == 0)
                {
                    throw new IOException("The server closed the connection.");
                }

                length += read;
                var text = Encoding.Latin1.GetString(_buffer, 0, length);
                var last = text.TrimEnd('\n', '\r').LastIndexOf('\n') + 1;
                if (text.EndsWith('\n') && text.Length > last + 3 && text[last + 3] == ' ')
                {
                    if (text[last] != expected)
                    {
                        throw new IOException($"Not expected: {text.TrimEnd()}");
                    }

                    return;
                }
            }
        }
    }
}
