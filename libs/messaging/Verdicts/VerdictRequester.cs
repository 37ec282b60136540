using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
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
/// Asks verifiers for verdicts. Questions of concurrent sessions share a bus message: the first goes out at once, and
/// while answers are awaited the next ones gather. A batch is held back for <see cref="MaxGather"/> at most, so one slow
/// sender domain delays nobody else.
/// </summary>
internal sealed class VerdictRequester(IOptions<MailkeyOptions> options, BrokerLink link, TimeProvider time, ILogger<VerdictRequester> logger)
    : BackgroundService, IVerdictRequester, IHealthCheck
{
    /// <summary>Batches that may be unanswered before the next one waits for company.</summary>
    private const int Window = 2;

    private static readonly TimeSpan MaxGather = TimeSpan.FromMilliseconds(2);

    private readonly VerdictOptions verdict = options.Value.Verdict;
    private readonly ConcurrentDictionary<string, Question> pending = new(StringComparer.Ordinal);
    private readonly Channel<Question> outgoing = Channel.CreateUnbounded<Question>(new() { SingleReader = true });
    private readonly SemaphoreSlim answered = new(0);
    private volatile bool connected;
    private int unanswered;

    public async ValueTask<MessageVerified?> AskAsync(MessageReceived message, CancellationToken cancellationToken)
    {
        if (!connected)
        {
            return null;
        }

        var question = new Question(message);
        if (!pending.TryAdd(message.QueueId, question))
        {
            throw new InvalidOperationException($"{message.QueueId} is asked for already.");
        }

        try
        {
            outgoing.Writer.TryWrite(question);
            return await question.Answer.Task.WaitAsync(verdict.Timeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            logger.LogWarning("{QueueId}: no verdict within {Seconds} s", message.QueueId, verdict.Timeout.TotalSeconds);
            return null;
        }
        finally
        {
            pending.TryRemove(message.QueueId, out _);
            Free(question);
        }
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(connected ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("No connection to the broker."));

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => link.RunAsync("verdict requests", UseAsync, stoppingToken);

    private async Task UseAsync(IConnection connection, CancellationToken lost)
    {
        await using var channel = await connection.CreateChannelAsync(cancellationToken: lost);
        await VerdictProtocol.DeclareAsync(channel, lost);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            Take(delivery.Body.Span);
            return Task.CompletedTask;
        };

        // The reply-to pseudo-queue takes no acknowledgements.
        await channel.BasicConsumeAsync(VerdictProtocol.ReplyTo, autoAck: true, consumer, lost);
        unanswered = 0;
        connected = true;
        try
        {
            await SendAsync(channel, lost);
        }
        finally
        {
            connected = false;

            // Replies died with the channel: whoever waits gets its 451 now, not at the time-out.
            while (outgoing.Reader.TryRead(out _))
            {
            }

            foreach (var question in pending.Values)
            {
                question.Answer.TrySetResult(null);
            }
        }
    }

    private async Task SendAsync(IChannel channel, CancellationToken lost)
    {
        var batch = new List<MessageReceived>(verdict.MaxBatch);
        var buffer = new ArrayBufferWriter<byte>(64 * 1024);
        using var json = new Utf8JsonWriter(buffer);
        var properties = new BasicProperties
        {
            ReplyTo = VerdictProtocol.ReplyTo,
            Expiration = ((long)verdict.Timeout.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
            ContentType = "application/json",
        };
        while (await outgoing.Reader.WaitToReadAsync(lost))
        {
            if (Volatile.Read(ref unanswered) >= Window && outgoing.Reader.Count < verdict.MaxBatch)
            {
                await answered.WaitAsync(MaxGather, lost);
            }

            Question? first = null;
            batch.Clear();
            while (batch.Count < verdict.MaxBatch && outgoing.Reader.TryRead(out var question))
            {
                first ??= question;
                batch.Add(question.Message);
            }

            if (first is null)
            {
                continue;
            }

            // One question stands for its batch: its answer frees the place in the window.
            first.EnterWindow();
            Interlocked.Increment(ref unanswered);
            buffer.ResetWrittenCount();
            json.Reset();
            JsonSerializer.Serialize(json, new MessageReceivedBatch { Messages = batch }, VerdictJson.Default.MessageReceivedBatch);
            await channel.BasicPublishAsync("", VerdictProtocol.Queue, mandatory: false, properties, buffer.WrittenMemory, lost);
        }
    }

    private void Free(Question question)
    {
        if (question.TryLeaveWindow())
        {
            Interlocked.Decrement(ref unanswered);
            if (answered.CurrentCount == 0)
            {
                answered.Release();
            }
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
                Free(question);
                question.Answer.TrySetResult(message);
            }
        }
    }

    private sealed class Question(MessageReceived message)
    {
        private int inWindow;

        public MessageReceived Message { get; } = message;

        public TaskCompletionSource<MessageVerified?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void EnterWindow() => Volatile.Write(ref inWindow, 1);

        public bool TryLeaveWindow() => Interlocked.Exchange(ref inWindow, 0) == 1;
    }
}
