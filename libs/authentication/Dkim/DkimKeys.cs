using System.Text;
using Mailkey.Dns;

namespace Mailkey.Authentication.Dkim;

/// <summary>What stands at the name of a key.</summary>
/// <param name="Records">The records that can be read, <see cref="DkimKeys.MaxRecords"/> at most.</param>
/// <param name="IsFault">Whether the DNS did not answer: trying again later may help.</param>
/// <param name="Reason">Why there is no record; one ASCII line.</param>
internal readonly record struct DkimKeysFound(IReadOnlyList<DkimKeyRecord> Records, bool IsFault, string Reason);

/// <summary>Asks the DNS for the keys of signatures (RFC 6376 §3.6.2, §6.1.2).</summary>
/// <param name="maxConcurrent">
/// Look-ups under way at the same time; further ones are faults at once. The senders choose the names, and with them the servers:
/// slow ones must not take the turns of those who look for mailkeys with the same resolver.
/// </param>
internal sealed class DkimKeys(IDnsResolver resolver, int maxConcurrent)
{
    /// <summary>
    /// Records of one name that are tried. RFC 6376 §3.6.2.2 leaves it undefined what several mean; each costs the work of a public
    /// key. They are taken in the order of their text, since that of an answer changes.
    /// </summary>
    public const int MaxRecords = 3;

    // An answer over TCP can hold hundreds.
    private const int MaxParsed = 10;

    // No client network has more than half of them.
    private readonly NetworkShare shares = new(Math.Max(1, maxConcurrent / 2));

    private int underWay;

    /// <param name="limit">When it is cancelled, a look-up under way ends as a fault.</param>
    public async Task<DkimKeysFound> FindAsync(string name, CancellationToken limit, CancellationToken cancellationToken)
    {
        const string tooMany = "too many keys are being looked for";
        var network = AskingNetwork.Current;
        if (!shares.TryEnter(network))
        {
            return new([], IsFault: true, tooMany);
        }

        DnsAnswer answer;
        try
        {
            if (Interlocked.Increment(ref underWay) > maxConcurrent)
            {
                return new([], IsFault: true, tooMany);
            }

            answer = await resolver.ResolveAsync(name, DnsRecordType.Txt, limit).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new([], IsFault: true, "the key was not found in time");
        }
        finally
        {
            Interlocked.Decrement(ref underWay);
            shares.Leave(network);
        }

        return answer.Status switch
        {
            DnsStatus.Success => Read(answer.Records),
            DnsStatus.NoData or DnsStatus.NameError => new([], IsFault: false, "no key is published"),

            // Not in the words of the resolver: they name it, and these go into the message.
            DnsStatus.Timeout => new([], IsFault: true, "the DNS did not answer for the key in time"),
            _ => new([], IsFault: true, "the DNS failed to answer for the key"),
        };
    }

    private static DkimKeysFound Read(IReadOnlyList<DnsRecord> answer)
    {
        List<DkimKeyRecord> records = [];
        var reason = "no key is published";
        var texts = answer.Count == 1 ? answer.Select(record => record.Text ?? "") : answer.Select(record => record.Text ?? "").Order(StringComparer.Ordinal).Take(MaxParsed);
        foreach (var text in texts)
        {
            if (records.Count == MaxRecords)
            {
                break;
            }

            if (DkimKeyRecord.TryParse(Encoding.Latin1.GetBytes(text), out var record, out var error))
            {
                records.Add(record);
            }
            else
            {
                reason = $"the key record can't be used: {error}";
            }
        }

        return new(records, IsFault: false, reason);
    }
}
