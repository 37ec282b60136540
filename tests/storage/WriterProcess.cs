using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Mailkey.Storage.Tests;

/// <summary>
/// Another process of the same store. It writes with eight writers, and says each content on a line of its own once it
/// is committed: queue id, length, locator.
/// </summary>
internal sealed class WriterProcess : IAsyncDisposable
{
    private readonly Process _process;

    private WriterProcess(Process process) => _process = process;

    public static WriterProcess Start(string folder)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(WriterProcess).Assembly.Location);
        }

        start.ArgumentList.Add("--writer");
        start.ArgumentList.Add(folder);
        return new(Process.Start(start)!);
    }

    public async Task<(string QueueId, Contracts.ContentReference Content)> NextAsync()
    {
        var line = await _process.StandardOutput.ReadLineAsync() ?? throw new EndOfStreamException();
        return Parse(line)!.Value;
    }

    /// <summary>SIGKILL; returns what it had committed and not yet been asked for.</summary>
    public async Task<List<(string QueueId, Contracts.ContentReference Content)>> KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        List<(string, Contracts.ContentReference)> rest = [];
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (Parse(line) is { } content)
            {
                rest.Add(content);
            }
        }

        return rest;
    }

    public static byte[] ContentOf(string queueId)
    {
        var number = int.Parse(queueId[1..], CultureInfo.InvariantCulture);
        return Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat($"{queueId}\r\n", 10 + (number % 500))));
    }

    public static async Task<int> RunAsync(string folder)
    {
        using SegmentContentStore store = new(new() { Folder = folder, SegmentSize = 256 * 1024 }, TimeProvider.System);
        var next = 0;
        Lock console = new();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (true)
            {
                var queueId = $"w{Interlocked.Increment(ref next)}";
                await using var writer = store.Create(queueId);
                await writer.WriteAsync(ContentOf(queueId), CancellationToken.None);
                var content = await writer.CommitAsync(default, CancellationToken.None);
                lock (console)
                {
                    Console.Out.Write($"{queueId} {content.Length} {content.Locator} .\n");
                    Console.Out.Flush();
                }
            }
        })));
        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    // The last line may be cut by the kill.
    private static (string, Contracts.ContentReference)? Parse(string line) =>
        line.Split(' ') is [var queueId, var length, var locator, "."]
            ? (queueId, new() { Locator = locator, Length = long.Parse(length, CultureInfo.InvariantCulture) })
            : null;
}
