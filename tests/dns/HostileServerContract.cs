using System.Net;
using Mailkey.Testkit.Dns;

namespace Mailkey.Dns.Tests;

/// <summary>What any <see cref="IDnsResolver"/> has to withstand. Nothing here may end in a record, in NODATA or in NXDOMAIN.</summary>
public abstract class HostileServerContract
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Time for one try where no answer will come: each such test waits for several of them.</summary>
    private static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(250);

    /// <summary>Time for one try where an answer comes; a machine that stands still for a moment shall not make a time-out of it.</summary>
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(10);

    /// <summary>Time for one try where one server is silent and the next one answers.</summary>
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(2);

    protected abstract IDnsResolver Create(TimeSpan attempt, params IPEndPoint[] servers);

    private async Task<(DnsAnswer Answer, HostileDnsServer Server)> AskAsync(DnsRecordType type, Func<HostileQuery, HostileReply> behaviour, TimeSpan? attempt = null)
    {
        await using var server = HostileDnsServer.Start(behaviour);
        return (await Create(attempt ?? Patient, server.Endpoint).ResolveAsync("mailkey.example.org", type, Stop), server);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(9)]
    public async Task Error_codes_prove_nothing(int code)
    {
        var (answer, _) = await AskAsync(DnsRecordType.Txt, query => query.Reply(code));
        Assert.Equal(DnsStatus.ServerFailure, answer.Status);
    }

    [Fact]
    public async Task An_error_as_bare_header_is_a_failure_and_no_timeout()
    {
        var (answer, _) = await AskAsync(DnsRecordType.Txt, query => new([query.Message[0], query.Message[1], 0x80, 0x82, 0, 0, 0, 0, 0, 0, 0, 0]));
        Assert.Equal(DnsStatus.ServerFailure, answer.Status);
    }

    [Fact]
    public async Task Silence_is_a_timeout()
    {
        var (answer, server) = await AskAsync(DnsRecordType.Txt, _ => HostileReply.Silence, Brief);
        Assert.Equal(DnsStatus.Timeout, answer.Status);
        Assert.True(server.Queries.Count > 1, "a lost datagram must be sent again");
    }

    [Fact]
    public async Task Answers_with_another_id_are_not_heard()
    {
        var (answer, _) = await AskAsync(DnsRecordType.A, query =>
            query.Tcp ? HostileReply.Silence : query.Reply(3, authority: [HostileRecord.Soa(".", 60)], id: (ushort)((query.Message[0] << 8) + query.Message[1] + 1)), Brief);
        Assert.Equal(DnsStatus.Timeout, answer.Status);
    }

    [Fact]
    public async Task Answers_to_another_question_are_not_heard()
    {
        var (answer, _) = await AskAsync(DnsRecordType.A, query => query.Reply(3, authority: [HostileRecord.Soa(".", 60)], question: query.QuestionAbout("mailkey.example.net")), Brief);
        Assert.Contains(answer.Status, (DnsStatus[])[DnsStatus.Timeout, DnsStatus.ServerFailure]);
    }

    [Fact]
    public async Task The_true_answer_is_found_behind_forged_ones()
    {
        var (answer, _) = await AskAsync(DnsRecordType.A, query =>
            query.Reply(0, [HostileRecord.A(query.Name, "203.0.113.66")], id: (ushort)~((query.Message[0] << 8) | query.Message[1]))
                .Then(query.Reply(0, [HostileRecord.A(query.Name, "203.0.113.66")], question: query.QuestionAbout("other.example")))
                .Then(query.Answer(HostileRecord.A(query.Name, "192.0.2.7"))));
        Assert.Equal("192.0.2.7", Assert.Single(answer.Records).Address!.ToString());
    }

    [Fact]
    public async Task A_flood_of_forged_answers_does_not_keep_the_true_one_away()
    {
        var (answer, _) = await AskAsync(DnsRecordType.A, query =>
        {
            var reply = HostileReply.Silence;
            for (ushort id = 0; id < 64 && !query.Tcp; id++)
            {
                reply = reply.Then(query.Reply(0, [HostileRecord.A(query.Name, "203.0.113.66")], id: (ushort)((query.Message[0] << 8) ^ 0x100 ^ id)));
            }

            return reply.Then(query.Answer(HostileRecord.A(query.Name, "192.0.2.7")));
        });
        Assert.Equal("192.0.2.7", Assert.Single(answer.Records).Address!.ToString());
    }

    [Fact]
    public async Task Records_of_other_names_have_no_effect()
    {
        var (answer, _) = await AskAsync(DnsRecordType.A, query =>
            query.Answer(HostileRecord.A("mailkey.victim.example", "203.0.113.66"), HostileRecord.A(query.Name, "192.0.2.7")));
        Assert.Equal("192.0.2.7", Assert.Single(answer.Records).Address!.ToString());
    }

    [Fact]
    public async Task What_a_server_says_about_another_name_is_not_remembered()
    {
        await using var server = HostileDnsServer.Start(query => query.Name == "mailkey.example.org"
            ? query.Answer(HostileRecord.A(query.Name, "192.0.2.7"), HostileRecord.A("mailkey.victim.example", "203.0.113.66"))
            : query.Answer(HostileRecord.A(query.Name, "192.0.2.8")));
        var resolver = Create(Patient, server.Endpoint);
        await resolver.ResolveAsync("mailkey.example.org", DnsRecordType.A, Stop);
        Assert.Equal("192.0.2.8", Assert.Single((await resolver.ResolveAsync("mailkey.victim.example", DnsRecordType.A, Stop)).Records).Address!.ToString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task An_answer_about_other_names_only_proves_nothing(int code)
    {
        var (answer, _) = await AskAsync(DnsRecordType.A, query =>
            query.Reply(code, [HostileRecord.A("elsewhere.example", "203.0.113.66")], [HostileRecord.Soa(".", 60)]));
        Assert.Equal(DnsStatus.ServerFailure, answer.Status);
    }

    [Fact]
    public async Task A_referral_proves_nothing()
    {
        var (answer, _) = await AskAsync(DnsRecordType.Txt, query => query.Reply(0, authority: [HostileRecord.Ns("org", "ns.example.org")]));
        Assert.Equal(DnsStatus.ServerFailure, answer.Status);
    }

    [Fact]
    public async Task Nxdomain_with_records_proves_nothing()
    {
        var (answer, _) = await AskAsync(DnsRecordType.A, query => query.Reply(3, [HostileRecord.A(query.Name, "192.0.2.7")]));
        Assert.Equal(DnsStatus.ServerFailure, answer.Status);
    }

    [Fact]
    public async Task Circles_of_aliases_end()
    {
        var (answer, server) = await AskAsync(DnsRecordType.A, query =>
            query.Answer(HostileRecord.Cname("mailkey.example.org", "b.example.org"), HostileRecord.Cname("b.example.org", "mailkey.example.org")));
        Assert.Equal(DnsStatus.ServerFailure, answer.Status);
        Assert.InRange(server.Queries.Count, 1, 20);
    }

    [Fact]
    public async Task Endless_aliases_over_many_answers_end()
    {
        var count = 0;
        var (answer, server) = await AskAsync(DnsRecordType.A, query => query.Answer(HostileRecord.Cname(query.Name, $"a{++count}.example.org")));
        Assert.Equal(DnsStatus.ServerFailure, answer.Status);
        Assert.InRange(server.Queries.Count, 1, 20);
    }

    [Fact]
    public async Task Two_aliases_of_one_name_prove_nothing()
    {
        var (answer, _) = await AskAsync(DnsRecordType.A, query =>
            query.Answer(HostileRecord.Cname(query.Name, "b.example.org"), HostileRecord.Cname(query.Name, "c.example.org"), HostileRecord.A("b.example.org", "192.0.2.7")));
        Assert.Equal(DnsStatus.ServerFailure, answer.Status);
    }

    [Fact]
    public async Task A_chain_is_followed_to_its_end_in_one_answer_and_over_two()
    {
        var (answer, _) = await AskAsync(DnsRecordType.A, query => query.Name == "end.example.org"
            ? query.Answer(HostileRecord.A("end.example.org", "192.0.2.9", 50))
            : query.Answer(HostileRecord.Cname(query.Name, "middle.example.org", 40), HostileRecord.Cname("middle.example.org", "end.example.org")));
        Assert.Equal("192.0.2.9", Assert.Single(answer.Records).Address!.ToString());
        Assert.Equal(TimeSpan.FromSeconds(40), answer.TimeToLive);
    }

    [Fact]
    public async Task Nxdomain_of_the_end_of_a_chain_is_that_of_the_name()
    {
        var (answer, _) = await AskAsync(DnsRecordType.A, query =>
            query.Reply(3, [HostileRecord.Cname(query.Name, "gone.example.org", 40)], [HostileRecord.Soa("example.org", 60)]));
        Assert.Equal(DnsStatus.NameError, answer.Status);
        Assert.Equal(TimeSpan.FromSeconds(40), answer.TimeToLive);
    }

    [Fact]
    public async Task Garbage_is_a_failure()
    {
        var (answer, _) = await AskAsync(DnsRecordType.Txt, query => new([.. query.Reply(0, answerCount: 3).Messages[0], 0xC0, 0xFF, 0xFF]));
        Assert.Equal(DnsStatus.ServerFailure, answer.Status);
    }

    [Fact]
    public async Task An_answer_cut_short_is_a_failure_and_no_absence()
    {
        var (answer, _) = await AskAsync(DnsRecordType.Txt, query =>
        {
            var whole = query.Answer(HostileRecord.Txt(query.Name, "v=MAILKEY1; k=ed25519; s=a; p=AAAA")).Messages[0];
            return new(whole[..^9]);
        });
        Assert.Equal(DnsStatus.ServerFailure, answer.Status);
    }

    [Fact]
    public async Task A_truncated_answer_is_fetched_whole()
    {
        var (answer, server) = await AskAsync(DnsRecordType.Txt, query => query.Tcp
            ? query.Answer(HostileRecord.Txt(query.Name, "whole"))
            : query.Reply(0, truncated: true));
        Assert.Equal("whole", Assert.Single(answer.Records).Text);
        Assert.Contains(server.Queries, query => query.Tcp);
    }

    [Fact]
    public async Task A_truncated_answer_without_tcp_proves_nothing()
    {
        var (answer, _) = await AskAsync(DnsRecordType.Txt, query => query.Tcp ? HostileReply.Silence : query.Reply(3, truncated: true), Brief);
        Assert.Contains(answer.Status, (DnsStatus[])[DnsStatus.Timeout, DnsStatus.ServerFailure]);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_a_failure()
    {
        IPEndPoint gone;
        await using (var server = HostileDnsServer.Start(_ => HostileReply.Silence))
        {
            gone = server.Endpoint;
        }

        Assert.Equal(DnsStatus.ServerFailure, (await Create(Patient, gone).ResolveAsync("example.org", DnsRecordType.A, Stop)).Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_next_server_is_asked_when_one_fails(bool silent)
    {
        await using var broken = HostileDnsServer.Start(query => silent ? HostileReply.Silence : query.Reply(2));
        await using var good = HostileDnsServer.Start(query => query.Answer(HostileRecord.A(query.Name, "192.0.2.7")));
        var resolver = Create(Between, broken.Endpoint, good.Endpoint);
        Assert.Equal(DnsStatus.Success, (await resolver.ResolveAsync("a.example.org", DnsRecordType.A, Stop)).Status);
        Assert.NotEmpty(broken.Queries);

        // The one that works is asked first from then on.
        var before = broken.Queries.Count;
        Assert.Equal(DnsStatus.Success, (await resolver.ResolveAsync("b.example.org", DnsRecordType.A, Stop)).Status);
        Assert.Equal(before, broken.Queries.Count);
    }

    [Fact]
    public async Task A_server_without_edns_is_asked_plainly()
    {
        var (answer, server) = await AskAsync(DnsRecordType.A, query => query.Edns ? query.Reply(1) : query.Answer(HostileRecord.A(query.Name, "192.0.2.7")));
        Assert.Equal(DnsStatus.Success, answer.Status);
        Assert.True(server.Queries.First().Edns);
    }
}
