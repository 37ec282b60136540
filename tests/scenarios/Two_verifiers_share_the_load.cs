using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Npgsql;

namespace Mailkey.Scenarios.Tests;

/// <summary>Any number of verifiers answer beside each other, and the others go on when one is gone.</summary>
public sealed class Two_verifiers_share_the_load(PostgresServer postgres, RabbitMqServer rabbitMq)
    : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private const string From = "alice@unpublished.test";
    private const string To = "bob@example.test";
    private const int Messages = 60;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task And_one_carries_it_alone_when_the_other_is_killed()
    {
        await using var dns = HostileDnsServer.Start(query => query.NameError());
        await using var system = new MailkeySystem(postgres.ConnectionString, rabbitMq.Uri, dns.Endpoint.ToString());
        await system.StartAsync(["journal", "verifier-1", "verifier-2", "ingress"], Cancellation);
        await using var journal = NpgsqlDataSource.Create(postgres.ConnectionString);

        // The first may still be refused while the second verifier is being told of.
        await Eventually.GetAsync(() => SendAsync(system), IsAccepted, Limit, () => system.Logs());
        Assert.All(await Task.WhenAll(Enumerable.Range(0, Messages).Select(_ => SendAsync(system))), reply => Assert.StartsWith("250 ", reply, StringComparison.Ordinal));
        var shares = await Eventually.GetAsync(() => SharesAsync(journal), shares => shares.Values.Sum() == Messages + 1, Limit, () => system.Logs());
        Assert.Equal(2, shares.Count);
        Assert.All(shares.Values, share => Assert.True(share >= Messages / 10, $"shares {string.Join(", ", shares)}"));

        await system["verifier-1"].KillAsync();
        var alone = 0;
        while (alone < Messages)
        {
            // What the broker had given to the one that was killed is answered 451 at worst, and tried again by the client.
            alone += (await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => SendAsync(system)))).Count(IsAccepted);
        }

        var after = await Eventually.GetAsync(() => SharesAsync(journal), after => after.Values.Sum() >= Messages + 1 + alone, Limit, () => system.Logs());
        var survivor = Assert.Single(after.Keys, name => after[name] > shares[name]);
        Assert.Equal(shares[survivor] + alone, after[survivor]);
    }

    private static bool IsAccepted(string reply) => reply.StartsWith("250 ", StringComparison.Ordinal);

    private static Task<string> SendAsync(MailkeySystem system) =>
        Client.SendAsync(system.SmtpPort, From, [To], SenderDomain.Message(From, To, $"{Guid.NewGuid():N}"), Cancellation);

    /// <summary>How many accepted messages each verifier judged, as the journal knows it.</summary>
    private static async Task<Dictionary<string, long>> SharesAsync(NpgsqlDataSource journal)
    {
        await using var command = journal.CreateCommand(
            "SELECT data->'verdict'->>'verifier', count(*) FROM journal.mt_events WHERE type = 'accepted-for-delivery' GROUP BY 1");
        await using var reader = await command.ExecuteReaderAsync(Cancellation);
        Dictionary<string, long> shares = new(StringComparer.Ordinal);
        while (await reader.ReadAsync(Cancellation))
        {
            shares.Add(reader.GetString(0), reader.GetInt64(1));
        }

        return shares;
    }
}
