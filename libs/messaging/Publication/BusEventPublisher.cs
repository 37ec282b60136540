using System.Text.Json;
using Mailkey.Contracts.Agreements;
using Mailkey.Ledger.Chain;
using Mailkey.Ledger.Events;
using Mailkey.Ledger.Publication;
using MassTransit;

namespace Mailkey.Messaging.Publication;

/// <summary>
/// Publishes <see cref="LedgerEventsCommitted"/>, one bus message after another: the next leaves when the broker has the one before on the
/// disks of its quorum.
/// </summary>
public sealed class BusEventPublisher(IBus bus, TimeProvider time) : IEventPublisher
{
    /// <summary>Octets of events in one bus message; see <see cref="BatchWeight.Max"/>. One event alone may have more.</summary>
    private const long MaxWeight = BatchWeight.Max;

    /// <summary>What an event weighs besides its data.</summary>
    private const long FixedWeight = 512;

    /// <summary>A publish waits while the broker is away. No longer than this: a transaction is open meanwhile.</summary>
    private static readonly TimeSpan ConfirmTimeout = TimeSpan.FromSeconds(15);

    public async Task PublishAsync(string ledger, IReadOnlyList<LedgerEvent> events, CancellationToken cancellationToken)
    {
        List<LedgerEventCommitted> together = [];
        var weight = 0L;
        foreach (var (stored, _) in events)
        {
            var own = FixedWeight + stored.Data.Length;
            if (together.Count > 0 && weight + own > MaxWeight)
            {
                await SendAsync(ledger, together, cancellationToken);
                together = [];
                weight = 0;
            }

            var headers = EventHeaders.Read(stored.Headers);
            using var data = JsonDocument.Parse(stored.Data);
            together.Add(new()
            {
                Id = stored.Id,
                StreamId = stored.StreamId,
                Version = stored.Version,
                Position = stored.Position,
                Type = stored.Type,
                At = stored.At,
                Actor = headers?.Actor,
                Cause = headers?.Cause,
                Data = data.RootElement.Clone(),
            });
            weight += own;
        }

        await SendAsync(ledger, together, cancellationToken);
    }

    private async Task SendAsync(string ledger, List<LedgerEventCommitted> events, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(ConfirmTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            await bus.Publish(new LedgerEventsCommitted { Ledger = ledger, Events = events }, either.Token);
        }
        catch (Exception e) when (e is not OutOfMemoryException && !cancellationToken.IsCancellationRequested)
        {
            // Whatever the reason is, the checkpoint stays and the same events come again.
            throw new EventsNotPublishedException(timeout.IsCancellationRequested ? $"no confirmation within {ConfirmTimeout.TotalSeconds:0} s" : e.Message, e);
        }
    }
}
