using System.Diagnostics;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

/// <summary>Without a verdict the client keeps its message, hears so in bounded time, and is served again without anybody's help.</summary>
public sealed class No_verifier_means_451_and_recovery(PostgresServer postgres, RabbitMqServer rabbitMq)
    : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private const string From = "alice@unpublished.test";
    private const string To = "bob@example.test";
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(12);
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_there_is_none_and_when_one_is_killed_in_mid_verdict()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var dns = HostileDnsServer.Start(query =>
        {
            if (query.Name.EndsWith("slow.test", StringComparison.Ordinal))
            {
                asked.TrySetResult();
                return HostileReply.Silence;
            }

            return query.NameError();
        });
        await using var system = System(rabbitMq.Uri, dns.Endpoint.ToString());

        await system.StartAsync(["journal", "delivery", "ingress"], Cancellation);
        await RefusedInTimeAsync(system, From);

        await system.StartAsync(["verifier-1"], Cancellation);
        await AcceptedAsync(system);

        // The name server is silent, so the verdict is under way until somebody gives up.
        var pending = RefusedInTimeAsync(system, "alice@slow.test");
        await asked.Task.WaitAsync(Bound, Cancellation);
        await system["verifier-1"].KillAsync();
        await pending;

        await system.StartAsync(["verifier-1"], Cancellation);
        await AcceptedAsync(system);
    }

    [Fact]
    public async Task While_the_broker_is_dead()
    {
        await using var broker = await OwnRabbitMqServer.StartNewAsync(Cancellation);
        await using var dns = HostileDnsServer.Start(query => query.NameError());
        await using var system = System(broker.Uri, dns.Endpoint.ToString());
        await system.StartAsync(["journal", "delivery", "verifier-1", "ingress"], Cancellation);
        await AcceptedAsync(system);
        await broker.SettleAsync(Cancellation);

        await broker.KillAsync(Cancellation);
        await RefusedInTimeAsync(system, From);

        await broker.StartAsync(Cancellation);
        await AcceptedAsync(system);
    }

    private MailkeySystem System(string broker, string resolver) => new(postgres.ConnectionString, broker, resolver, MailkeySystem.Impatience);

    private static async Task RefusedInTimeAsync(MailkeySystem system, string from)
    {
        var started = Stopwatch.GetTimestamp();
        var reply = await SendAsync(system, from, "refused");
        Assert.StartsWith("451 4.", reply, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(started) < Bound, $"451 only after {Stopwatch.GetElapsedTime(started)}");
    }

    private static async Task AcceptedAsync(MailkeySystem system)
    {
        var id = $"accepted-{Guid.NewGuid():N}";
        await Eventually.GetAsync(() => SendAsync(system, From, id), reply => reply.StartsWith("250 ", StringComparison.Ordinal), Recovery, () => system.Logs());
        await Eventually.GetAsync(() => system.DeliveredMessages().Any(message => message.Contains(id, StringComparison.Ordinal)), found => found, Recovery, () => system.Logs());
        Assert.DoesNotContain(system.DeliveredMessages(), message => message.Contains("refused", StringComparison.Ordinal));
    }

    private static Task<string> SendAsync(MailkeySystem system, string from, string id) =>
        Client.SendAsync(system.SmtpPort, from, [To], SenderDomain.Message(from, To, id), Cancellation);
}
