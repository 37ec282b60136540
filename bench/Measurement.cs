using System.Diagnostics;
using Mailkey.Testkit.Processes;

namespace Mailkey.Bench;

/// <summary>Runs the profiles and keeps what they showed.</summary>
internal sealed class Measurement(BenchSystem system)
{
    private const int TimedMessages = 300;
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(120);
    private readonly Dictionary<Profile, List<Figures>> _runs = [];
    private readonly Dictionary<string, double> _memory = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<Profile, List<Figures>> Runs => _runs;

    /// <summary>Most MiB of each process, seen at the end of a run.</summary>
    public IReadOnlyDictionary<string, double> Memory => _memory;

    public int Lost => _runs.Values.SelectMany(runs => runs).Sum(run => Math.Abs(run.Lost));

    public async Task WarmUpAsync(Profile profile, int messages)
    {
        var (file, _) = system.MakeMessage(profile);
        using var sink = SmtpSink.Start(system.SinkPort);
        await Load.SourceAsync(system.SmtpPort, profile, messages, file);
        var expected = profile.IsAccepted ? messages : 0;
        await Eventually.GetAsync(() => sink.Count, count => count >= expected, DrainLimit, () => system.Logs);
    }

    public async Task RunAsync(Profile profile, int messages)
    {
        var (file, wire) = system.MakeMessage(profile);
        var expected = profile.IsAccepted ? messages : 0;
        using var sink = SmtpSink.Start(system.SinkPort);
        var processes = system.Processes;
        var before = processes.Select(process => ProcessUsage.Cpu(process.Process)).ToArray();
        var sinkBefore = ProcessUsage.Cpu(sink.ProcessId);
        var begun = Stopwatch.GetTimestamp();
        var (seconds, sourceCpu) = await Load.SourceAsync(system.SmtpPort, profile, messages, file);
        await Eventually.GetAsync(() => sink.Count, count => count >= expected, DrainLimit, () => system.Logs);
        double? delivered = profile.IsAccepted ? messages / Stopwatch.GetElapsedTime(begun, sink.LastArrival).TotalSeconds : null;
        var cpu = processes.Select((process, i) => (process.Name, Used: (ProcessUsage.Cpu(process.Process) - before[i]) * 1000 / messages)).ToDictionary(used => used.Name, used => used.Used, StringComparer.Ordinal);
        var other = (sourceCpu + ProcessUsage.Cpu(sink.ProcessId) - sinkBefore) * 1000 / messages;

        var (transactions, dots) = await Load.TimedAsync(system.SmtpPort, profile, TimedMessages, wire);
        expected += profile.IsAccepted ? transactions.Length : 0;
        await Eventually.GetAsync(() => sink.Count, count => count >= expected, DrainLimit, () => system.Logs);
        foreach (var (name, process) in processes)
        {
            _memory[name] = Math.Max(_memory.GetValueOrDefault(name), ProcessUsage.Memory(process));
        }

        (_runs.TryGetValue(profile, out var runs) ? runs : _runs[profile] = []).Add(new Figures
        {
            AnsweredPerSecond = messages / seconds,
            DeliveredPerSecond = delivered,
            Lost = expected - sink.Count,
            TransactionP50 = Percentile(transactions, 50),
            TransactionP99 = Percentile(transactions, 99),
            DotP50 = Percentile(dots, 50),
            DotP99 = Percentile(dots, 99),
            Cpu = cpu,
            OtherCpu = other,
        });
        Console.Error.WriteLine(
            $"  {messages / seconds:F0} answered/s, {delivered ?? 0:F0} delivered/s, dot p50 {Percentile(dots, 50):F2} ms, CPU s/1000: {string.Join(", ", cpu.Select(used => $"{used.Key} {used.Value:F2}"))}, sender and sink {other:F2}");
    }

    private static double Percentile(double[] values, int percent)
    {
        Array.Sort(values);
        return values[Math.Min(values.Length - 1, values.Length * percent / 100)];
    }
}
