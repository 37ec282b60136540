using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Testkit.Dns;

namespace Mailkey.Authentication.Tests.Keys;

/// <summary>Many domains, slow servers, impatient callers.</summary>
public sealed class KeyHostDiscoveryFlightTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static HostileReply Publish(HostileQuery query) =>
        query.Type == 16 ? query.Answer(HostileRecord.Txt(query.Name, DiscoverySetup.Record())) : query.NameError();

    [Fact]
    public async Task KeyHostDiscovery_asks_once_for_many_and_one_that_leaves_does_not_end_it()
    {
        var release = new TaskCompletionSource();
        await using var dns = HostileDnsServer.Start(async query =>
        {
            await release.Task;
            return Publish(query);
        });
        using var setup = new DiscoverySetup(dns.Endpoint);
        using var leaving = new CancellationTokenSource();
        var left = setup.Discovery.FindAsync("example.org", leaving.Token).AsTask();
        var others = Enumerable.Range(0, 20).Select(_ => setup.Discovery.FindAsync("Example.ORG", Stop).AsTask()).ToArray();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        release.SetResult();
        Assert.All(await Task.WhenAll(others), host => Assert.Equal(KeyHostState.Exists, host.State));
        Assert.Single(dns.Queries);
    }

    [Fact]
    public async Task KeyHostDiscovery_is_not_stalled_by_a_sender_of_a_million_domains()
    {
        // Domains of the flood get no answer; the honest one gets it at once.
        var silence = new TaskCompletionSource<HostileReply>();
        await using var dns = HostileDnsServer.Start(query => query.Name.EndsWith("honest.test", StringComparison.Ordinal) ? Task.FromResult(Publish(query)) : silence.Task);
        using var setup = new DiscoverySetup(dns.Endpoint, new KeyHostOptions { MaxConcurrent = 50, CacheEntries = 100 });
        Assert.Equal(KeyHostState.Exists, (await setup.Discovery.FindAsync("honest.test", Stop)).State);

        const int flood = 20_000;
        var turnedAway = 0;
        List<Task<KeyHost>> waiting = [];
        for (var i = 0; i < flood; i++)
        {
            var find = setup.Discovery.FindAsync($"d{i}.flood.test", Stop).AsTask();
            if (find.IsCompleted)
            {
                Assert.Equal(KeyHostState.Unknown, (await find).State);
                Assert.Contains("too many", (await find).Reason, StringComparison.Ordinal);
                turnedAway++;
            }
            else
            {
                waiting.Add(find);
            }

            // Whoever is known is served without waiting, however deep the flood.
            var known = setup.Discovery.FindAsync("honest.test", Stop);
            Assert.True(known.IsCompletedSuccessfully);
            Assert.Equal(KeyHostState.Exists, (await known).State);
        }

        Assert.True(turnedAway > flood / 2, $"{turnedAway} were turned away");
        Assert.InRange(waiting.Count, 50, flood / 2);

        // When the flood has run into its time-outs, new domains are found again and nothing is left over.
        var hosts = await Task.WhenAll(waiting);
        Assert.All(hosts, host => Assert.Equal(KeyHostState.Unknown, host.State));
        Assert.Equal(KeyHostState.Exists, (await setup.Discovery.FindAsync("new.honest.test", Stop)).State);
        Assert.InRange(setup.Discovery.Cached, 1, 100);
        Assert.Equal(KeyHostState.Exists, (await setup.Discovery.FindAsync("honest.test", Stop)).State);
    }

    [Fact]
    public async Task KeyHostDiscovery_gives_one_network_no_more_than_its_share()
    {
        var release = new TaskCompletionSource();
        await using var dns = HostileDnsServer.Start(async query =>
        {
            if (query.Name.EndsWith("slow.test", StringComparison.Ordinal))
            {
                await release.Task;
            }

            return Publish(query);
        });
        using var setup = new DiscoverySetup(dns.Endpoint, new KeyHostOptions { MaxConcurrent = 50, MaxConcurrentPerNetwork = 10 });
        async Task<KeyHost> FindAsync(string domain, string client)
        {
            AskingNetwork.Current = AskingNetwork.Of(client);
            return await setup.Discovery.FindAsync(domain, Stop);
        }

        var flood = Enumerable.Range(0, 200).Select(i => FindAsync($"d{i}.slow.test", $"192.0.2.{i}")).ToArray();
        Assert.All(flood[..10], task => Assert.False(task.IsCompleted));
        foreach (var refused in await Task.WhenAll(flood[10..]))
        {
            Assert.Equal(KeyHostState.Unknown, refused.State);
            Assert.Contains("your network", refused.Reason, StringComparison.Ordinal);
        }

        // All others are served, also with the domains that the flood could not ask for; and what is found is there for everybody.
        Assert.Equal(KeyHostState.Exists, (await FindAsync("honest.test", "198.51.100.1")).State);
        Assert.Equal(KeyHostState.Exists, (await FindAsync("honest.test", "192.0.2.1")).State);
        var other = FindAsync("d199.slow.test", "198.51.100.1");
        Assert.False(other.IsCompleted);
        release.SetResult();
        Assert.All(await Task.WhenAll(flood[..10].Append(other)), host => Assert.Equal(KeyHostState.Exists, host.State));
    }

    [Fact]
    public async Task KeyHostDiscovery_does_not_keep_that_it_was_busy()
    {
        var release = new TaskCompletionSource();
        await using var dns = HostileDnsServer.Start(async query =>
        {
            await release.Task;
            return Publish(query);
        });
        using var setup = new DiscoverySetup(dns.Endpoint, new KeyHostOptions { MaxConcurrent = 1 });
        var first = setup.Discovery.FindAsync("first.test", Stop).AsTask();
        Assert.Equal(KeyHostState.Unknown, (await setup.Discovery.FindAsync("second.test", Stop)).State);
        release.SetResult();
        Assert.Equal(KeyHostState.Exists, (await first).State);
        Assert.Equal(KeyHostState.Exists, (await setup.Discovery.FindAsync("second.test", Stop)).State);
    }

    [Theory]
    [InlineData(0u, 5)]
    [InlineData(60u, 60)]
    [InlineData(1_000_000u, 3600)]
    public async Task KeyHostDiscovery_keeps_a_set_by_its_ttl_within_bounds(uint ttl, int seconds)
    {
        await using var dns = HostileDnsServer.Start(query => query.Type == 16 ? query.Answer(HostileRecord.Txt(query.Name, DiscoverySetup.Record(), ttl)) : query.NameError());
        using var setup = new DiscoverySetup(dns.Endpoint);
        var host = await setup.Discovery.FindAsync("example.org", Stop);
        Assert.Equal(seconds, host.MaxAge.TotalSeconds);
        setup.Time.Advance(TimeSpan.FromSeconds(seconds - 1));
        Assert.Same(host, await setup.Discovery.FindAsync("example.org", Stop));
        setup.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.NotSame(host, await setup.Discovery.FindAsync("example.org", Stop));
    }

    [Fact]
    public async Task KeyHostDiscovery_asks_again_soon_when_the_state_was_unknown()
    {
        var broken = true;
        await using var dns = HostileDnsServer.Start(query => broken ? query.Reply(2) : Publish(query));
        using var setup = new DiscoverySetup(dns.Endpoint, oneClock: true);
        Assert.Equal(KeyHostState.Unknown, (await setup.Discovery.FindAsync("a.test", Stop)).State);
        broken = false;
        setup.Time.Advance(setup.Options.UnknownAge);
        Assert.Equal(KeyHostState.Exists, (await setup.Discovery.FindAsync("a.test", Stop)).State);
    }

    [Theory]
    [InlineData("slow")]
    [InlineData("truncated")]
    [InlineData("garbage")]
    [InlineData("lies")]
    [InlineData("circle")]
    [InlineData("referral")]
    public async Task KeyHostDiscovery_never_takes_a_broken_name_server_for_absence(string how)
    {
        await using var dns = HostileDnsServer.Start(query => how switch
        {
            "slow" => HostileReply.Silence,
            "truncated" => query.Tcp ? HostileReply.Silence : query.Reply(3, truncated: true),
            "garbage" => new HostileReply([.. query.Reply(3, answerCount: 5).Messages[0], 1, 2, 3]),
            "lies" => query.Reply(0, [HostileRecord.Txt("mailkey.other.test", DiscoverySetup.Record())], [HostileRecord.Soa(".", 60)]),
            "circle" => query.Answer(HostileRecord.Cname(query.Name, query.Name)),
            _ => query.Reply(0, authority: [HostileRecord.Ns("test", "ns.test")]),
        });
        using var setup = new DiscoverySetup(dns.Endpoint);
        var host = await setup.Discovery.FindAsync("victim.test", Stop);
        Assert.Equal(KeyHostState.Unknown, host.State);
        Assert.DoesNotContain(host.Reason, c => c is < ' ' or > '~');
    }

    [Fact]
    public async Task KeyHostDiscovery_has_a_deadline_for_the_whole()
    {
        var asked = new SemaphoreSlim(0);
        await using var dns = HostileDnsServer.Start(_ =>
        {
            asked.Release();
            return HostileReply.Silence;
        });
        using var setup = new DiscoverySetup(dns.Endpoint, new KeyHostOptions { Timeout = TimeSpan.FromSeconds(1) });
        var find = setup.Discovery.FindAsync("a.test", Stop).AsTask();
        await asked.WaitAsync(Stop);
        await setup.Time.AdvanceUntilAsync(find, TimeSpan.FromSeconds(1));
        Assert.Contains("within 1 s", (await find).Reason, StringComparison.Ordinal);
    }
}
