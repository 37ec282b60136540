using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Authentication.Dkim;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Mailkey.Policy.State;
using Mailkey.Verifier.Telemetry;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Agreements.Replays;

/// <summary>
/// Keeps those who got a signed message of a forwarder from using up the agreements of others with it: DKIM does not say who a message is for, or
/// how often (RFC 6376 §8.6). It knows which signatures were taken for which recipients, from memory alone; what was taken more than once is
/// written behind and read back, so that all verifiers know it within seconds.
/// </summary>
public sealed class ReplayGuard : WriteBehind
{
    /// <summary>
    /// Repetitions under one agreement on one day, whatever the rate is. Forwarders that lost a reply don't need more; and it is well below what
    /// would look like sudden volume, since who has a hundred messages could send each of them again a few times.
    /// </summary>
    public const int MaxRepetitionsOnOneDay = 10;

    /// <summary>The part of the day's rate that repetitions may have.</summary>
    private const int RatePart = 10;

    private const int BatchSize = 1000;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    // A transaction takes less from its clock to its end; so no change of others is overlooked.
    private static readonly TimeSpan Overlap = TimeSpan.FromSeconds(10);

    private readonly TakenSignaturesTable _table;
    private readonly IReplayAlarms _alarms;
    private readonly AgreementsSmtpOptions _options;
    private readonly TakenSignatures _taken;
    private DateTimeOffset? _read;

    public ReplayGuard(TakenSignaturesTable table, IReplayAlarms alarms, IOptions<MailkeyOptions> options, TimeProvider time, ILogger<ReplayGuard> logger)
        : base("Signatures taken under agreements", Interval, time, logger)
    {
        _table = table;
        _alarms = alarms;
        _options = options.Value.Agreements.Smtp;
        _taken = new(_options.ReplayEntries, _options.ReplayMemory, time);
    }

    /// <summary>Signatures and days that this process remembers.</summary>
    public int Remembered => _taken.Count;

    /// <summary>Takes a message that comes under an agreement because of its DKIM signatures alone. Asks nobody.</summary>
    /// <param name="copy">Why it is not taken; null when it is.</param>
    /// <returns>What <see cref="Settle"/> wants; null for nothing.</returns>
    public UInt128[]? Take(MessageReceived message, AgreementInForce agreement, IReadOnlyList<DkimFinding> signatures, out Copy? copy)
    {
        copy = null;
        if (_options.ReplayEntries == 0)
        {
            return null;
        }

        Span<UInt128> keys = stackalloc UInt128[DkimVerifier.MaxSignatures];
        var (count, isOld) = (0, true);
        foreach (var signature in signatures)
        {
            if (signature.Fingerprint is { } fingerprint && count < keys.Length && DkimRules.Covers(signature.Domain, agreement.Forwarder))
            {
                keys[count++] = KeyOf(fingerprint, agreement.Recipient);
                isOld &= signature.SignedAt + _options.ReplayMemory < message.ReceivedAt;
            }
        }

        if (count == 0)
        {
            return null;
        }

        // Whether it was taken has been forgotten.
        if (isOld)
        {
            copy = new("signed longer ago than is remembered", IsRepetition: false);
            return null;
        }

        var day = StateKey.Of("agreement-repetitions", agreement.Id, message.ReceivedAt.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        var taken = _taken.Take(keys[..count], day.Bits, _options.Repetitions, OnOneDay(agreement.Terms));
        copy = taken is null ? new("the same DKIM signature came for this recipient too often", IsRepetition: true) : null;
        return taken;
    }

    /// <summary>Ends what <see cref="Take"/> began.</summary>
    public void Settle(UInt128[] taken, bool accepted) => _taken.Settle(taken, accepted);

    /// <summary>Counts a copy that is not the forwarder's, and raises the alarm.</summary>
    public void Report(MessageReceived message, AgreementInForce agreement, Copy copy)
    {
        AgreementMetrics.Replayed(agreement.Forwarder, copy.IsRepetition);
        if (copy.IsRepetition)
        {
            _alarms.Raise(agreement.Id, message.QueueId, message.Connection.ClientAddress);
        }
    }

    protected override async Task WriteNewAsync(CancellationToken cancellationToken)
    {
        while (_taken.Unwritten(BatchSize) is { Count: > 0 } changes)
        {
            await _table.AddAsync(changes, cancellationToken);
            foreach (var (key, taken) in changes)
            {
                _taken.Written(key, taken);
            }
        }

        var after = _read - Overlap;
        while (true)
        {
            var (changes, last) = await _table.ReadAsync(after, _options.ReplayMemory, BatchSize, cancellationToken);
            foreach (var (key, taken) in changes)
            {
                _taken.Learn(key, taken);
            }

            _read = last ?? _read;
            after = last;
            if (changes.Count < BatchSize)
            {
                break;
            }
        }
    }

    protected override Task PruneAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        _table.PruneAsync(_options.ReplayMemory, Math.Max(1, _options.ReplayEntries), cancellationToken);

    private int OnOneDay(AgreementTerms terms) => Math.Max(_options.Repetitions, Math.Min(terms.Rate / RatePart, MaxRepetitionsOnOneDay));

    // The mailbox, however the envelope writes it. No addresses are kept.
    private static UInt128 KeyOf(UInt128 fingerprint, string recipient)
    {
        const int size = 16;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> octets = stackalloc byte[512];
        octets = Encoding.UTF8.GetByteCount(recipient) is var length && size + length <= octets.Length ? octets[..(size + length)] : new byte[size + length];
        BinaryPrimitives.WriteUInt128BigEndian(octets, fingerprint);
        Encoding.UTF8.GetBytes(recipient, octets[size..]);
        SHA256.HashData(octets, hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }
}

/// <summary>Why the DKIM signature of a message does not speak for an agreement.</summary>
/// <param name="Reason">One ASCII line for a person.</param>
/// <param name="IsRepetition">Whether it came before; else nobody can tell.</param>
public sealed record Copy(string Reason, bool IsRepetition);
