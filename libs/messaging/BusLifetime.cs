using MassTransit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Mailkey.Messaging;

/// <summary>
/// Starts the bus when there is a broker, and stops it. In the place of MassTransit's own service, which would try at once, tell
/// each failure with its stack, and wait longer and longer in between. The service is not ready before the bus is: its health
/// check says so.
/// </summary>
internal sealed class BusLifetime(IBusDepot depot, BrokerArrival broker, IOptions<MassTransitHostOptions> options) : IHostedService, IAsyncDisposable
{
    private readonly CancellationTokenSource giveUp = new();

    // Not the token that ends the waiting: a start that has begun is ended by the stop of the bus.
    private readonly CancellationTokenSource never = new();

    private bool begun;
    private Task starting = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        starting = WaitAndStartAsync();
        return options.Value.WaitUntilStarted
            ? starting.WaitAsync(options.Value.StartTimeout ?? Timeout.InfiniteTimeSpan, cancellationToken)
            : Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await giveUp.CancelAsync();
        if (!Volatile.Read(ref begun))
        {
            return;
        }

        Volatile.Write(ref begun, false);
        await (options.Value.StopTimeout is { } limit ? depot.Stop(limit, cancellationToken) : depot.Stop(cancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        giveUp.Dispose();
        never.Dispose();
    }

    private async Task WaitAndStartAsync()
    {
        try
        {
            await broker.WaitAsync(giveUp.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        if (giveUp.IsCancellationRequested)
        {
            return;
        }

        Volatile.Write(ref begun, true);
        await depot.Start(never.Token);
    }
}
