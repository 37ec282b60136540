using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
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
/// Asks verifiers for verdicts. Questions of concurrent sessions share a bus message (<see cref="Coalescer{T}"/>); each gets
/// its own answer as soon as it is judged, so one slow sender domain delays nobody else.
/// </summary>
internal sealed class VerdictRequester : BackgroundService, IVerdictRequester, IHealthCheck
{
    /// <summary>Least time between two requests while sessions are many.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private readonly ConcurrentDictionary<string, Question> pending = new(StringComparer.Ordinal);
    private readonly Coalescer<Question> outgoing;
    private readonly VerdictOptions verdict;
    private readonly BrokerLink link;
    private readonly TimeProvider time;
    private readonly ILogger<VerdictRequester> logger;
    private readonly ArrayBufferWriter<byte> buffer = new(64 * 1024);
    private readonly Utf8JsonWriter json;
    private readonly BasicProperties properties;
    private volatile IChannel? channel;
    private int waiting;

    public VerdictRequester(IOptions<MailkeyOptions> options, BrokerLink link, TimeProvider time, ILogger<VerdictRequester> logger)
    {
        verdict = options.Value.Verdict;
        (this.link, this.time, this.logger) = (link, time, logger);
        json = new Utf8JsonWriter(buffer);
        outgoing = new(verdict.MaxBatch, Pace, time, PublishAsync, static question => BatchWeight.Of(question.Message), BatchWeight.Max, () => waiting);
        properties = new BasicProperties
        {
            ReplyTo = VerdictProtocol.ReplyTo,
            Expiration = ((long)verdict.Timeout.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
            ContentType = "application/json",
        };
    }

    public int Waiting => waiting;

    public async ValueTask<MessageVerified?> AskAsync(MessageReceived message, CancellationToken cancellationToken)
    {
        if (channel is null)
        {
            return null;
        }

        var question = new Question(message);
        if (!pending.TryAdd(message.QueueId, question))
        {
            throw new InvalidOperationException($"{message.QueueId} is asked for already.");
        }

        Interlocked.Increment(ref waiting);
        try
        {
            outgoing.Add(question);
            return await question.Answer.Task.WaitAsync(verdict.Timeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            logger.LogWarning("{QueueId}: no verdict within {Seconds} s", message.QueueId, verdict.Timeout.TotalSeconds);
            return null;
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
            pending.TryRemove(message.QueueId, out _);
            question.Answer.TrySetResult(null);
        }
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(channel is null ? HealthCheckResult.Unhealthy("No connection to the broker.") : HealthCheckResult.Healthy());

    public override void Dispose()
    {
        json.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => link.RunAsync("verdict requests", UseAsync, stoppingToken);

    private async Task UseAsync(IConnection connection, CancellationToken lost)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(lost);
        await using var own = await connection.CreateChannelAsync(cancellationToken: lost);
        VerdictProtocol.CancelWith(own, ended);
        await VerdictProtocol.DeclareAsync(own, lost);
        var consumer = new AsyncEventingBasicConsumer(own);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            Take(delivery.Body.Span);
            return Task.CompletedTask;
        };

        // The reply-to pseudo-queue takes no acknowledgements.
        await own.BasicConsumeAsync(VerdictProtocol.ReplyTo, autoAck: true, consumer, lost);
        channel = own;
        try
        {
            await outgoing.RunAsync(ended.Token);
        }
        finally
        {
            channel = null;

            // Replies died with the channel: whoever waits gets its 451 now, not at the time-out.
            outgoing.Clear();
            foreach (var question in pending.Values)
            {
                question.Answer.TrySetResult(null);
            }
        }
    }

    private async ValueTask PublishAsync(List<Question> batch)
    {
        var messages = new MessageReceived[batch.Count];
        for (var i = 0; i < messages.Length; i++)
        {
            messages[i] = batch[i].Message;
        }

        buffer.ResetWrittenCount();
        json.Reset();
        JsonSerializer.Serialize(json, new MessageReceivedBatch { Messages = messages }, VerdictJson.Default.MessageReceivedBatch);
        if (channel is { } open)
        {
            await open.BasicPublishAsync("", VerdictProtocol.Queue, mandatory: false, properties, buffer.WrittenMemory);
        }
    }

    private void Take(ReadOnlySpan<byte> body)
    {
        MessageVerifiedBatch? batch;
        try
        {
            batch = JsonSerializer.Deserialize(body, VerdictJson.Default.MessageVerifiedBatch);
        }
        catch (JsonException e)
        {
            logger.LogError(e, "A verdict could not be read");
            return;
        }

        foreach (var message in batch!.Messages)
        {
            if (pending.TryGetValue(message.QueueId, out var question))
            {
                question.Answer.TrySetResult(message);
            }
        }
    }

    private sealed record Question(MessageReceived Message)
    {
        public TaskCompletionSource<MessageVerified?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
