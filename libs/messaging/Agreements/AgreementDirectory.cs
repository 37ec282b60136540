using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Mailkey.Contracts.Agreements;
using Mailkey.Hosting.Options;
using Mailkey.Messaging.Verdicts;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Mailkey.Messaging.Agreements;

/// <summary>
/// Looks agreements up over the bus and remembers the answers. What changed arrives on the same channel as the answers, through a queue of
/// this process alone: so as long as there is a channel nothing that was remembered is out of date for longer than a message takes, and
/// when there is none nothing is remembered at all.
/// </summary>
internal sealed class AgreementDirectory(IOptions<MailkeyOptions> options, BrokerLink link, TimeProvider time, ILogger<AgreementDirectory> logger)
    : BackgroundService, IAgreementDirectory
{
    private readonly AgreementsSmtpOptions _options = options.Value.Agreements.Smtp;
    private readonly ConcurrentDictionary<string, Question> _asked = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Question> _flights = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _publishing = new(1);
    private long _questions;
    private volatile Session? _session;

    public AgreementFound? Recall(string key) => _session?.Memory.Recall(key);

    public async ValueTask<AgreementFound?> FindAsync(string key, CancellationToken cancellationToken)
    {
        if (_session is { } session && session.Memory.Recall(key) is { } known)
        {
            return known;
        }

        return await FindAsync([key], cancellationToken) is [var found] ? found : null;
    }

    public async ValueTask<IReadOnlyList<AgreementFound>?> FindAsync(IReadOnlyList<string> keys, CancellationToken cancellationToken)
    {
        if (_session is not { } session || keys.Count > AgreementProtocol.MaxKeys)
        {
            return null;
        }

        var found = new AgreementFound[keys.Count];
        List<string>? missing = null;
        for (var i = 0; i < found.Length; i++)
        {
            if (session.Memory.Recall(keys[i]) is { } known)
            {
                found[i] = known;
            }
            else
            {
                (missing ??= []).Add(keys[i]);
            }
        }

        if (missing is null)
        {
            return found;
        }

        var question = Join(session, missing, out var others);
        if (question is not null && !await AskAsync(session, question, cancellationToken))
        {
            return null;
        }

        foreach (var other in others)
        {
            if (!await WaitAsync(other, cancellationToken))
            {
                return null;
            }
        }

        for (var i = 0; i < found.Length; i++)
        {
            found[i] ??= Answer(question, keys[i]) ?? others.Select(other => Answer(other, keys[i])).FirstOrDefault(answer => answer is not null)!;
            if (found[i] is null)
            {
                return null;
            }
        }

        return found;
    }

    public override void Dispose()
    {
        _publishing.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => link.RunAsync("agreement look-ups", UseAsync, stoppingToken);

    private static AgreementFound? Answer(Question? question, string key) => question?.Answer.Task.Result?.FirstOrDefault(found => found.Key == key);

    // A question that is under way for a key is shared, unless something was forgotten since it was asked: then its answer may be that of before.
    private Question? Join(Session session, List<string> keys, out List<Question> others)
    {
        others = [];
        lock (_gate)
        {
            var epoch = session.Memory.Epoch;
            List<string>? own = null;
            foreach (var key in keys)
            {
                if (_flights.TryGetValue(key, out var flight) && flight.Session == session && flight.Epoch == epoch)
                {
                    if (!others.Contains(flight))
                    {
                        others.Add(flight);
                    }
                }
                else
                {
                    (own ??= []).Add(key);
                }
            }

            if (own is null)
            {
                return null;
            }

            var question = new Question(session, epoch, own);
            foreach (var key in own)
            {
                _flights[key] = question;
            }

            return question;
        }
    }

    private async Task<bool> AskAsync(Session session, Question question, CancellationToken cancellationToken)
    {
        var id = Interlocked.Increment(ref _questions).ToString(CultureInfo.InvariantCulture);
        try
        {
            // However many names a stranger makes up, so many are asked for at a time.
            if (_asked.Count >= _options.MaxConcurrent || !_asked.TryAdd(id, question) || _session != session)
            {
                question.Answer.TrySetResult(null);
                return false;
            }

            await PublishAsync(session.Channel, id, question, cancellationToken);
            return await WaitAsync(question, cancellationToken);
        }
        finally
        {
            _asked.TryRemove(id, out _);
            lock (_gate)
            {
                foreach (var key in question.Keys)
                {
                    if (_flights.TryGetValue(key, out var flight) && flight == question)
                    {
                        _flights.Remove(key);
                    }
                }
            }

            // Whoever shares it must not wait for ever.
            question.Answer.TrySetResult(null);
        }
    }

    private async Task<bool> WaitAsync(Question question, CancellationToken cancellationToken)
    {
        try
        {
            return await question.Answer.Task.WaitAsync(_options.LookupTimeout, time, cancellationToken) is not null;
        }
        catch (TimeoutException)
        {
            logger.LogWarning("No answer about agreements within {Seconds} s", _options.LookupTimeout.TotalSeconds);
            return false;
        }
    }

    private async Task PublishAsync(IChannel channel, string id, Question question, CancellationToken cancellationToken)
    {
        var properties = new BasicProperties
        {
            CorrelationId = id,
            ReplyTo = AgreementProtocol.ReplyTo,
            Expiration = ((long)_options.LookupTimeout.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
            ContentType = "application/json",
        };
        var body = JsonSerializer.SerializeToUtf8Bytes(new FindAgreements { Keys = question.Keys }, AgreementJson.Default.FindAgreements);
        await _publishing.WaitAsync(cancellationToken);
        try
        {
            await channel.BasicPublishAsync("", AgreementProtocol.Queue, mandatory: false, properties, body, cancellationToken);
        }
        catch (Exception e) when (e is AlreadyClosedException or OperationInterruptedException or IOException)
        {
            question.Answer.TrySetResult(null);
        }
        finally
        {
            _publishing.Release();
        }
    }

    private async Task UseAsync(IConnection connection, CancellationToken lost)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(lost);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: lost);
        VerdictProtocol.CancelWith(channel, ended);
        await AgreementProtocol.DeclareQueueAsync(channel, lost);
        await AgreementProtocol.DeclareChangesAsync(channel, lost);
        var session = new Session(channel, new AgreementMemory(_options, time));
        var queue = await channel.QueueDeclareAsync("", durable: false, exclusive: true, autoDelete: true, cancellationToken: lost);
        await channel.QueueBindAsync(queue.QueueName, AgreementProtocol.Changes, "", cancellationToken: lost);

        var changes = new AsyncEventingBasicConsumer(channel);
        changes.ReceivedAsync += (_, delivery) => ForgetAsync(session, delivery.Body.Span, ended);

        // The broker cancels a consumer whose queue somebody deletes: then nobody would tell any more.
        changes.UnregisteredAsync += (_, _) => ended.CancelAsync();
        await channel.BasicConsumeAsync(queue.QueueName, autoAck: true, changes, lost);

        var answers = new AsyncEventingBasicConsumer(channel);
        answers.ReceivedAsync += (_, delivery) =>
        {
            Take(session, delivery);
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(AgreementProtocol.ReplyTo, autoAck: true, answers, lost);
        _session = session;
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, ended.Token);
        }
        finally
        {
            _session = null;
            foreach (var question in _asked.Values)
            {
                question.Answer.TrySetResult(null);
            }
        }
    }

    private Task ForgetAsync(Session session, ReadOnlySpan<byte> body, CancellationTokenSource ended)
    {
        AgreementsChanged? changed = null;
        try
        {
            changed = JsonSerializer.Deserialize(body, AgreementJson.Default.AgreementsChanged);
        }
        catch (JsonException e)
        {
            logger.LogError(e, "What changed in agreements could not be read; everything is forgotten");
        }

        if (changed is null)
        {
            // Begins anew, with an empty memory.
            return ended.CancelAsync();
        }

        session.Memory.Forget(changed);
        return Task.CompletedTask;
    }

    private void Take(Session session, BasicDeliverEventArgs delivery)
    {
        if (delivery.BasicProperties.CorrelationId is not { } id || !_asked.TryGetValue(id, out var question))
        {
            return;
        }

        IReadOnlyList<AgreementFound>? answers;
        try
        {
            answers = JsonSerializer.Deserialize(delivery.Body.Span, AgreementJson.Default.AgreementsFound)?.Answers;
        }
        catch (JsonException e)
        {
            logger.LogError(e, "An answer about agreements could not be read");
            answers = null;
        }

        foreach (var found in answers ?? [])
        {
            session.Memory.Keep(found, question.Epoch);
        }

        question.Answer.TrySetResult(answers);
    }

    private sealed record Session(IChannel Channel, AgreementMemory Memory);

    private sealed class Question(Session session, long epoch, IReadOnlyList<string> keys)
    {
        public Session Session { get; } = session;

        public long Epoch { get; } = epoch;

        public IReadOnlyList<string> Keys { get; } = keys;

        public TaskCompletionSource<IReadOnlyList<AgreementFound>?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
