using Mailkey.Ingress.Recipients;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Tests;

public sealed class CallOutTests : IAsyncLifetime
{
    private readonly NextHopStub nextHop = NextHopStub.Start();
    private SmtpTestServer server = null!;

    public async ValueTask InitializeAsync() => server = await StartAsync("lmtp");

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await nextHop.DisposeAsync();
    }

    [Fact]
    public async Task CallOut_asks_with_the_null_reverse_path_and_without_content()
    {
        Assert.Equal("250 2.1.5", await RcptAsync("<Carol+x@asked.example>"));
        Assert.Equal(["LHLO mx.example.org", "MAIL FROM:<>", "RCPT TO:<Carol+x@asked.example>", "RSET"], nextHop.Commands);
    }

    [Theory]
    [InlineData("250 OK", "250 2.1.5")]
    [InlineData("251 2.1.5 will forward", "250 2.1.5")]
    [InlineData("550 5.1.1 no such user", "550 5.1.1")]
    [InlineData("550 no such user", "550 5.1.1")]
    [InlineData("553 5.1.3 bad", "550 5.1.1")]
    [InlineData("550 5.2.1 disabled", "550 5.1.1")]
    public async Task CallOut_keeps_what_the_next_hop_says_of_the_address(string said, string reply)
    {
        nextHop.AnswerRecipients(_ => said);

        Assert.Equal(reply, await RcptAsync("<carol@asked.example>"));
        Assert.Equal(reply, await RcptAsync("<carol@Asked.example>"));
        Assert.Single(nextHop.Commands, IsRcpt);
    }

    [Theory]
    [InlineData("<CAROL@asked.example>")]
    [InlineData("<\"carol\"@asked.example>")]
    [InlineData("<\"car\\ol\"@asked.example>")]
    public async Task CallOut_about_one_spelling_makes_no_other_unknown(string spelling)
    {
        nextHop.AnswerRecipients(command => command.Contains("<carol@", StringComparison.Ordinal) ? "250 OK" : "553 5.1.3 no such address");

        Assert.Equal("550 5.1.1", await RcptAsync(spelling));
        Assert.Equal("250 2.1.5", await RcptAsync("<carol@asked.example>"));
    }

    [Theory]
    [InlineData("450 4.2.1 greylisted")]
    [InlineData("451 later")]
    [InlineData("452 4.2.2 full")]
    [InlineData("421 4.3.2 closing")]
    [InlineData("550 5.7.1 your host is on a list")]
    [InlineData("554 5.7.1 relay denied")]
    [InlineData("552 5.2.2 full")]
    [InlineData("550 5.1.7 we know no such sender")]
    [InlineData("550 5.1.8 your domain is strange")]
    [InlineData("354 what")]
    public async Task CallOut_keeps_nothing_that_is_not_about_the_address(string said)
    {
        nextHop.AnswerRecipients(_ => said);
        Assert.Equal("451 4.4.1", await RcptAsync("<carol@asked.example>"));

        nextHop.AnswerRecipients(_ => "250 OK");
        Assert.Equal("250 2.1.5", await RcptAsync("<carol@asked.example>"));
    }

    [Fact]
    public async Task CallOut_takes_no_answer_when_the_null_reverse_path_is_refused()
    {
        nextHop.Answer = command => Task.FromResult<string?>(
            command.StartsWith("MAIL", StringComparison.Ordinal) ? "550 5.1.1 no" : command.StartsWith("RCPT", StringComparison.Ordinal) ? "550 5.1.1 no" : NextHopStub.Default(command));

        Assert.Equal("451 4.4.1", await RcptAsync("<carol@asked.example>"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("rubbish")]
    [InlineData("554 not for you")]
    public async Task CallOut_that_fails_is_temporary(string? said)
    {
        nextHop.Answer = _ => Task.FromResult(said);
        Assert.Equal("451 4.4.1", await RcptAsync("<carol@asked.example>"));

        nextHop.Answer = command => Task.FromResult<string?>(NextHopStub.Default(command));
        Assert.Equal("250 2.1.5", await RcptAsync("<carol@asked.example>"));
    }

    [Fact]
    public async Task CallOut_that_gets_no_answer_in_time_is_temporary()
    {
        nextHop.Answer = _ => new TaskCompletionSource<string?>().Task;
        var rcpt = RcptAsync("<carol@asked.example>");
        while (!rcpt.IsCompleted)
        {
            await Task.Delay(5);
            if (nextHop.Commands.Count > 0)
            {
                server.Time.Advance(TimeSpan.FromSeconds(11));
            }
        }

        Assert.Equal("451 4.4.1", await rcpt);
    }

    [Fact]
    public async Task CallOut_asks_again_when_the_time_of_an_answer_is_over()
    {
        nextHop.AnswerRecipients(_ => "550 5.1.1 not yet");
        Assert.Equal("550 5.1.1", await RcptAsync("<carol@asked.example>"));

        nextHop.AnswerRecipients(_ => "250 OK");
        server.Time.Advance(TimeSpan.FromMinutes(9));
        Assert.Equal("550 5.1.1", await RcptAsync("<carol@asked.example>"));
        server.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal("250 2.1.5", await RcptAsync("<carol@asked.example>"));
    }

    [Fact]
    public async Task CallOut_asks_once_for_sessions_that_ask_at_the_same_time_and_reuses_its_connection()
    {
        var asked = new TaskCompletionSource();
        var may = new TaskCompletionSource();
        nextHop.Answer = async command =>
        {
            if (IsRcpt(command))
            {
                asked.TrySetResult();
                await may.Task;
            }

            return NextHopStub.Default(command);
        };
        var first = RcptAsync("<carol@asked.example>");
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(20));
        var others = Enumerable.Range(0, 5).Select(_ => RcptAsync("<carol@asked.example>")).ToArray();
        may.SetResult();

        Assert.Equal("250 2.1.5", await first);
        Assert.All(await Task.WhenAll(others), reply => Assert.Equal("250 2.1.5", reply));
        Assert.Single(nextHop.Commands, IsRcpt);

        Assert.Equal("250 2.1.5", await RcptAsync("<dave@asked.example>"));
        Assert.Equal(1, nextHop.Connections);
    }

    [Fact]
    public async Task CallOut_uses_a_new_connection_when_the_kept_one_was_closed()
    {
        Assert.Equal("250 2.1.5", await RcptAsync("<carol@asked.example>"));
        var refuse = true;
        nextHop.Answer = command =>
        {
            var close = refuse && command.StartsWith("MAIL", StringComparison.Ordinal);
            refuse = refuse && !close;
            return Task.FromResult(close ? null : NextHopStub.Default(command));
        };

        Assert.Equal("250 2.1.5", await RcptAsync("<dave@asked.example>"));
        Assert.Equal(2, nextHop.Connections);
    }

    [Fact]
    public async Task CallOut_takes_no_reply_that_nobody_asked_for()
    {
        nextHop.Answer = command => Task.FromResult<string?>(
            command == "RSET" ? "250 reset\r\n250 and again" : command.Contains("<dave@", StringComparison.Ordinal) ? "550 5.1.1 no" : NextHopStub.Default(command));

        Assert.Equal("250 2.1.5", await RcptAsync("<carol@asked.example>"));
        Assert.Equal("550 5.1.1", await RcptAsync("<dave@asked.example>"));
        Assert.Equal("250 2.1.5", await RcptAsync("<erin@asked.example>"));
    }

    [Fact]
    public async Task CallOut_keeps_at_most_so_many_answers_and_known_recipients_longest()
    {
        await server.DisposeAsync();
        server = await StartAsync("lmtp", "Recipients:CacheEntries=10", "Smtp:MaxUnknownRecipients=1000");
        nextHop.AnswerRecipients(command => command.Contains("carol", StringComparison.Ordinal) ? "250 OK" : "550 5.1.1 no");
        Assert.Equal("250 2.1.5", await RcptAsync("<carol@asked.example>"));
        for (var i = 0; i < 50; i++)
        {
            Assert.Equal("550 5.1.1", await RcptAsync($"<x{i}@asked.example>"));
        }

        var before = nextHop.Commands.Count(IsRcpt);
        Assert.Equal("250 2.1.5", await RcptAsync("<carol@asked.example>"));
        Assert.Equal(before, nextHop.Commands.Count(IsRcpt));

        // Which of the unknown ones are kept is left to the cache; ten at most are.
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal("550 5.1.1", await RcptAsync($"<x{i}@asked.example>"));
        }

        Assert.True(nextHop.Commands.Count(IsRcpt) >= before + 10);
    }

    [Fact]
    public async Task CallOut_speaks_SMTP_and_not_all_at_once_where_PIPELINING_is_not_offered()
    {
        await server.DisposeAsync();
        server = await StartAsync("smtp");
        nextHop.Answer = command => Task.FromResult<string?>(command.StartsWith("EHLO", StringComparison.Ordinal) ? "502 what" : NextHopStub.Default(command));

        Assert.Equal("250 2.1.5", await RcptAsync("<carol@asked.example>"));
        Assert.Equal(["EHLO mx.example.org", "HELO mx.example.org", "MAIL FROM:<>", "RCPT TO:<carol@asked.example>", "RSET"], nextHop.Commands);
    }

    [Fact]
    public async Task CallOut_is_not_made_for_postmaster_or_relays_and_not_beyond_the_list()
    {
        await server.DisposeAsync();
        server = await StartAsync("lmtp", "Domains:3:Recipients:0=carol");

        Assert.Equal("250 2.1.5", await RcptAsync("<postmaster@asked.example>"));
        Assert.Equal("550 5.7.1", await RcptAsync("<x%y@asked.example>"));
        Assert.Equal("550 5.1.1", await RcptAsync("<dave@asked.example>"));
        Assert.Empty(nextHop.Commands);
        Assert.Equal("250 2.1.5", await RcptAsync("<carol+x@asked.example>"));
    }

    [Theory]
    [InlineData("lmtp://host.example:2400", "host.example", 2400, true)]
    [InlineData("smtp://192.0.2.1", "192.0.2.1", 25, false)]
    [InlineData("lmtp://[2001:db8::1]", "2001:db8::1", 24, true)]
    public void NextHop_is_a_host_and_a_port(string text, string host, int port, bool isLmtp)
    {
        Assert.True(NextHop.TryParse(text, out var hop));
        Assert.Equal(new NextHop(host, port, isLmtp), hop);
    }

    [Theory]
    [InlineData("maildir")]
    [InlineData("http://host")]
    [InlineData("")]
    public void NextHop_is_nothing_else(string text) => Assert.False(NextHop.TryParse(text, out _));

    private static bool IsRcpt(string command) => command.StartsWith("RCPT", StringComparison.Ordinal);

    private Task<SmtpTestServer> StartAsync(string scheme, params string[] settings) => SmtpTestServer.StartAsync(
        ["Domains:3:Name=asked.example", "Domains:3:CallOut=true", $"Domains:3:NextHop={scheme}://127.0.0.1:{nextHop.Port}", .. settings]);

    private async Task<string> RcptAsync(string path)
    {
        using var client = await server.GreetAsync();
        await client.AskAsync("MAIL FROM:<s@client.example>");
        var reply = await client.AskAsync($"RCPT TO:{path}");
        return $"{reply.Code} {reply.EnhancedCode}";
    }
}
