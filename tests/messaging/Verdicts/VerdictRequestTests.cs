using Mailkey.Contracts;
using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Mailkey.Messaging.Verdicts;
using Mailkey.Testkit.Infrastructure;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace Mailkey.Messaging.Tests.Verdicts;

public sealed class VerdictRequestTests(RabbitMqServer rabbit) : IClassFixture<RabbitMqServer>
{
    [Fact]
    public async Task A_question_gets_the_answer_of_its_own_message()
    {
        using var verifier = await StartVerifierAsync(new Giver(message => new(Verdict(message))));
        using var ingress = await StartIngressAsync();
        var requester = await ReadyAsync(ingress);

        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(n => requester.AskAsync(Message($"q{n}"), CancellationToken.None).AsTask()));

        Assert.Equal(Enumerable.Range(0, 200).Select(n => $"q{n}"), answers.Select(answer => answer!.QueueId));
        Assert.Equal(Enumerable.Range(0, 200).Select(n => $"reason of q{n}"), answers.Select(answer => answer!.Verdict.Reason));
    }

    [Fact]
    public async Task A_slow_message_does_not_hold_up_those_that_share_its_batch()
    {
        var slow = new TaskCompletionSource();
        using var verifier = await StartVerifierAsync(new Giver(async message =>
        {
            if (message.QueueId == "slow")
            {
                await slow.Task;
            }

            return Verdict(message);
        }));
        using var ingress = await StartIngressAsync();
        var requester = await ReadyAsync(ingress);

        var late = requester.AskAsync(Message("slow"), CancellationToken.None).AsTask();
        var prompt = await Task.WhenAll(Enumerable.Range(0, 50).Select(n => requester.AskAsync(Message($"f{n}"), CancellationToken.None).AsTask()));

        Assert.All(prompt, Assert.NotNull);
        Assert.False(late.IsCompleted);
        slow.SetResult();
        Assert.Equal("slow", (await late)!.QueueId);
    }

    [Fact]
    public async Task Without_a_verifier_there_is_no_answer_within_the_time_limit()
    {
        using var ingress = await StartIngressAsync(TimeSpan.FromMilliseconds(300));
        var requester = ingress.Services.GetRequiredService<IVerdictRequester>();
        await ConnectedAsync(ingress);

        Assert.Null(await requester.AskAsync(Message("nobody"), CancellationToken.None));
    }

    [Fact]
    public async Task A_fault_in_one_message_leaves_its_neighbours_alone()
    {
        using var verifier = await StartVerifierAsync(new Giver(message =>
            message.QueueId == "bad" ? throw new InvalidOperationException("broken on purpose") : new(Verdict(message))));
        using var ingress = await StartIngressAsync();
        var requester = await ReadyAsync(ingress);
        using var hangUp = new CancellationTokenSource();

        var bad = requester.AskAsync(Message("bad"), hangUp.Token).AsTask();
        var good = requester.AskAsync(Message("good"), CancellationToken.None).AsTask();

        Assert.NotNull(await good);
        Assert.NotNull(await requester.AskAsync(Message("next"), CancellationToken.None));
        Assert.False(bad.IsCompleted);
        await hangUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => bad);
    }

    [Fact]
    public async Task A_batch_whose_verifier_is_cut_off_goes_to_another_one()
    {
        var taken = new TaskCompletionSource();
        using var first = await StartVerifierAsync(new Giver(async _ =>
        {
            taken.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan);
            throw new InvalidOperationException("never reached");
        }));
        using var ingress = await StartIngressAsync();
        var requester = ingress.Services.GetRequiredService<IVerdictRequester>();
        await ConnectedAsync(ingress);
        var asked = requester.AskAsync(Message("handed-on"), CancellationToken.None).AsTask();
        await taken.Task;

        using var second = await StartVerifierAsync(new Giver(message => new(Verdict(message))));
        await first.StopAsync();

        Assert.Equal("handed-on", (await asked)!.QueueId);
    }

    [Fact]
    public async Task A_verifier_that_the_broker_cancels_comes_back()
    {
        using var verifier = await StartVerifierAsync(new Giver(message => new(Verdict(message))));
        using var ingress = await StartIngressAsync(TimeSpan.FromSeconds(1));
        var requester = await ReadyAsync(ingress);
        await using (var connection = await new ConnectionFactory { Uri = new(rabbit.Uri) }.CreateConnectionAsync())
        await using (var channel = await connection.CreateChannelAsync())
        {
            await channel.QueueDeleteAsync(VerdictProtocol.Queue);
        }

        MessageVerified? answer = null;
        for (var n = 0; n < 30 && answer is null; n++)
        {
            answer = await requester.AskAsync(Message($"after-{n}"), CancellationToken.None);
        }

        Assert.NotNull(answer);
    }

    [Fact]
    public async Task Slow_messages_hold_up_nobody_however_many_they_are()
    {
        const int many = 100;
        var slow = new TaskCompletionSource();
        var begun = new SemaphoreSlim(0);
        using var verifier = await StartVerifierAsync(new Giver(async message =>
        {
            if (message.QueueId.StartsWith("slow", StringComparison.Ordinal))
            {
                begun.Release();
                await slow.Task;
            }

            return Verdict(message);
        }));
        using var ingress = await StartIngressAsync();
        var requester = await ReadyAsync(ingress);

        // Each in a bus message of its own.
        List<Task<MessageVerified?>> late = [];
        for (var n = 0; n < many; n++)
        {
            late.Add(requester.AskAsync(Message($"slow-{n}"), CancellationToken.None).AsTask());
            Assert.True(await begun.WaitAsync(TimeSpan.FromSeconds(15)), $"the verifier stopped at {n}");
        }

        Assert.NotNull(await requester.AskAsync(Message("prompt"), CancellationToken.None));
        slow.SetResult();
        Assert.All(await Task.WhenAll(late), Assert.NotNull);
    }

    private static MessageReceived Message(string queueId) => new()
    {
        QueueId = queueId,
        ReceivedAt = DateTimeOffset.UnixEpoch,
        Connection = new() { ClientAddress = "192.0.2.1", ClientName = "client.example", Protocol = "ESMTP", Server = "test" },
        Envelope = new() { ReversePath = "a@example.org", Recipients = [new() { ForwardPath = "b@example.net" }] },
        HeaderBlock = "From: a@example.org\r\n"u8.ToArray(),
        BodyHashes = [],
        Size = 21,
    };

    private static MessageVerified Verdict(MessageReceived message) => new()
    {
        QueueId = message.QueueId,
        Disposition = Disposition.Accept,
        AuthenticationResults = "none",
        Verdict = new() { HostState = "absent", Result = "none", Domain = "example.org", Reason = $"reason of {message.QueueId}", Rule = "test", Verifier = "test", ElapsedMicroseconds = 1 },
    };

    private static async Task<IVerdictRequester> ReadyAsync(IHost ingress)
    {
        await ConnectedAsync(ingress);
        var requester = ingress.Services.GetRequiredService<IVerdictRequester>();
        for (var n = 0; await requester.AskAsync(Message($"warm-up-{n}"), CancellationToken.None) is null; n++)
        {
            Assert.True(n < 100, "the verifier does not answer");
        }

        return requester;
    }

    private static async Task ConnectedAsync(IHost host)
    {
        var health = host.Services.GetRequiredService<VerdictRequester>();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while ((await health.CheckHealthAsync(new(), patience.Token)).Status != Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Healthy)
        {
            await Task.Delay(20, patience.Token);
        }
    }

    private Task<IHost> StartIngressAsync(TimeSpan? timeout = null) =>
        StartAsync(timeout ?? TimeSpan.FromSeconds(20), services => services.AddVerdictRequester());

    private Task<IHost> StartVerifierAsync(Giver giver) =>
        StartAsync(TimeSpan.FromSeconds(20), services =>
        {
            services.AddVerdictResponder<Giver>();
            services.AddSingleton<IVerdictGiver>(giver);
        });

    private async Task<IHost> StartAsync(TimeSpan timeout, Action<IServiceCollection> add)
    {
        // Each test begins with an empty queue: what an earlier one left unanswered is not for this one.
        await using (var connection = await new ConnectionFactory { Uri = new(rabbit.Uri) }.CreateConnectionAsync())
        await using (var channel = await connection.CreateChannelAsync())
        {
            await VerdictProtocol.DeclareAsync(channel, CancellationToken.None);
        }

        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(new ServiceIdentity("test"));
        builder.Services.Configure<MailkeyOptions>(options =>
        {
            options.RabbitMq.Uri = rabbit.Uri;
            options.Verdict.Timeout = timeout;
        });
        add(builder.Services);
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private sealed class Giver(Func<MessageReceived, ValueTask<MessageVerified>> judge) : IVerdictGiver
    {
        public ValueTask<MessageVerified> JudgeAsync(MessageReceived message, CancellationToken cancellationToken) => judge(message);
    }
}
