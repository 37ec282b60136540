using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Mailkey.Bench;

/// <summary>Postfix's smtp-sink: takes everything and counts.</summary>
internal sealed class SmtpSink : IDisposable
{
    private readonly Process _process;
    private readonly Lock _lock = new();
    private long _lastArrival;
    private int _count;

    private SmtpSink(Process process)
    {
        _process = process;
        _ = ReadAsync();
    }

    public int ProcessId => _process.Id;

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }
    }

    /// <summary><see cref="Stopwatch.GetTimestamp"/> of the last message.</summary>
    public long LastArrival
    {
        get
        {
            lock (_lock)
            {
                return _lastArrival;
            }
        }
    }

    public static SmtpSink Start(int port)
    {
        var start = new ProcessStartInfo("smtp-sink") { UseShellExecute = false, RedirectStandardOutput = true };
        // As root it insists on another user. -c: the counts are shown with each change.
        string[] arguments = [.. Environment.UserName == "root" ? (string[])["-u", "nobody"] : [], "-m", "1000", "-c", $"127.0.0.1:{port}", "1000"];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return new(Process.Start(start) ?? throw new InvalidOperationException("smtp-sink did not start"));
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    // "sess=3 quit=3 mesg=3" and a carriage return, over and over
    private async Task ReadAsync()
    {
        var buffer = new byte[65536];
        var text = new StringBuilder();
        int read;
        while ((read = await _process.StandardOutput.BaseStream.ReadAsync(buffer)) > 0)
        {
            var now = Stopwatch.GetTimestamp();
            text.Append(Encoding.ASCII.GetString(buffer, 0, read));
            var all = text.ToString();
            var end = all.LastIndexOf('\r');
            var start = end > 0 ? all.LastIndexOf("mesg=", end, StringComparison.Ordinal) : -1;
            if (start >= 0 && int.TryParse(all[(start + 5)..end].Trim(), CultureInfo.InvariantCulture, out var count))
            {
                lock (_lock)
                {
                    if (count != _count)
                    {
                        (_count, _lastArrival) = (count, now);
                    }
                }
            }

            text.Clear().Append(all.AsSpan(Math.Max(0, end)));
        }
    }
}
