using System.Net;
using Mailkey.Testkit;
using Mailkey.Testkit.Dns;

namespace Mailkey.Dns.Tests;

public sealed class DnsResolverAgainstHostileServerTests : HostileServerContract
{
    protected override IDnsResolver Create(TimeSpan attempt, params IPEndPoint[] servers) =>
        new DnsResolver(new() { Servers = servers, AttemptTimeout = attempt, Timeout = TimeSpan.FromSeconds(30) }, TimeProvider.System);
}

public sealed class DnsResolverTests
{
    private readonly ManualTime _time = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private DnsResolver Create(HostileDnsServer server, int cacheEntries = 1000, int maxConcurrent = 1000) => new(
        new() { Servers = [server.Endpoint], CacheEntries = cacheEntries, MaxConcurrent = maxConcurrent, MaxNegativeTtl = TimeSpan.FromMinutes(15) }, _time);

    [Fact]
    public async Task Resolver_mixes_the_case_and_uses_a_new_id_and_port_each_time()
    {
        await using var server = HostileDnsServer.Start(query => query.NameError());
        var resolver = Create(server);
        for (var i = 0; i < 8; i++)
        {
            await resolver.ResolveAsync($"a-long-name-with-many-letters-{i}.example.org", DnsRecordType.A, Stop);
        }

        Assert.All(server.Queries, query => Assert.False(query.Tcp));
        Assert.Equal(8, server.Queries.Count);
        Assert.Contains(server.Queries, query => query.SentName != query.Name);
        Assert.True(server.Queries.Select(query => (query.Message[0] << 8) | query.Message[1]).Distinct().Count() > 6);
        Assert.True(server.Queries.Select(query => query.ClientPort).Distinct().Count() > 6);
    }

    [Fact]
    public async Task Resolver_takes_a_case_that_did_not_come_back_only_over_tcp()
    {
        await using var server = HostileDnsServer.Start(query => query.Tcp
            ? query.Answer(HostileRecord.A(query.Name, "192.0.2.7"))
            : query.Reply(0, [HostileRecord.A(query.Name, "203.0.113.66")], question: query.QuestionInLowerCase()));
        var answer = await Create(server).ResolveAsync("a-long-name-with-many-letters.example.org", DnsRecordType.A, Stop);
        Assert.Equal("192.0.2.7", Assert.Single(answer.Records).Address!.ToString());
    }

    [Fact]
    public async Task Resolver_learns_that_a_server_does_not_keep_the_case()
    {
        await using var server = HostileDnsServer.Start(query =>
            query.Reply(0, [HostileRecord.A(query.Name, "192.0.2.7")], question: query.QuestionInLowerCase()));
        var resolver = Create(server);
        Assert.Equal(DnsStatus.Success, (await resolver.ResolveAsync("a-long-name-with-many-letters.example.org", DnsRecordType.A, Stop)).Status);
        Assert.Contains(server.Queries, query => query.Tcp);

        server.Queries.Clear();
        Assert.Equal(DnsStatus.Success, (await resolver.ResolveAsync("another-name-with-many-letters.example.org", DnsRecordType.A, Stop)).Status);
        Assert.False(Assert.Single(server.Queries).Tcp);
    }

    [Fact]
    public async Task Resolver_comes_to_terms_with_a_server_that_changes_the_case_and_has_no_tcp()
    {
        await using var server = HostileDnsServer.Start(query => query.Tcp
            ? new HostileReply([0]) // nonsense: a connection that is of no use
            : query.Reply(0, [HostileRecord.A(query.Name, "192.0.2.7")], question: query.QuestionInLowerCase()));
        var resolver = Create(server);
        var statuses = new List<DnsStatus>();
        for (var i = 0; i < 5; i++)
        {
            statuses.Add((await resolver.ResolveAsync($"a-long-name-with-many-letters-{i}.example.org", DnsRecordType.A, Stop)).Status);
        }

        Assert.Equal([DnsStatus.ServerFailure, DnsStatus.ServerFailure, DnsStatus.ServerFailure, DnsStatus.Success, DnsStatus.Success], statuses);
    }

    [Fact]
    public async Task Resolver_keeps_an_answer_for_its_ttl_and_says_what_is_left()
    {
        await using var server = HostileDnsServer.Start(query => query.Answer(HostileRecord.A(query.Name, "192.0.2.7", 100)));
        var resolver = Create(server);
        Assert.Equal(100, (await resolver.ResolveAsync("example.org", DnsRecordType.A, Stop)).TimeToLive.TotalSeconds);
        _time.Advance(TimeSpan.FromSeconds(99));
        Assert.Equal(1, (await resolver.ResolveAsync("EXAMPLE.org.", DnsRecordType.A, Stop)).TimeToLive.TotalSeconds);
        Assert.Single(server.Queries);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(100, (await resolver.ResolveAsync("example.org", DnsRecordType.A, Stop)).TimeToLive.TotalSeconds);
        Assert.Equal(2, server.Queries.Count);
    }

    [Fact]
    public async Task Resolver_gives_a_kept_answer_without_allocation()
    {
        await using var server = HostileDnsServer.Start(query => query.Answer(HostileRecord.A(query.Name, "192.0.2.7")));
        var resolver = Create(server);
        await resolver.ResolveAsync("example.org", DnsRecordType.A, Stop);
        var first = await resolver.ResolveAsync("example.org", DnsRecordType.A, Stop);
        var (stop, same) = (Stop, true);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            var again = resolver.ResolveAsync("example.org", DnsRecordType.A, stop);
            same &= again.IsCompletedSuccessfully && ReferenceEquals(first, await again);
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(same);
        Assert.InRange(allocated, 0, 5000);
    }

    [Theory]
    [InlineData(60u, 300u, 60)]
    [InlineData(300u, 20u, 20)]
    [InlineData(86400u, 86400u, 900)]
    public async Task Resolver_keeps_a_negative_answer_by_the_soa_up_to_the_cap(uint minimum, uint ttl, int expected)
    {
        await using var server = HostileDnsServer.Start(query => query.Reply(3, authority: [HostileRecord.Soa("example.org", minimum, ttl)]));
        var resolver = Create(server);
        Assert.Equal(expected, (await resolver.ResolveAsync("a.example.org", DnsRecordType.A, Stop)).TimeToLive.TotalSeconds);
        await resolver.ResolveAsync("a.example.org", DnsRecordType.A, Stop);
        Assert.Single(server.Queries);
    }

    [Fact]
    public async Task Resolver_does_not_keep_a_negative_answer_without_soa_of_its_zone()
    {
        await using var server = HostileDnsServer.Start(query => query.Reply(3, authority: [HostileRecord.Soa("example.net", 60)]));
        var resolver = Create(server);
        await resolver.ResolveAsync("a.example.org", DnsRecordType.A, Stop);
        await resolver.ResolveAsync("a.example.org", DnsRecordType.A, Stop);
        Assert.Equal(2, server.Queries.Count);
    }

    [Fact]
    public async Task Resolver_keeps_a_failure_for_a_second()
    {
        await using var server = HostileDnsServer.Start(query => query.Reply(2));
        var resolver = Create(server);
        await resolver.ResolveAsync("a.example.org", DnsRecordType.A, Stop);
        await resolver.ResolveAsync("a.example.org", DnsRecordType.A, Stop);
        Assert.Single(server.Queries);
        _time.Advance(TimeSpan.FromSeconds(1));
        await resolver.ResolveAsync("a.example.org", DnsRecordType.A, Stop);
        Assert.Equal(2, server.Queries.Count);
    }

    [Fact]
    public async Task Resolver_asks_once_for_many_and_one_that_leaves_does_not_end_it()
    {
        var release = new TaskCompletionSource();
        await using var server = HostileDnsServer.Start(async query =>
        {
            await release.Task;
            return query.Answer(HostileRecord.A(query.Name, "192.0.2.7"));
        });
        var resolver = Create(server);
        using var leaving = new CancellationTokenSource();
        var left = resolver.ResolveAsync("example.org", DnsRecordType.A, leaving.Token).AsTask();
        var others = Enumerable.Range(0, 50).Select(_ => resolver.ResolveAsync("example.org", DnsRecordType.A, Stop).AsTask()).ToArray();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        release.SetResult();
        Assert.All(await Task.WhenAll(others), answer => Assert.Equal(DnsStatus.Success, answer.Status));
        Assert.Single(server.Queries);
    }

    [Fact]
    public async Task Resolver_does_not_let_the_cache_grow_and_keeps_what_is_used()
    {
        await using var server = HostileDnsServer.Start(query => query.Answer(HostileRecord.A(query.Name, "192.0.2.7")));
        var resolver = Create(server, cacheEntries: 50);
        await resolver.ResolveAsync("popular.example.org", DnsRecordType.A, Stop);
        for (var i = 0; i < 500; i++)
        {
            await resolver.ResolveAsync($"once{i}.example.org", DnsRecordType.A, Stop);
            await resolver.ResolveAsync("popular.example.org", DnsRecordType.A, Stop);
        }

        Assert.InRange(resolver.CachedCost, 1, 50);
        Assert.Single(server.Queries, query => query.Name == "popular.example.org");
    }

    [Fact]
    public async Task Resolver_counts_large_answers_as_several()
    {
        await using var server = HostileDnsServer.Start(query => query.Answer(HostileRecord.Txt(query.Name, new string('x', 1100))));
        var resolver = Create(server, cacheEntries: 10);
        for (var i = 0; i < 20; i++)
        {
            await resolver.ResolveAsync($"large{i}.example.org", DnsRecordType.Txt, Stop);
        }

        Assert.InRange(resolver.CachedCost, 2, 10);
    }

    [Fact]
    public async Task Resolver_asks_no_more_at_once_than_it_may()
    {
        var release = new TaskCompletionSource();
        var asked = new SemaphoreSlim(0);
        await using var server = HostileDnsServer.Start(async query =>
        {
            asked.Release();
            await release.Task;
            return query.Answer(HostileRecord.A(query.Name, "192.0.2.7"));
        });
        var resolver = Create(server, maxConcurrent: 2);
        var flights = Enumerable.Range(0, 30).Select(i => resolver.ResolveAsync($"n{i}.example.org", DnsRecordType.A, Stop).AsTask()).ToList();
        await asked.WaitAsync(Stop);
        await asked.WaitAsync(Stop);

        // Two are on the wire, sixteen wait, and the rest is told at once.
        Assert.Equal(12, flights.Count(flight => flight.IsCompletedSuccessfully));
        Assert.Equal(2, server.Queries.Count);
        release.SetResult();
        Assert.Equal(18, (await Task.WhenAll(flights)).Count(answer => answer.Status == DnsStatus.Success));
    }

    [Fact]
    public async Task Resolver_leaves_room_when_it_yields()
    {
        using var asked = new SemaphoreSlim(0);
        var release = new TaskCompletionSource();
        await using var server = HostileDnsServer.Start(async query =>
        {
            if (query.Name == "kept.example.org")
            {
                return query.Answer(HostileRecord.A(query.Name, "192.0.2.8"));
            }

            asked.Release();
            await release.Task;
            return query.Answer(HostileRecord.A(query.Name, "192.0.2.7"));
        });
        var resolver = Create(server, maxConcurrent: 4);
        Task<DnsAnswer> Ask(IDnsResolver of, string name) => of.ResolveAsync(name, DnsRecordType.A, Stop).AsTask();
        await Ask(resolver.Yielding, "kept.example.org");

        var first = Ask(resolver, "n1.example.org");
        var second = Ask(resolver.Yielding, "n2.example.org");
        await asked.WaitAsync(Stop);
        await asked.WaitAsync(Stop);

        Assert.Equal((DnsStatus.ServerFailure, "too many look-ups under way"), Of(await Ask(resolver.Yielding, "n3.example.org")));
        Assert.Equal(DnsStatus.Success, (await Ask(resolver.Yielding, "kept.example.org")).Status);
        var shared = Ask(resolver.Yielding, "n1.example.org");
        var important = Ask(resolver, "n3.example.org");
        await asked.WaitAsync(Stop);
        release.SetResult();
        Assert.All(await Task.WhenAll(first, second, shared, important), answer => Assert.Equal(DnsStatus.Success, answer.Status));

        static (DnsStatus, string) Of(DnsAnswer answer) => (answer.Status, answer.Detail);
    }

    [Fact]
    public async Task Resolver_lets_one_network_have_a_part_of_the_look_ups_that_yield()
    {
        var release = new TaskCompletionSource();
        var asked = new SemaphoreSlim(0);
        await using var server = HostileDnsServer.Start(async query =>
        {
            asked.Release();
            await release.Task;
            return query.Answer(HostileRecord.A(query.Name, "192.0.2.1"));
        });
        var resolver = Create(server, maxConcurrent: 8);
        async Task<DnsAnswer> Ask(IDnsResolver of, string name, string? client)
        {
            AskingNetwork.Current = client is null ? null : AskingNetwork.Of(client);
            return await of.ResolveAsync(name, DnsRecordType.A, Stop);
        }

        List<Task<DnsAnswer>> waiting = [Ask(resolver.Yielding, "n1.example.org", "192.0.2.1"), Ask(resolver.Yielding, "n2.example.org", "192.0.2.255")];
        Assert.Equal(DnsStatus.ServerFailure, (await Ask(resolver.Yielding, "n3.example.org", "::ffff:192.0.2.7")).Status);

        // What is on its way already costs nothing, what does not yield is not held up, and another network has its own part.
        waiting.Add(Ask(resolver.Yielding, "n2.example.org", "192.0.2.3"));
        waiting.Add(Ask(resolver, "n3.example.org", "192.0.2.3"));
        waiting.Add(Ask(resolver.Yielding, "n4.example.org", "192.0.3.1"));
        Assert.Null(AskingNetwork.Current);
        for (var i = 0; i < 4; i++)
        {
            await asked.WaitAsync(Stop);
        }

        release.SetResult();
        Assert.All(await Task.WhenAll(waiting), answer => Assert.Equal(DnsStatus.Success, answer.Status));
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.200", true)]
    [InlineData("192.0.2.1", "::ffff:192.0.2.200", true)]
    [InlineData("192.0.2.1", "192.0.3.1", false)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:ffff::9", true)]
    [InlineData("2001:db8:1::1", "2001:db8:2::1", false)]
    [InlineData("0.0.0.1", "::1", false)]
    public void AskingNetwork_is_what_one_holder_has(string one, string other, bool same) => Assert.Equal(same, AskingNetwork.Of(one) == AskingNetwork.Of(other));

    [Fact]
    public void NetworkShare_remembers_nobody_who_has_nothing_under_way()
    {
        var share = new NetworkShare(1);
        var network = AskingNetwork.Of("192.0.2.1");
        Assert.True(share.TryEnter(network));
        Assert.False(share.TryEnter(network));
        Assert.True(share.TryEnter(AskingNetwork.Of("192.0.3.1")));
        Assert.True(share.TryEnter(AskingNetwork.Of("no address")));
        share.Leave(network);
        Assert.True(share.TryEnter(network));
        share.Leave(network);
        share.Leave(null);
        Assert.Equal(1, share.Networks);
    }

    [Fact]
    public async Task Resolver_gives_up_at_its_deadline()
    {
        var asked = new SemaphoreSlim(0);
        await using var server = HostileDnsServer.Start(_ =>
        {
            asked.Release();
            return HostileReply.Silence;
        });
        var resolver = Create(server);
        var flight = resolver.ResolveAsync("example.org", DnsRecordType.A, Stop).AsTask();
        for (var i = 0; i < 3 && !flight.IsCompleted; i++)
        {
            await asked.WaitAsync(Stop);
            _time.Advance(TimeSpan.FromSeconds(2));
        }

        Assert.Equal(DnsStatus.Timeout, (await flight).Status);
    }
}
