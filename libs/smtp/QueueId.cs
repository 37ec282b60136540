using System.Security.Cryptography;

namespace Mailkey.Smtp;

/// <summary>
/// Makes queue ids: 16 characters that sort by time, never repeat in a process, and differ between processes.
/// <code>
///  42 bits              12 bits         26 bits
/// +--------------------+---------------+------------------+
/// | ms since 1970      | counter       | random, by       |
/// | (until 2109)       | in the ms     | process          |
/// +--------------------+---------------+------------------+
/// </code>
/// </summary>
public sealed class QueueId(TimeProvider time)
{
    /// <summary>Characters of a queue id.</summary>
    public const int Length = 16;

    // In ASCII order, so that ids sort as text; with one vowel only, so that no id is a word.
    private const string Digits = "0123456789ABCDFGHJKLMNPQRSTVWXYZ";
    private const int BitsOfDigit = 5;
    private const int BitsOfProcess = 26;
    private const int BitsOfCounter = 12;

    private readonly ulong process = (ulong)RandomNumberGenerator.GetInt32(1 << BitsOfProcess);
    private long last;

    /// <summary>The next id. Lock-free; more than 4096 ids in a millisecond borrow from the next one.</summary>
    public string Next()
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds() << BitsOfCounter;
        long seen;
        long next;
        do
        {
            seen = Volatile.Read(ref last);
            next = Math.Max(now, seen + 1);
        }
        while (Interlocked.CompareExchange(ref last, next, seen) != seen);

        var value = new UInt128((ulong)next >> (64 - BitsOfProcess), ((ulong)next << BitsOfProcess) | process);
        return string.Create(Length, value, static (text, value) =>
        {
            for (var i = text.Length - 1; i >= 0; i--)
            {
                text[i] = Digits[(int)(value & 31)];
                value >>= BitsOfDigit;
            }
        });
    }
}
