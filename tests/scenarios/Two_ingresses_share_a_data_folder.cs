using System.Collections.Concurrent;
using System.Net.Sockets;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

/// <summary>Behind one load balancer: two ingresses and two deliveries with the same settings, on one data folder.</summary>
public sealed class Two_ingresses_share_a_data_folder(PostgresServer postgres, RabbitMqServer rabbitMq)
    : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private const string From = "alice@unpublished.test";
    private const string To = "bob@example.test";
    private const int Messages = 40;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<string, string> _accepted = new(StringComparer.Ordinal);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_message_arrives_once_and_one_carries_it_alone_when_the_other_is_killed()
    {
        await using var dns = HostileDnsServer.Start(query => query.NameError());
        await using var system = new MailkeySystem(postgres.ConnectionString, rabbitMq.Uri, dns.Endpoint.ToString());
        await system.StartAsync(["journal", "verifier", "delivery-1", "delivery-2", "ingress", "ingress-2"], Cancellation);
        int[] ports = [system.SmtpPort, system.SecondSmtpPort];

        // The first may still be refused while an ingress is being told of the verifier.
        foreach (var port in ports)
        {
            await Eventually.GetAsync(() => TrySendAsync(port), sent => sent, Limit, () => system.Logs());
        }

        Assert.DoesNotContain(false, await Task.WhenAll(Enumerable.Range(0, Messages).Select(n => TrySendAsync(ports[n % 2]))));
        await ArriveAsync(system);
        Assert.All(system.DeliveredMessages().CountBy(IdOf), copies => Assert.Equal(1, copies.Value));

        // In the middle of its work; what it had said 250 to is in the folder and on the queue.
        var during = Enumerable.Range(0, Messages).Select(n => TrySendAsync(ports[n % 2])).ToList();
        await Task.WhenAny(during);
        await system["ingress"].KillAsync();
        await Task.WhenAll(during);
        Assert.DoesNotContain(false, await Task.WhenAll(Enumerable.Range(0, Messages).Select(_ => TrySendAsync(system.SecondSmtpPort))));
        await ArriveAsync(system);

        // It comes back beside the other, and neither touches what the other has.
        await system.StartAsync(["ingress"], Cancellation);
        await Eventually.GetAsync(() => TrySendAsync(system.SmtpPort), sent => sent, Limit, () => system.Logs());
        Assert.DoesNotContain(false, await Task.WhenAll(Enumerable.Range(0, Messages).Select(n => TrySendAsync(ports[n % 2]))));
        await ArriveAsync(system);

        // Each reply names a queue id, and no two the same.
        Assert.Distinct(_accepted.Values);
    }

    private Task ArriveAsync(MailkeySystem system) => Eventually.GetAsync(
        () => _accepted.Keys.Except(system.DeliveredMessages().Select(IdOf)).ToList(), missing => missing.Count == 0, Limit, () => system.Logs());

    // False: refused for now, or nobody there. Anything else is a fault.
    private async Task<bool> TrySendAsync(int port)
    {
        var id = $"shared-{Guid.NewGuid():N}";
        string reply;
        try
        {
            reply = await Client.SendAsync(port, From, [To], SenderDomain.Message(From, To, id), Cancellation);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }

        if (reply.StartsWith('4'))
        {
            return false;
        }

        Assert.StartsWith("250 ", reply, StringComparison.Ordinal);
        _accepted[id] = reply;
        return true;
    }

    private static string IdOf(string message)
    {
        var start = message.IndexOf("shared-", StringComparison.Ordinal);
        return start < 0 ? "" : message[start..(start + "shared-".Length + 32)];
    }
}
