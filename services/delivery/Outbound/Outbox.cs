using System.Collections.Concurrent;
using Mailkey.Delivery.Maildir;
using Mailkey.Delivery.Routing;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Outbound;

/// <summary>All destinations that have mail now, or had lately.</summary>
#pragma warning disable CA1001 // A CancellationTokenSource without timer holds nothing, and attempts look at it until the process ends.
internal sealed class Outbox(
    ExchangerLookup lookup, MaildirDestination maildir, IOptions<MailkeyOptions> options, TimeProvider time, ILogger<Outbox> logger) : IHostedService
#pragma warning restore CA1001
{
    // Unreachable hosts are remembered; a sender of forged addresses can name any number of them.
    private const int MaxRemembered = 10_000;

    // Half of what a process may open on many systems (1024 files).
    private const int MaxExchangerConnections = 500;

    private readonly ExchangerConnections _places = new(MaxExchangerConnections);
    private readonly ConcurrentDictionary<NextHop, Destination> _destinations = new();
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Queues a transaction for its next hop; the outcomes come through it.</summary>
    public void Add(NextHop nextHop, OutgoingTransaction transaction)
    {
        while (true)
        {
            if (_stop.IsCancellationRequested)
            {
                transaction.Cancel(_stop.Token);
                return;
            }

            IDestination destination = nextHop.Kind == NextHopKind.Maildir ? maildir : _destinations.GetOrAdd(nextHop, Open);
            if (destination.TryAdd(transaction))
            {
                break;
            }
        }

        if (_destinations.Count > MaxRemembered)
        {
            foreach (var (_, destination) in _destinations)
            {
                destination.EndIfUnused();
            }
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Ends what is under way. The bus has stopped before, so only attempts that outlived their bus message are left.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _stop.CancelAsync();


    private Destination Open(NextHop nextHop) =>
        new(nextHop, lookup, options.Value.Delivery, options.Value.Hostname, time, logger, Ended, _places, _stop.Token);

    private void Ended(Destination destination) => _destinations.TryRemove(new(destination.NextHop, destination));
}
