using System.Text;
using Mailkey.Dns;

namespace Mailkey.Authentication.Keys;

/// <summary>Makes a set of the records that were found at one name.</summary>
public static class KeySetReading
{
    /// <summary>Most keys of a set. Rotation needs two or three; what is beyond is reported and not used.</summary>
    public const int MaxKeys = 32;

    // Records that are parsed: importing a key costs, and one answer could hold hundreds.
    internal const int MaxParsed = 2 * MaxKeys;

    /// <summary>
    /// Reads the TXT records of a mailkey host. Null when none of them is ours, or, with <paramref name="mustName"/>, when none
    /// names the domain: then nothing is published there for it.
    /// </summary>
    /// <param name="mustName">
    /// Found below a mail exchanger: only records with <c>d=</c> of the domain count, else an operator of exchangers could
    /// vouch for each of its customers.
    /// </param>
    public static KeySet? FromText(string domain, IReadOnlyList<DnsRecord> records, bool mustName)
    {
        List<PublishedKey> keys = [];
        List<string> problems = [];
        string? report = null;
        var ours = false;
        var parsed = 0;
        foreach (var text in records)
        {
            var octets = Encoding.Latin1.GetBytes(text.Text ?? "");
            if (!KeyRecord.IsOurs(octets))
            {
                continue;
            }

            if (parsed++ == MaxParsed)
            {
                Report(problems, $"more than {MaxParsed} records");
                break;
            }

            var record = KeyRecord.Parse(octets);
            if (mustName && record.Domain != domain)
            {
                continue;
            }

            if (record.Domain is not null && record.Domain != domain)
            {
                // Several domains may share one name by CNAME; each record then says whose it is.
                continue;
            }

            ours = true;
            if (record.Problem.Length > 0)
            {
                Report(problems, record.Problem);
            }

            if (record.Key is not null)
            {
                keys.Add(record.Key);
                report ??= record.ReportUrl;
            }
        }

        return ours ? Assemble(domain, null, keys, problems, report) : null;
    }

    internal static KeySet Assemble(string domain, long? serial, List<PublishedKey> keys, List<string> problems, string? report)
    {
        // Of two keys of one name a receiver can't tell which was meant: neither is used.
        foreach (var name in keys.GroupBy(key => key.Name, StringComparer.Ordinal).Where(same => same.Count() > 1).Select(same => same.Key).ToList())
        {
            keys.RemoveAll(key => key.Name == name);
            Report(problems, $"key {name}: published more than once");
        }

        if (keys.Count > MaxKeys)
        {
            Report(problems, $"more than {MaxKeys} keys");
            keys.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name)); // the order of records is random: the same ones each time
            keys.RemoveRange(MaxKeys, keys.Count - MaxKeys);
        }

        return new() { Domain = domain, Serial = serial, Keys = keys, ReportUrl = report, Problems = problems };
    }

    internal static void Report(List<string> problems, string problem)
    {
        if (problems.Count < MaxKeys)
        {
            problems.Add(problem);
        }
    }
}
