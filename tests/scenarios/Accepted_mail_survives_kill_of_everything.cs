using System.Collections.Concurrent;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Npgsql;

namespace Mailkey.Scenarios.Tests;

/// <summary>
/// Clients send all the time and keep what they get no 250 for, while each process, the broker and the database are killed
/// in turn. Whatever got a 250 is delivered at least once, and in the end everything got one.
/// </summary>
public sealed class Accepted_mail_survives_kill_of_everything
{
    private const string To = "bob@example.test";
    private const int Clients = 3;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_signed_mail()
    {
        using var domain = new SenderDomain("published.test");
        await using var dns = await UnboundServer.StartAsync(domain.Record);
        var startingBroker = OwnRabbitMqServer.StartNewAsync(Cancellation);
        await using var postgres = await OwnPostgresServer.StartNewAsync(Cancellation);
        await using var broker = await startingBroker;
        await using var system = new MailkeySystem(postgres.ConnectionString, broker.Uri, dns.Resolver, MailkeySystem.Impatience);
        await system.StartAsync(Cancellation);
        await broker.SettleAsync(Cancellation);

        var traffic = new Traffic(system.SmtpPort, domain);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var clients = Enumerable.Range(0, Clients).Select(_ => traffic.RunAsync(ending.Token)).ToArray();

        foreach (var victim in (string[])["ingress", "verifier-1", "delivery", "bounces", "journal", "agreements"])
        {
            await traffic.AwaitAcceptedAsync(system);
            await system[victim].KillAsync();
            await system.StartAsync([victim], Cancellation);
        }

        await traffic.AwaitAcceptedAsync(system);
        await broker.KillAsync(Cancellation);
        await broker.StartAsync(Cancellation);

        await traffic.AwaitAcceptedAsync(system);
        await postgres.KillAsync(Cancellation);
        await postgres.StartAsync(Cancellation);

        // All at once, as when the machine's power fails
        await traffic.AwaitAcceptedAsync(system);
        await Task.WhenAll([.. system.Processes.Select(process => process.KillAsync()), broker.KillAsync(Cancellation), postgres.KillAsync(Cancellation)]);
        await Task.WhenAll(broker.StartAsync(Cancellation), postgres.StartAsync(Cancellation));
        await system.StartAsync(Cancellation);
        await traffic.AwaitAcceptedAsync(system);

        traffic.Finish();
        await Task.WhenAll(clients).WaitAsync(Limit, Cancellation);

        // Every client went on until its last message had a 250: none was lost by being refused.
        Assert.Equal(traffic.Begun, traffic.Accepted.Count);
        await Eventually.GetAsync(() => Missing(system, traffic), missing => missing.Count == 0, Limit, () => $"{Missing(system, traffic).Count} of {traffic.Accepted.Count} messages with a 250 are missing\n{system.Logs()}");

        // And the journal knows where each of them came from, also of those whose ingress died with its last words.
        await using var journal = NpgsqlDataSource.Create(postgres.ConnectionString);
        List<string> untold = [];
        await Eventually.GetAsync(
            async () => untold = await UntoldAsync(journal, traffic), left => left.Count == 0, Limit, () => $"not in the journal: {string.Join(", ", untold)}\n{system.Logs()}");
    }

    private static async Task<List<string>> UntoldAsync(NpgsqlDataSource journal, Traffic traffic)
    {
        HashSet<string> told = new(StringComparer.Ordinal);
        await using var command = journal.CreateCommand("SELECT data->>'messageId' FROM journal.mt_events WHERE type = 'accepted-for-delivery'");
        await using var reader = await command.ExecuteReaderAsync(Cancellation);
        while (await reader.ReadAsync(Cancellation))
        {
            told.Add(reader.GetString(0).Trim('<', '>').Split('@')[0]);
        }

        return [.. traffic.Accepted.Keys.Where(id => !told.Contains(id))];
    }

    private static List<string> Missing(MailkeySystem system, Traffic traffic)
    {
        var delivered = system.DeliveredMessages().Select(Traffic.IdOf).ToHashSet(StringComparer.Ordinal);
        return [.. traffic.Accepted.Keys.Where(id => !delivered.Contains(id))];
    }

    private sealed class Traffic(int port, SenderDomain domain)
    {
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
        private readonly string _from = $"alice@{domain.Name}";
        private readonly Lock _signing = new();
        private int _begun;
        private volatile bool _finished;

        public int Begun => _begun;

        public ConcurrentDictionary<string, string> Accepted { get; } = new(StringComparer.Ordinal);

        public static string IdOf(string message)
        {
            var start = message.IndexOf("survives-", StringComparison.Ordinal);
            return start < 0 ? "" : message[start..message.IndexOfAny(['\r', '\n'], start)];
        }

        public void Finish() => _finished = true;

        /// <summary>Returns after some more messages were accepted, so that the next kill hits a system at work.</summary>
        public async Task AwaitAcceptedAsync(MailkeySystem system)
        {
            var before = Accepted.Count;
            await Eventually.GetAsync(() => Accepted.Count, count => count >= before + 20, Limit, () => system.Logs());
        }

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            while (!_finished)
            {
                var id = $"survives-{Interlocked.Increment(ref _begun)}";
                while (!await TryAsync(id, cancellationToken))
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(200), cancellationToken);
                }

                await Task.Delay(Pause, cancellationToken);
            }
        }

        private async Task<bool> TryAsync(string id, CancellationToken cancellationToken)
        {
            var message = SenderDomain.Message(_from, To, id);
            string signed;
            lock (_signing)
            {
                signed = domain.Sign(message, _from, [To]);
            }

            try
            {
                var reply = await Client.SendAsync(port, _from, [To], signed, cancellationToken);
                if (reply.StartsWith("250 ", StringComparison.Ordinal))
                {
                    Accepted[id] = reply;
                    return true;
                }

                // Honest, signed mail is never refused for good, whatever dies.
                Assert.StartsWith("4", reply, StringComparison.Ordinal);
            }
            catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
            {
                // No 250: the message is still the client's.
            }

            return false;
        }
    }
}
