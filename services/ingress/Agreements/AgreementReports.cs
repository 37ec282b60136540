using System.Threading.Channels;
using Mailkey.Contracts.Agreements;
using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Mailkey.Ingress.Smtp;
using Mailkey.Ingress.Telemetry;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Agreements;

/// <summary>
/// Counts accepted messages by agreement and day and reports the counts now and then; reports misuse at once. A process that is killed takes
/// the counts of its last interval with it.
/// </summary>
internal sealed class AgreementReports(IOptions<MailkeyOptions> options, IBus bus, ServiceIdentity identity, TimeProvider time, ILogger<AgreementReports> logger)
    : BackgroundService, IAgreementReports
{
    /// <summary>Misuse that waits for the broker; beyond it the oldest is dropped, as it was counted in the metrics.</summary>
    private const int MaxWaiting = 10_000;

    /// <summary>Uses in one bus message.</summary>
    private const int MaxUses = 1000;

    private static readonly TimeSpan PublishTimeout = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Id, DateOnly Day), int> _counts = [];
    private readonly HashSet<(string Id, DateOnly Day)> _changed = [];
    private readonly Channel<AgreementMisused> _misuse = Channel.CreateBounded<AgreementMisused>(
        new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    // A process id comes again; a start does not.
    private readonly string _source = $"{identity.Instance}-{Guid.NewGuid():N}";

    public void Used(string agreementId, string forwarder, string clientAddress)
    {
        IngressMetrics.AgreementUsed(forwarder, Network(clientAddress));
        var key = (agreementId, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime));
        lock (_gate)
        {
            _counts[key] = _counts.GetValueOrDefault(key) + 1;
            _changed.Add(key);
        }
    }

    public void Misused(string agreementId, string kind, string queueId, string clientAddress, string? forwarder)
    {
        IngressMetrics.AgreementMisused(kind, forwarder, Network(clientAddress));
        logger.LogWarning("{QueueId}: {Kind} of agreement {Agreement} by {Client}", queueId, kind, agreementId, clientAddress);
        _misuse.Writer.TryWrite(new() { AgreementId = agreementId, Kind = kind, QueueId = queueId, ClientAddress = clientAddress, At = time.GetUtcNow() });
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await ReportAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var misuse = ReportMisuseAsync(stoppingToken);
        using var timer = new PeriodicTimer(options.Value.Agreements.Smtp.ReportInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await ReportAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping
        }

        await misuse;
    }

    private async Task ReportMisuseAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var misused in _misuse.Reader.ReadAllAsync(stoppingToken))
            {
                while (!await PublishAsync(misused, stoppingToken))
                {
                    await Task.Delay(PublishTimeout, time, stoppingToken);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping
        }
    }

    private async Task ReportAsync(CancellationToken cancellationToken)
    {
        foreach (var uses in Take().Chunk(MaxUses))
        {
            if (!await PublishAsync(new AgreementsUsed { Source = _source, Uses = uses }, cancellationToken))
            {
                lock (_gate)
                {
                    _changed.UnionWith(uses.Select(use => (use.AgreementId, use.Day)));
                }
            }
        }
    }

    private List<AgreementUse> Take()
    {
        lock (_gate)
        {
            // Of days that are over nothing more can come, once it was reported: not before, for the broker may have been away since.
            var yesterday = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime).AddDays(-1);
            foreach (var key in _counts.Keys.Where(key => key.Day < yesterday && !_changed.Contains(key)).ToList())
            {
                _counts.Remove(key);
            }

            List<AgreementUse> uses = [.. _changed.Select(key => new AgreementUse { AgreementId = key.Id, Day = key.Day, Messages = _counts[key] })];
            _changed.Clear();
            return uses;
        }
    }

    private async Task<bool> PublishAsync<T>(T report, CancellationToken cancellationToken)
        where T : class
    {
        using var timeout = new CancellationTokenSource(PublishTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            await bus.Publish(report, either.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            logger.LogWarning("A report about agreements waits for the broker: {Reason}", e.Message);
            return false;
        }
    }

    private static string Network(string clientAddress) =>
        System.Net.IPAddress.TryParse(clientAddress, out var address) ? ClientNetwork.Of(address).ToString() : "unknown";
}
