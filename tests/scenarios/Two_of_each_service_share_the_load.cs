using System.Collections.Concurrent;
using System.Net.Sockets;
using Mailkey.Testkit.Processes;
using Npgsql;

namespace Mailkey.Scenarios.Tests;

/// <summary>
/// Any number of verifiers answer beside each other. So do ingresses and deliveries with the same settings on one data folder, as
/// behind a load balancer. The others carry on when one is killed.
/// </summary>
public sealed class Two_of_each_service_share_the_load(Two_of_each_service_share_the_load.Doubled doubled) : IClassFixture<Two_of_each_service_share_the_load.Doubled>
{
    private const string To = "bob@example.test";
    private const int Messages = 40;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<string, string> _accepted = new(StringComparer.Ordinal);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private MailkeySystem System => doubled.Own.System;

    [Fact]
    public async Task One_verifier_carries_it_alone_when_the_other_is_killed()
    {
        const string From = "judged@unpublished.test";
        await using var journal = NpgsqlDataSource.Create(doubled.Own.Postgres);
        await BothAnswerAsync(System.SmtpPort, From);
        Assert.DoesNotContain(false, await Task.WhenAll(Enumerable.Range(0, Messages).Select(_ => TrySendAsync(System.SmtpPort, From))));
        var shares = await Eventually.GetAsync(() => SharesAsync(journal, From), shares => shares.Values.Sum() == _accepted.Count, Limit, () => System.Logs());
        Assert.Equal(2, shares.Count);
        Assert.All(shares.Values, share => Assert.True(share >= Messages / 10, $"shares {string.Join(", ", shares)}"));

        await System["verifier-1"].KillAsync();
        var before = _accepted.Count;
        while (_accepted.Count < before + Messages)
        {
            // What the broker had given to the one that was killed is answered 451 at worst, and tried again by the client.
            await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => TrySendAsync(System.SmtpPort, From)));
        }

        var after = await Eventually.GetAsync(() => SharesAsync(journal, From), after => after.Values.Sum() == _accepted.Count, Limit, () => System.Logs());
        var survivor = Assert.Single(after.Keys, name => after[name] > shares[name]);
        Assert.Equal(shares[survivor] + _accepted.Count - before, after[survivor]);
        await System.StartAsync(["verifier-1"], Cancellation);
    }

    [Fact]
    public async Task Each_message_arrives_once_and_one_ingress_carries_it_alone_when_the_other_is_killed()
    {
        const string From = "shared@unpublished.test";
        int[] ports = [System.SmtpPort, System.SecondSmtpPort];
        foreach (var port in ports)
        {
            await BothAnswerAsync(port, From);
        }

        Assert.DoesNotContain(false, await Task.WhenAll(Enumerable.Range(0, Messages).Select(n => TrySendAsync(ports[n % 2], From))));
        await ArriveAsync();
        Assert.All(System.DeliveredMessages().CountBy(IdOf), copies => Assert.Equal(1, copies.Value));

        // In the middle of its work; what it had said 250 to is in the folder and on the queue.
        var during = Enumerable.Range(0, Messages).Select(n => TrySendAsync(ports[n % 2], From)).ToList();
        await Task.WhenAny(during);
        await System["ingress"].KillAsync();
        await Task.WhenAll(during);
        Assert.DoesNotContain(false, await Task.WhenAll(Enumerable.Range(0, Messages).Select(_ => TrySendAsync(System.SecondSmtpPort, From))));
        await ArriveAsync();

        // It comes back beside the other, and neither touches what the other has.
        await System.StartAsync(["ingress"], Cancellation);
        await BothAnswerAsync(System.SmtpPort, From);
        Assert.DoesNotContain(false, await Task.WhenAll(Enumerable.Range(0, Messages).Select(n => TrySendAsync(ports[n % 2], From))));
        await ArriveAsync();

        // Each reply names a queue id, and no two the same.
        Assert.Distinct(_accepted.Values);
    }

    // The first may still be refused while an ingress or a verifier is being told of.
    private Task BothAnswerAsync(int port, string from) => Eventually.GetAsync(() => TrySendAsync(port, from), sent => sent, Limit, () => System.Logs());

    private Task ArriveAsync() => Eventually.GetAsync(
        () => _accepted.Keys.Except(System.DeliveredMessages().Select(IdOf)).ToList(), missing => missing.Count == 0, Limit, () => System.Logs());

    // False: refused for now, or nobody there. Anything else is a fault.
    private async Task<bool> TrySendAsync(int port, string from)
    {
        var id = $"shared-{Guid.NewGuid():N}";
        string reply;
        try
        {
            reply = await Client.SendAsync(port, from, [To], SenderDomain.Message(from, To, id), Cancellation);
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

    // How many accepted messages of a sender each verifier judged, as the journal knows it.
    private static async Task<Dictionary<string, long>> SharesAsync(NpgsqlDataSource journal, string from)
    {
        await using var command = journal.CreateCommand(
            """
            SELECT data->'verdict'->>'verifier', count(*) FROM journal.mt_events
            WHERE type = 'accepted-for-delivery' AND data->'envelope'->>'reversePath' = $1 GROUP BY 1
            """);
        command.Parameters.Add(new() { Value = from });
        await using var reader = await command.ExecuteReaderAsync(Cancellation);
        Dictionary<string, long> shares = new(StringComparer.Ordinal);
        while (await reader.ReadAsync(Cancellation))
        {
            shares.Add(reader.GetString(0), reader.GetInt64(1));
        }

        return shares;
    }

    /// <summary>A system with two of each service that a message passes, for both scenarios.</summary>
    public sealed class Doubled : IAsyncLifetime
    {
        private OwnSystem? _own;

        internal OwnSystem Own => _own ?? throw new InvalidOperationException("It has not been started.");

        public async ValueTask InitializeAsync()
        {
            _own = await OwnSystem.PrepareAsync(["unpublished.test. 300 IN A 127.0.0.1"]);
            await _own.System.StartAsync(["journal", "verifier-1", "verifier-2", "delivery-1", "delivery-2", "ingress", "ingress-2"], Cancellation);
        }

        public async ValueTask DisposeAsync()
        {
            if (_own is not null)
            {
                await _own.DisposeAsync();
            }
        }
    }
}
