using System.Net;
using Mailkey.Contracts.Journal;
using Mailkey.Hosting.Options;
using Mailkey.Ingress.Smtp;
using Mailkey.Ingress.Telemetry;
using Mailkey.Messaging.Journal;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Intake;

/// <summary>
/// Writes refused transactions to the journal. A refusal before the content costs a client a few octets and us an event that is kept
/// for months: of those a client network gets so many in a minute, and of the rest the number is written. What a verifier has judged
/// is always written: its sender sent a whole message for it, and forecasts of a policy count it.
/// </summary>
internal sealed class RefusalJournal(IOptions<MailkeyOptions> options, IJournal journal, TimeProvider time, ILogger<RefusalJournal> logger) : BackgroundService
{
    /// <summary>Networks that are counted one by one; all others together.</summary>
    internal const int MaxNetworks = 100_000;

    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(10);

    private readonly int _most = options.Value.Smtp.MaxJournalledRefusalsPerNetwork;
    private readonly Dictionary<ClientNetwork, Minute> _minutes = [];
    private readonly Minute _others = new();
    private readonly Lock _gate = new();

    /// <summary>Notes a refusal; returns at once.</summary>
    public void Note(string queueId, TransactionRefused refused)
    {
        if (refused.Verdict is not null || _most == 0)
        {
            journal.Append(queueId, refused);
            return;
        }

        RefusalsLeftOut? before;
        string last;
        bool isTaken;
        lock (_gate)
        {
            var minute = Of(refused.Connection.ClientAddress, out var network);
            (before, last) = (End(minute, network, mustEnd: false), minute.LastQueueId);
            isTaken = minute.Take(queueId, _most, time.GetUtcNow());
        }

        Write(last, before);
        if (isTaken)
        {
            journal.Append(queueId, refused);
        }
        else
        {
            IngressMetrics.RefusalLeftOut();
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Sweep(all: true);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(SweepInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                Sweep(all: false);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping
        }
    }

    // Writes what the minutes that are over left out, and forgets them.
    private void Sweep(bool all)
    {
        List<(string QueueId, RefusalsLeftOut LeftOut)> ended = [];
        lock (_gate)
        {
            foreach (var (network, minute) in _minutes)
            {
                if (!all && !IsOver(minute))
                {
                    continue;
                }

                if (End(minute, network, mustEnd: true) is { } leftOut)
                {
                    ended.Add((minute.LastQueueId, leftOut));
                }

                _minutes.Remove(network);
            }

            if (End(_others, null, mustEnd: all) is { } rest)
            {
                ended.Add((_others.LastQueueId, rest));
            }
        }

        foreach (var (queueId, leftOut) in ended)
        {
            Write(queueId, leftOut);
        }
    }

    private Minute Of(string clientAddress, out ClientNetwork? network)
    {
        network = IPAddress.TryParse(clientAddress, out var address) ? ClientNetwork.Of(address) : null;
        if (network is not { } known)
        {
            return _others;
        }

        if (_minutes.TryGetValue(known, out var minute))
        {
            return minute;
        }

        if (_minutes.Count >= MaxNetworks)
        {
            network = null;
            return _others;
        }

        _minutes.Add(known, minute = new());
        return minute;
    }

    private bool IsOver(Minute minute) => minute.Began is { } began && time.GetUtcNow() - began >= Period;

    private RefusalsLeftOut? End(Minute minute, ClientNetwork? network, bool mustEnd)
    {
        if (!mustEnd && !IsOver(minute))
        {
            return null;
        }

        var leftOut = minute.LeftOut == 0 ? null : new RefusalsLeftOut { Network = network?.ToString() ?? "", Count = minute.LeftOut, Since = minute.Began!.Value };
        minute.Clear();
        return leftOut;
    }

    private void Write(string queueId, RefusalsLeftOut? leftOut)
    {
        if (leftOut is not null)
        {
            logger.LogWarning("{Count} refused transactions of {Network} are not in the journal: more than {Most} in a minute, the last of them {QueueId}", leftOut.Count, leftOut.Network.Length > 0 ? leftOut.Network : "many networks", _most, queueId);
            journal.Append(queueId, leftOut);
        }
    }

    private sealed class Minute
    {
        private int _taken;

        /// <summary>Time of its first refusal; null when there was none.</summary>
        public DateTimeOffset? Began { get; private set; }

        public long LeftOut { get; private set; }

        /// <summary>The last transaction that was written; it stays when the minute ends.</summary>
        public string LastQueueId { get; private set; } = "";

        public bool Take(string queueId, int most, DateTimeOffset now)
        {
            Began ??= now;
            if (_taken >= most)
            {
                LeftOut++;
                return false;
            }

            _taken++;
            LastQueueId = queueId;
            return true;
        }

        public void Clear() => (_taken, Began, LeftOut) = (0, null, 0);
    }
}
