using System.Diagnostics.CodeAnalysis;

namespace Mailkey.Dns;

/// <summary>What was asked: the name in lower case without the final dot, and the type.</summary>
internal readonly record struct DnsQuestion(string Name, DnsRecordType Type);

/// <summary>Answers by question, each for its TTL.</summary>
internal sealed class DnsCache(int capacity, TimeProvider time)
{
    // An answer of up to this many octets counts as one entry, a longer one as several: names of strangers don't fill the memory.
    private const int EntryOctets = 1024;

    private readonly ClockCache<DnsQuestion, Kept> _answers = new(capacity, time);

    /// <summary>Entries counted by size.</summary>
    public int Cost => _answers.Cost;

    public bool TryGet(DnsQuestion question, [NotNullWhen(true)] out DnsAnswer? answer)
    {
        answer = _answers.TryGet(question, out var kept, out var age) ? kept.At(age) : null;
        return answer is not null;
    }

    public void Put(DnsQuestion question, DnsAnswer answer) => _answers.Put(question, new(answer), answer.TimeToLive, CostOf(answer));

    private static int CostOf(DnsAnswer answer)
    {
        var octets = 0;
        foreach (var record in answer.Records)
        {
            octets += 64 + record.Name.Length + (record.Text?.Length ?? 0) + (record.Target?.Length ?? 0);
        }

        return 1 + (octets / EntryOctets);
    }

    private sealed class Kept(DnsAnswer answer)
    {
        private readonly TimeSpan _timeToLive = answer.TimeToLive;
        private DnsAnswer _aged = answer;

        /// <summary>The answer with the TTL that is left in whole seconds; a copy is made once a second, not for each look-up.</summary>
        public DnsAnswer At(TimeSpan age)
        {
            var left = _timeToLive - TimeSpan.FromSeconds(Math.Floor(age.TotalSeconds));
            var aged = Volatile.Read(ref _aged);
            if (aged.TimeToLive != left)
            {
                aged = aged with { TimeToLive = left };
                Volatile.Write(ref _aged, aged);
            }

            return aged;
        }
    }
}
