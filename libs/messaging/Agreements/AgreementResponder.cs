using System.Text.Json;
using Mailkey.Contracts.Agreements;
using Mailkey.Ledger.Publication;
using Mailkey.Messaging.Verdicts;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Mailkey.Messaging.Agreements;

/// <summary>The answering end of look-ups, and where changes are announced.</summary>
internal sealed class AgreementResponder(BrokerLink link, IAgreementFinder finder, ILogger<AgreementResponder> logger)
    : BackgroundService, IAgreementAnnouncer, IHealthCheck
{
    /// <summary>Questions that are answered at the same time: about as many connections as a pool to the database has to spare.</summary>
    private const int Concurrency = 32;

    private readonly SemaphoreSlim _places = new(Concurrency);
    private readonly SemaphoreSlim _announcing = new(1);
    private volatile IChannel? _announcements;

    public async Task AnnounceAsync(AgreementsChanged changed, CancellationToken cancellationToken)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(changed, AgreementJson.Default.AgreementsChanged);
        await _announcing.WaitAsync(cancellationToken);
        try
        {
            var channel = _announcements ?? throw new EventsNotPublishedException("no connection to the broker");
            await channel.BasicPublishAsync(
                AgreementProtocol.Changes, "", mandatory: false, new BasicProperties { ContentType = "application/json" }, body, cancellationToken);
        }
        catch (Exception e) when (e is AlreadyClosedException or OperationInterruptedException or PublishException or IOException)
        {
            throw new EventsNotPublishedException(e.Message, e);
        }
        finally
        {
            _announcing.Release();
        }
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_announcements is null ? HealthCheckResult.Unhealthy("No connection to the broker.") : HealthCheckResult.Healthy());

    public override void Dispose()
    {
        _places.Dispose();
        _announcing.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => link.RunAsync("agreements", UseAsync, stoppingToken);

    private async Task UseAsync(IConnection connection, CancellationToken lost)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(lost);
        await using var announcements = await connection.CreateChannelAsync(
            new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), lost);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: lost);
        VerdictProtocol.CancelWith(channel, ended);
        VerdictProtocol.CancelWith(announcements, ended);
        await AgreementProtocol.DeclareQueueAsync(channel, lost);
        await AgreementProtocol.DeclareChangesAsync(channel, lost);
        await channel.BasicQosAsync(0, Concurrency, global: false, lost);
        using var publishing = new SemaphoreSlim(1);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += (_, delivery) => StartAsync(channel, publishing, delivery, ended.Token);
        consumer.UnregisteredAsync += (_, _) => ended.CancelAsync();
        await channel.BasicConsumeAsync(AgreementProtocol.Queue, autoAck: false, consumer, lost);
        _announcements = announcements;
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, ended.Token);
        }
        finally
        {
            _announcements = null;

            // Those that are being answered use the channel until they are done.
            for (var i = 0; i < Concurrency; i++)
            {
                await _places.WaitAsync(CancellationToken.None);
            }

            _places.Release(Concurrency);
        }
    }

    private async Task StartAsync(IChannel channel, SemaphoreSlim publishing, BasicDeliverEventArgs delivery, CancellationToken lost)
    {
        IReadOnlyList<string> keys = [];
        try
        {
            keys = JsonSerializer.Deserialize(delivery.Body.Span, AgreementJson.Default.FindAgreements)?.Keys ?? [];
        }
        catch (JsonException e)
        {
            logger.LogError(e, "A question about agreements could not be read");
        }

        var (tag, replyTo, id) = (delivery.DeliveryTag, delivery.BasicProperties.ReplyTo, delivery.BasicProperties.CorrelationId);
        await _places.WaitAsync(lost);

        // Not awaited: the next question must not wait for this one's database.
        _ = AnswerAsync(channel, publishing, tag, replyTo, id, keys, lost);
    }

    private async Task AnswerAsync(
        IChannel channel, SemaphoreSlim publishing, ulong tag, string? replyTo, string? id, IReadOnlyList<string> keys, CancellationToken lost)
    {
        try
        {
            var answers = keys.Count is 0 or > AgreementProtocol.MaxKeys ? null : await FindAsync(keys, lost);
            var body = JsonSerializer.SerializeToUtf8Bytes(new AgreementsFound { Answers = answers }, AgreementJson.Default.AgreementsFound);
            await publishing.WaitAsync(lost);
            try
            {
                await channel.BasicAckAsync(tag, multiple: false, lost);
                if (replyTo is not null)
                {
                    await channel.BasicPublishAsync(
                        "", replyTo, mandatory: false, new BasicProperties { CorrelationId = id, ContentType = "application/json" }, body, lost);
                }
            }
            finally
            {
                publishing.Release();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or AlreadyClosedException or OperationInterruptedException or IOException)
        {
            // Whoever asked has given up by the time-out, or will.
            logger.LogDebug("An answer about agreements was lost with the broker");
        }
        finally
        {
            _places.Release();
        }
    }

    private async ValueTask<IReadOnlyList<AgreementFound>?> FindAsync(IReadOnlyList<string> keys, CancellationToken lost)
    {
        try
        {
            return await finder.FindAsync(keys, lost);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A fault of ours must not keep the place of a question for ever; its client is told to come later.
            logger.LogError(e, "A look-up of agreements failed");
            return null;
        }
    }
}
