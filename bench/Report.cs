using System.Globalization;
using System.Text;

namespace Mailkey.Bench;

/// <summary>The figures as Markdown.</summary>
internal static class Report
{
    public static string Write(BenchOptions options, Measurement measurement, BenchSystem system)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            Measured {TimeProvider.System.GetUtcNow():yyyy-MM-dd} on {Machine()}, with {options.Verifiers} verifier{(options.Verifiers == 1 ? "" : "s")};
            sender, sink, name server, broker and database on the same {Environment.ProcessorCount} cores. Medians of {options.Rounds} rounds of {options.Messages} messages
            (fewer where a profile is slow) after {options.WarmUp} to warm up; every message signed (rsa-sha256, 2048 bits; where another kind of mail is not named, with a mailkey) and verified,
            stored durably, and delivered by SMTP.

            | load | answered/s | delivered/s | transaction p50 ms | p99 | final dot p50 ms | p99 | CPU s/1000 | lost |
            |---|---:|---:|---:|---:|---:|---:|---:|---:|
            """);
        foreach (var (profile, runs) in measurement.Runs)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {profile} | {M(runs, r => r.AnsweredPerSecond):F0} | {(profile.IsAccepted ? M(runs, r => r.DeliveredPerSecond ?? 0).ToString("F0", CultureInfo.InvariantCulture) : "refused")} | {M(runs, r => r.TransactionP50):F2} | {M(runs, r => r.TransactionP99):F2} | {M(runs, r => r.DotP50):F2} | {M(runs, r => r.DotP99):F2} | {M(runs, r => r.Cpu.Values.Sum()):F2} | {runs.Sum(r => r.Lost)} |");
        }

        var names = system.Processes.Select(process => process.Name).ToList();
        text.AppendLine().AppendLine("CPU seconds per 1000 messages by process, and the most memory of each:").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"| load | {string.Join(" | ", names)} | sender and sink |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|{string.Concat(names.Select(_ => "---:|"))}---:|");
        foreach (var (profile, runs) in measurement.Runs)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {profile} | {string.Join(" | ", names.Select(name => M(runs, r => r.Cpu[name]).ToString("F3", CultureInfo.InvariantCulture)))} | {M(runs, r => r.OtherCpu):F3} |");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"| MiB | {string.Join(" | ", names.Select(name => measurement.Memory[name].ToString("F0", CultureInfo.InvariantCulture)))} | |");
        return text.ToString();
    }

    private static double M(List<Figures> runs, Func<Figures, double> figure)
    {
        var values = runs.Select(figure).Order().ToList();
        return values[values.Count / 2];
    }

    private static string Machine()
    {
        var model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "an unnamed CPU";
        var memory = long.Parse(File.ReadLines("/proc/meminfo").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1048576;
        var system = File.ReadLines("/etc/os-release").FirstOrDefault(line => line.StartsWith("PRETTY_NAME", StringComparison.Ordinal))?.Split('"')[1] ?? "Linux";
        return $"{Environment.ProcessorCount} cores of {model}, {memory} GiB, {system}";
    }
}
