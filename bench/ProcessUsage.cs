using System.Globalization;

namespace Mailkey.Bench;

/// <summary>CPU time and memory of a process with its descendants, from /proc.</summary>
internal static class ProcessUsage
{
    // sysconf(_SC_CLK_TCK) is 100 on every Linux that .NET runs on.
    private const double TicksPerSecond = 100;

    /// <summary>CPU seconds used so far.</summary>
    public static double Cpu(int process) => Family(process).Sum(member =>
        Stat(member) is { } fields ? (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond : 0);

    /// <summary>MiB in memory now, pages shared by several processes counted in parts.</summary>
    public static double Memory(int process) => Family(process).Sum(member =>
    {
        try
        {
            var line = File.ReadLines($"/proc/{member}/smaps_rollup").FirstOrDefault(line => line.StartsWith("Pss:", StringComparison.Ordinal));
            return line is null ? 0 : double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
        }
        catch (IOException)
        {
            return 0; // It has ended.
        }
    });

    /// <summary>CPU seconds of the whole machine so far: used, and taken away by its host.</summary>
    public static (double Busy, double Stolen) Machine()
    {
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        double Field(int index) => double.Parse(fields[index], CultureInfo.InvariantCulture) / TicksPerSecond;
        return (Field(1) + Field(2) + Field(3) + Field(6) + Field(7), Field(8));
    }

    private static List<int> Family(int root)
    {
        var children = new Dictionary<int, List<int>>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var process) && Stat(process) is { } fields)
            {
                var parent = int.Parse(fields[1], CultureInfo.InvariantCulture);
                (children.TryGetValue(parent, out var siblings) ? siblings : children[parent] = []).Add(process);
            }
        }

        List<int> family = [root];
        for (var i = 0; i < family.Count; i++)
        {
            family.AddRange(children.GetValueOrDefault(family[i], []));
        }

        return family;
    }

    // The fields after the name, which may itself contain blanks and brackets
    private static string[]? Stat(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }
}
