using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Mailkey.Testkit.Processes;

namespace Mailkey.Delivery.Tests;

/// <summary>Postfix's <c>smtp-sink</c>: a real server, though an undemanding one. Each message it takes is a file.</summary>
internal sealed class SmtpSink : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _folder;

    private SmtpSink(Process process, string folder, int port)
    {
        _process = process;
        _folder = folder;
        Port = port;
    }

    public int Port { get; }

    /// <summary>What was taken so far.</summary>
    public string[] Messages => Directory.GetFiles(_folder, "message*");

    public static async Task<SmtpSink> StartAsync(params string[] options)
    {
        var folder = Directory.CreateTempSubdirectory("mailkey-sink-").FullName;
        File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute | UnixFileMode.OtherRead);
        var port = LoopbackPort.Take();
        ProcessStartInfo start = new("/usr/sbin/smtp-sink") { UseShellExecute = false, WorkingDirectory = folder };
        string[] user = Environment.IsPrivilegedProcess ? ["-u", "nobody"] : [];
        foreach (var argument in (string[])[.. user, "-d", "message.", .. options, $"127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}", "100"])
        {
            start.ArgumentList.Add(argument);
        }

        SmtpSink sink = new(Process.Start(start)!, folder, port);
        for (var tries = 0; ; tries++)
        {
            try
            {
                using TcpClient probe = new();
                await probe.ConnectAsync("127.0.0.1", port);
                return sink;
            }
            catch (SocketException) when (tries < 200 && !sink._process.HasExited)
            {
                await Task.Delay(20);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
