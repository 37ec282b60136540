using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Testkit.Processes;

/// <summary>A service as operators run it: its own process, configured by its environment.</summary>
public sealed partial class ServiceProcess : IAsyncDisposable
{
    private const int SigTerm = 15;
    private const int SigKill = 9;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };

    private static readonly List<Process> Started = [];

    private readonly ProcessStartInfo _start;
    private readonly string _log;
    private readonly int _healthPort = LoopbackPort.Take();
    private Process? _process;
    private Task _copying = Task.CompletedTask;

    static ServiceProcess() => AppDomain.CurrentDomain.ProcessExit += (_, _) => KillAll();

    /// <param name="service">Name of its folder under services/.</param>
    /// <param name="name">Name in the logs, such as <c>verifier-2</c>.</param>
    /// <param name="environment">Its configuration; nothing named MAILKEY_ is taken from the environment of the test.</param>
    /// <param name="logFolder">Where its output is collected.</param>
    public ServiceProcess(string service, string name, IReadOnlyDictionary<string, string> environment, string logFolder)
    {
        Name = name;
        _log = Path.Combine(logFolder, $"{name}.log");
        var program = Repository.Program($"services/{service}", $"Mailkey.{char.ToUpperInvariant(service[0])}{service[1..]}");
        _start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _start.ArgumentList.Add(program);
        foreach (var inherited in _start.Environment.Keys.Where(key => key.StartsWith("MAILKEY_", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            _start.Environment.Remove(inherited);
        }

        foreach (var (key, value) in environment)
        {
            _start.Environment[key] = value;
        }

        _start.Environment["MAILKEY_HTTP_PORT"] = _healthPort.ToString(CultureInfo.InvariantCulture);
        _start.Environment["MAILKEY_HTTP_LISTEN"] = "127.0.0.1";
        // Many small processes on a test machine: one heap each is enough.
        _start.Environment["DOTNET_gcServer"] = "0";
        // They live for seconds: compiling anew and better what ran thirty times is half of all they do, and never pays back. In hexadecimal.
        _start.Environment.TryAdd("DOTNET_TC_CallCountThreshold", "2000");
    }

    public string Name { get; }

    /// <summary>Number of the process that was started last.</summary>
    public int ProcessId => _process?.Id ?? 0;

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>What the process ended with; null while it runs.</summary>
    public int? ExitCode => _process is { HasExited: true } ended ? ended.ExitCode : null;

    /// <summary>Starts the process; <see cref="WaitUntilReadyAsync"/> says when it works.</summary>
    public void Start()
    {
        if (IsRunning)
        {
            return;
        }

        _process?.Dispose();
        _process = Process.Start(_start) ?? throw new InvalidOperationException($"{Name} did not start");
        _process.StandardInput.Close();
        lock (Started)
        {
            Started.Add(_process);
        }

        _copying = Task.WhenAll(CopyAsync(_process.StandardOutput), CopyAsync(_process.StandardError));
    }

    /// <summary>Returns when <c>/health/ready</c> says so.</summary>
    /// <exception cref="InvalidOperationException">It ended or took too long; the message has the end of its log.</exception>
    public async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await IsReadyAsync(cancellationToken))
        {
            if (!IsRunning)
            {
                await _copying;
                throw new InvalidOperationException($"{Name} ended with {_process?.ExitCode}:\n{LogEnd()}");
            }

            if (Stopwatch.GetElapsedTime(started) > StartLimit)
            {
                throw new InvalidOperationException($"{Name} is not ready after {StartLimit}:\n{LogEnd()}");
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }

    /// <summary>What <c>/health/ready</c> says now.</summary>
    public Task<bool> IsReadyAsync(CancellationToken cancellationToken) => IsAsync("ready", cancellationToken);

    /// <summary>What <c>/health/live</c> says now.</summary>
    public Task<bool> IsLiveAsync(CancellationToken cancellationToken) => IsAsync("live", cancellationToken);

    /// <summary>SIGKILL: it has no time for anything.</summary>
    public async Task KillAsync()
    {
        if (IsRunning)
        {
            Signal(SigKill);
            await _process!.WaitForExitAsync();
        }
    }

    /// <summary>SIGTERM, and waits until it has ended in good order.</summary>
    /// <exception cref="InvalidOperationException">It did not end in time.</exception>
    public async Task StopAsync()
    {
        if (!IsRunning)
        {
            return;
        }

        Signal(SigTerm);
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            await _process!.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException e)
        {
            await KillAsync();
            throw new InvalidOperationException($"{Name} did not end within {StopLimit} of SIGTERM:\n{LogEnd()}", e);
        }
    }

    /// <summary>The last lines that it wrote.</summary>
    public string LogEnd(int lines = 40)
    {
        if (!File.Exists(_log))
        {
            return "";
        }

        using var reader = new StreamReader(new FileStream(_log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return string.Join('\n', reader.ReadToEnd().Split('\n').TakeLast(lines));
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        await _copying;
        _process?.Dispose();
    }

    // While a service starts it refuses connections many times, and an exception for each would take time from it.
    private async Task<bool> ListensAsync(CancellationToken cancellationToken)
    {
        var connected = new TaskCompletionSource<SocketError>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var attempt = new SocketAsyncEventArgs { RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, _healthPort) };
        attempt.Completed += (_, done) => connected.TrySetResult(done.SocketError);
        return (socket.ConnectAsync(attempt) ? await connected.Task.WaitAsync(cancellationToken) : attempt.SocketError) == SocketError.Success;
    }

    // A test run that is broken off leaves nothing behind.
    private static void KillAll()
    {
        lock (Started)
        {
            foreach (var process in Started)
            {
                try
                {
                    process.Kill();
                }
                catch (InvalidOperationException)
                {
                    // It has ended, or its test has ended and let go of it.
                }
            }
        }
    }

    private async Task<bool> IsAsync(string what, CancellationToken cancellationToken)
    {
        if (!await ListensAsync(cancellationToken))
        {
            return false;
        }

        try
        {
            using var response = await Http.GetAsync(new Uri($"http://127.0.0.1:{_healthPort}/health/{what}"), cancellationToken);
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private void Signal(int signal) => _ = Kill(_process!.Id, signal);

    private async Task CopyAsync(StreamReader from)
    {
        while (await from.ReadLineAsync() is { } line)
        {
            lock (_start)
            {
                File.AppendAllText(_log, line + "\n");
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
