using System.Buffers;
using System.Text.Json;
using System.Threading.Channels;
using Mailkey.Contracts;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Mailkey.Messaging.Verdicts;

/// <summary>
/// Takes batches off the queue and answers each message when its verdict is ready: those that need no network at once and
/// together, slow ones by themselves. A batch is acknowledged when all of it is answered; if this process dies before,
/// another verifier gets it. Only so many can wait like this: those that are slow beyond it are acknowledged at once, so
/// that senders with slow name servers never use up what the broker hands out. What that costs is one 451 if we die.
/// </summary>
internal sealed class VerdictResponder(IOptions<MailkeyOptions> options, BrokerLink link, IVerdictGiver giver, ILogger<VerdictResponder> logger)
    : BackgroundService, IHealthCheck
{
    private readonly int maxHeld = options.Value.Verdict.Concurrency / 2;
    private int held;
    private volatile bool connected;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(connected ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("No connection to the broker."));

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => link.RunAsync("verdicts", UseAsync, stoppingToken);

    private async Task UseAsync(IConnection connection, CancellationToken lost)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(lost);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: lost);
        VerdictProtocol.CancelWith(channel, ended);
        await VerdictProtocol.DeclareAsync(channel, lost);
        await channel.BasicQosAsync(0, (ushort)options.Value.Verdict.Concurrency, global: false, lost);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += (_, delivery) => StartAsync(channel, delivery, lost);

        // The broker cancels a consumer whose queue somebody deletes.
        consumer.UnregisteredAsync += (_, _) => ended.CancelAsync();
        await channel.BasicConsumeAsync(VerdictProtocol.Queue, autoAck: false, consumer, lost);
        connected = true;
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, ended.Token);
        }
        finally
        {
            connected = false;
        }
    }

    private async Task StartAsync(IChannel channel, BasicDeliverEventArgs delivery, CancellationToken lost)
    {
        MessageReceivedBatch? batch = null;
        try
        {
            batch = JsonSerializer.Deserialize(delivery.Body.Span, VerdictJson.Default.MessageReceivedBatch);
        }
        catch (JsonException e)
        {
            logger.LogError(e, "A request could not be read; its client gets 451 by time-out");
        }

        var replyTo = delivery.BasicProperties.ReplyTo;
        if (batch is null || replyTo is null)
        {
            await channel.BasicAckAsync(delivery.DeliveryTag, multiple: false, lost);
            return;
        }

        List<MessageVerified> ready = new(batch.Messages.Count);
        List<Task<MessageVerified?>>? slow = null;
        foreach (var message in batch.Messages)
        {
            var judging = JudgeAsync(message, lost);
            if (judging.IsCompletedSuccessfully)
            {
                if (judging.Result is { } verified)
                {
                    ready.Add(verified);
                }
            }
            else
            {
                (slow ??= []).Add(judging.AsTask());
            }
        }

        if (ready.Count > 0)
        {
            await ReplyAsync(channel, replyTo, ready, lost);
        }

        if (slow is null)
        {
            await channel.BasicAckAsync(delivery.DeliveryTag, multiple: false, lost);
        }
        else
        {
            var isHeld = Interlocked.Increment(ref held) <= maxHeld;
            if (!isHeld)
            {
                Interlocked.Decrement(ref held);
                await channel.BasicAckAsync(delivery.DeliveryTag, multiple: false, lost);
            }

            // Not awaited: the next batch must not wait for this one's DNS. How many there can be is bounded by the sessions of
            // ingress, each of which asks one question, and gives up after a time.
            _ = FinishAsync(channel, isHeld ? delivery.DeliveryTag : null, replyTo, slow, lost);
        }
    }

    private async ValueTask<MessageVerified?> JudgeAsync(MessageReceived message, CancellationToken lost)
    {
        try
        {
            return await giver.JudgeAsync(message, lost);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (Exception e)
        {
            // A fault of ours in one message must not take its neighbours along; its client gets 451 by time-out.
            logger.LogError(e, "{QueueId}: judging failed", message.QueueId);
            return null;
        }
    }

    private async Task FinishAsync(IChannel channel, ulong? heldTag, string replyTo, List<Task<MessageVerified?>> slow, CancellationToken lost)
    {
        try
        {
            await foreach (var judged in Task.WhenEach(slow).WithCancellation(lost))
            {
                if (await judged is { } verified)
                {
                    await ReplyAsync(channel, replyTo, [verified], lost);
                }
            }

            if (heldTag is { } tag)
            {
                await channel.BasicAckAsync(tag, multiple: false, lost);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or RabbitMQ.Client.Exceptions.AlreadyClosedException or IOException)
        {
            logger.LogInformation("The broker was lost with {Count} verdicts under way", slow.Count);
        }
        finally
        {
            if (heldTag is not null)
            {
                Interlocked.Decrement(ref held);
            }
        }
    }

    private static async Task ReplyAsync(IChannel channel, string replyTo, List<MessageVerified> verdicts, CancellationToken lost)
    {
        var buffer = new ArrayBufferWriter<byte>(1024 * verdicts.Count);
        using (var json = new Utf8JsonWriter(buffer))
        {
            JsonSerializer.Serialize(json, new MessageVerifiedBatch { Messages = verdicts }, VerdictJson.Default.MessageVerifiedBatch);
        }

        await channel.BasicPublishAsync("", replyTo, mandatory: false, new BasicProperties { ContentType = "application/json" }, buffer.WrittenMemory, lost);
    }
}
