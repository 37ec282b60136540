using Mailkey.Hosting.Options;
using Mailkey.Ingress.Smtp;
using Mailkey.Smtp;
using Mailkey.Testkit;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Tests;

public sealed class SmtpLimitTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    // Shorter than the time after which a session that does not end by itself is cut off.
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Session_is_closed_after_too_many_errors()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxErrors=3");
        using var client = await server.GreetAsync();

        Assert.Equal([500, 500, 500], (await client.AskAllAsync("FOO", "FOO", "FOO")).Select(reply => reply.Code));
        Assert.Equal(Replies.TooManyErrors, await client.ReadAsync());
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Session_is_closed_after_too_many_commands_that_move_no_mail()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxIdleCommands=4");
        using var client = await server.GreetAsync();

        Assert.Equal([250, 250, 252, 421], (await client.AskAllAsync("NOOP", "RSET", "VRFY x", "HELP")).Select(reply => reply.Code));
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Session_is_closed_after_too_many_transactions_that_end_at_MAIL()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxIdleCommands=4");
        using var client = await server.GreetAsync();

        // EHLO was the first.
        var replies = await client.AskAllAsync([.. Enumerable.Repeat("MAIL FROM:<> SIZE=99999999999", 4)]);
        Assert.All(replies, reply => Assert.Equal(552, reply.Code));
        Assert.Equal(Replies.TooManyIdleCommands, await client.ReadAsync());
        await client.AssertClosedAsync();
        Assert.Equal(4, server.Intake.Refusals.Count);
    }

    [Fact]
    public async Task Session_may_reset_before_each_message_it_sends()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxIdleCommands=4");
        using var client = await server.GreetAsync();
        for (var i = 0; i < 8; i++)
        {
            await client.AskAsync("RSET");
            await client.BeginAsync();
            Assert.Equal(250, (await client.DataAsync("x\r\n.\r\n")).Code);
        }

        Assert.Equal(8, server.Intake.Messages.Count);
    }

    [Fact]
    public async Task Transaction_takes_no_more_octets_of_recipients_than_a_bus_message_has_room_for()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxRecipients=10000");
        using var client = await server.GreetAsync();
        await client.AskAsync("MAIL FROM:<s@client.example>");
        var original = new string('x', 480);
        var codes = new List<int>();
        for (var i = 0; i < 30; i++)
        {
            var replies = await client.AskAllAsync([.. Enumerable.Range(0, 100).Select(j => $"RCPT TO:<r{i}-{j}@any.example> ORCPT=rfc822;{original}")]);
            codes.AddRange(replies.Select(reply => reply.Code));
        }

        Assert.InRange(codes.Count(code => code == 250), 1500, 2500);
        Assert.Equal(452, codes[^1]);
        Assert.Equal(250, (await client.DataAsync("x\r\n.\r\n")).Code);
    }

    [Fact]
    public async Task Session_has_as_many_transactions_as_EHLO_told()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxTransactions=2");
        using var client = await server.GreetAsync();
        var replies = await client.AskAllAsync("MAIL FROM:<>", "RSET", "MAIL FROM:<>", "RSET", "MAIL FROM:<>");

        Assert.Equal(Replies.TooManyTransactions, replies[^1]);
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Session_has_as_many_recipients_as_EHLO_told_and_takes_the_message_for_those()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxRecipients=100");
        using var client = await server.GreetAsync();
        await client.AskAsync("MAIL FROM:<>");
        var replies = await client.AskAllAsync([.. Enumerable.Range(0, 102).Select(i => $"RCPT TO:<user{i}@any.example>")]);

        Assert.All(replies[..100], reply => Assert.Equal(250, reply.Code));
        Assert.All(replies[100..], reply => Assert.Equal((452, new EnhancedStatusCode(4, 5, 3)), (reply.Code, reply.EnhancedCode!.Value)));
        Assert.Equal(250, (await client.DataAsync(".\r\n")).Code);
        Assert.Equal(100, Assert.Single(server.Intake.Messages).Envelope.Recipients.Count);
    }

    [Fact]
    public async Task Session_that_tries_names_is_closed()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxUnknownRecipients=3");
        using var client = await server.GreetAsync();
        await client.AskAsync("MAIL FROM:<>");
        var replies = await client.AskAllAsync("RCPT TO:<a@example.org>", "RCPT TO:<alice@example.org>", "RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>");

        Assert.Equal([550, 250, 550, 550], replies.Select(reply => reply.Code));
        Assert.Equal(Replies.TooManyUnknownRecipients, await client.ReadAsync());
        await client.AssertClosedAsync();
    }

    [Theory]
    [InlineData(0, 452)]
    [InlineData(1, 250)]
    public async Task Session_whose_RCPT_commands_add_nobody_is_closed(int named, int code)
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxRecipients=100", "Smtp:MaxFruitlessRecipients=1000");
        using var client = await server.GreetAsync();
        await client.AskAsync("MAIL FROM:<>");
        string[] taken = named > 0 ? ["RCPT TO:<alice@example.org>"] : [.. Enumerable.Range(0, 100).Select(i => $"RCPT TO:<user{i}@any.example>")];
        Assert.All(await client.AskAllAsync(taken), reply => Assert.Equal(250, reply.Code));
        for (var i = 0; i < 10; i++)
        {
            Assert.All(await client.AskAllAsync([.. Enumerable.Repeat("RCPT TO:<alice@example.org>", 100)]), reply => Assert.Equal(code, reply.Code));
        }

        Assert.Equal(Replies.TooManyFruitlessRecipients, await client.ReadAsync());
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Session_waits_for_a_command_as_long_as_the_option_says_however_its_octets_trickle()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:CommandTimeout=00:05:00");
        using var client = await server.GreetAsync();
        server.Time.Advance(4 * Minute);
        Assert.Equal(250, (await client.AskAsync("NOOP")).Code);
        server.Time.Advance(3 * Minute);
        await client.SendAsync("NO");
        server.Time.Advance((2 * Minute) + Moment);

        Assert.Equal(Replies.CommandTimeout, await client.ReadAsync());
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Session_waits_for_content_as_long_as_the_option_says()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:DataBlockTimeout=00:03:00", "Smtp:MinimumDataRate=0");
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        await client.AskAsync("DATA");
        server.Time.Advance((3 * Minute) + Moment);

        Assert.Equal(Replies.ContentTimeout, await client.ReadAsync());
        Assert.Equal(Replies.ContentTimeout, (await server.Intake.NextRefusalAsync()).Reply);
        Assert.True(Assert.Single(server.Intake.Messages).IsDisposed);
    }

    [Theory]
    [InlineData("DATA\r\n", 354)]
    [InlineData("BDAT 100000\r\n", 0)]
    public async Task Session_ends_when_content_comes_too_slowly(string command, int code)
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MinimumDataRate=100");
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        await client.SendAsync(command);
        if (code != 0)
        {
            Assert.Equal(code, (await client.ReadAsync()).Code);
        }

        await Eventually(() => server.Intake.Messages.Count == 1);
        server.Time.Advance(TimeSpan.FromSeconds(20));
        await client.SendAsync(new string('x', 500));
        await Eventually(() => server.Intake.Messages[0].Octets.Length == 500);
        server.Time.Advance(TimeSpan.FromSeconds(10) + Moment);

        Assert.Equal(Replies.ContentTooSlow, await client.ReadAsync());
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Session_ends_when_the_whole_content_takes_too_long()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:DataTotalTimeout=00:10:00", "Smtp:MinimumDataRate=0");
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        await client.AskAsync("DATA");
        for (var i = 1; i <= 5; i++)
        {
            await client.SendAsync("x\r\n");
            await Eventually(() => server.Intake.Messages[0].Octets.Length == 3 * i);
            server.Time.Advance(2 * Minute);
        }

        Assert.Equal(Replies.ContentTimeout, await client.ReadAsync());
    }

    [Fact]
    public async Task Session_that_waits_for_its_verdict_has_no_deadline()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        var verdict = new TaskCompletionSource();
        server.Intake.Answer = async (_, _) =>
        {
            await verdict.Task;
            return Replies.Accepted;
        };
        await client.BeginAsync();
        await client.AskAsync("DATA");
        await client.SendAsync("x\r\n.\r\n");
        await Eventually(() => server.Intake.Messages is [{ IsComplete: true }]);
        server.Time.Advance(60 * Minute);
        verdict.SetResult();

        Assert.Equal(250, (await client.ReadAsync()).Code);
    }

    [Fact]
    public async Task Session_of_a_client_that_never_reads_is_cut_off()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxIdleCommands=1000000");
        using var client = await server.GreetAsync();

        // More replies than all buffers between here and there hold: the server stops in the middle of them.
        await client.SendAsync(string.Concat(Enumerable.Repeat("HELP\r\n", 300_000)));
        await Eventually(() => client.Waiting > 10_000);
        await Eventually(() =>
        {
            server.Time.Advance(TimeSpan.FromMinutes(1));
            return server.Log.Lines.Any(line => line.Contains("disconnected after", StringComparison.Ordinal));
        });

        Assert.DoesNotContain(server.Log.Lines, line => line.Contains("closed: 421", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("BDAT 100000\r\n")]
    [InlineData("BDAT 100000 LAST\r\n")]
    public async Task Session_reads_a_refused_chunk_no_longer_than_another(string command)
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MinimumDataRate=100");
        using var client = await server.GreetAsync();
        await client.SendAsync("NOOP\r\n" + command);
        Assert.Equal(250, (await client.ReadAsync()).Code);
        server.Time.Advance(TimeSpan.FromSeconds(30) + Moment);

        Assert.Equal(Replies.ContentTooSlow, await client.ReadAsync());
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Session_reads_a_faulty_content_no_longer_than_another()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxMessageSize=65536");
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        await client.AskAsync("DATA");
        await client.SendAsync("bare\n" + string.Concat(Enumerable.Repeat(new string('x', 998) + "\r\n", 200)));

        Assert.Equal(554, (await client.ReadAsync()).Code);
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Server_has_a_limit_of_connections()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxConnections=2");
        using var first = await server.ConnectAsync();
        using var second = await server.ConnectAsync();
        using (var third = await SmtpTestClient.ConnectAsync(server.Port))
        {
            Assert.Equal(Replies.TooManyConnections, await third.ReadAsync());
            await third.AssertClosedAsync();
        }

        Assert.Equal(221, (await first.AskAsync("QUIT")).Code);
        await first.AssertClosedAsync();
        using var fourth = await server.ConnectAsync();
        Assert.Equal(250, (await fourth.AskAsync("NOOP")).Code);
    }

    [Fact]
    public async Task Server_has_a_limit_of_connections_for_each_network()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxConnectionsPerNetwork=1");
        using var first = await server.ConnectAsync();
        using var second = await SmtpTestClient.ConnectAsync(server.Port);

        Assert.Equal(Replies.TooManyConnectionsFromNetwork, await second.ReadAsync());
        await second.AssertClosedAsync();
    }

    [Fact]
    public async Task Network_that_tries_names_in_one_session_after_the_other_is_turned_away()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxUnknownRecipients=1", "Smtp:MaxConnectionRatePerNetwork=100");
        var sessions = 0;
        while (true)
        {
            using var client = await SmtpTestClient.ConnectAsync(server.Port);
            if (await client.ReadAsync() is { Code: not 220 } refusal)
            {
                Assert.Equal(Replies.TooManyConnectionsFromNetwork, refusal);
                break;
            }

            Assert.InRange(++sessions, 1, 10);
            await client.AskAllAsync("EHLO client.example", "MAIL FROM:<>");
            Assert.Equal(550, (await client.AskAsync("RCPT TO:<nobody@example.org>")).Code);
            Assert.Equal(Replies.TooManyUnknownRecipients, await client.ReadAsync());
        }

        Assert.InRange(sessions, 9, 10);
        server.Time.Advance(Minute);
        using var later = await server.GreetAsync();
    }

    [Fact]
    public void ClientNetworks_counts_by_network_and_lets_the_rate_flow_in_again()
    {
        var time = new ManualTime();
        var options = Options.Create(new MailkeyOptions { Smtp = { MaxConnectionsPerNetwork = 2, MaxConnectionRatePerNetwork = 3 } });
        var networks = new ClientNetworks(options, time);
        var network = ClientNetwork.Of(System.Net.IPAddress.Parse("192.0.2.1"));
        var neighbour = ClientNetwork.Of(System.Net.IPAddress.Parse("192.0.2.255"));

        Assert.Equal(network, neighbour);
        Assert.True(networks.TryEnter(network));
        Assert.True(networks.TryEnter(neighbour));
        Assert.False(networks.TryEnter(network));
        networks.Leave(network);
        Assert.True(networks.TryEnter(network));
        networks.Leave(network);
        networks.Leave(network);
        Assert.False(networks.TryEnter(network));
        Assert.True(networks.TryEnter(ClientNetwork.Of(System.Net.IPAddress.Parse("192.0.3.1"))));
        time.Advance(TimeSpan.FromSeconds(19));
        networks.Sweep();
        Assert.False(networks.TryEnter(network));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(networks.TryEnter(network));
    }

    [Theory]
    [InlineData("2001:db8:1::1", "2001:db8:1:ffff::1", true)]
    [InlineData("2001:db8:1::1", "2001:db8:2::1", false)]
    [InlineData("192.0.2.1", "192.0.3.1", false)]
    [InlineData("0.0.2.1", "::2", false)]
    public void ClientNetwork_is_a_24_or_a_48(string one, string other, bool isSame) =>
        Assert.Equal(isSame, ClientNetwork.Of(System.Net.IPAddress.Parse(one)) == ClientNetwork.Of(System.Net.IPAddress.Parse(other)));

    [Fact]
    public async Task Server_that_stops_lets_a_transaction_end_and_sends_the_idle_away()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var idle = await server.GreetAsync();
        using var busy = await server.GreetAsync();
        await busy.BeginAsync();
        await busy.AskAsync("DATA");

        var stopped = server.StopAsync();
        Assert.Equal(Replies.ShuttingDown, await idle.ReadAsync());
        await idle.AssertClosedAsync();
        Assert.False(stopped.IsCompleted);

        await busy.SendAsync("x\r\n.\r\n");
        Assert.Equal(250, (await busy.ReadAsync()).Code);
        Assert.Equal(Replies.ShuttingDown, await busy.ReadAsync());
        await stopped.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.True(Assert.Single(server.Intake.Messages).IsComplete);
    }

    [Fact]
    public async Task Server_that_stops_waits_no_longer_than_the_grace()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:ShutdownGrace=00:00:10");
        using var writing = await server.GreetAsync();
        await writing.BeginAsync();
        await writing.AskAsync("DATA");
        using var waiting = await server.GreetAsync();
        server.Intake.Answer = async (_, cancellationToken) =>
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return Replies.Accepted;
        };
        await waiting.BeginAsync();
        await waiting.AskAsync("DATA");
        await waiting.SendAsync("x\r\n.\r\n");
        await Eventually(() => server.Intake.Messages.Any(message => message.IsComplete));

        var stopped = server.StopAsync();
        server.Time.Advance(TimeSpan.FromSeconds(11));

        Assert.Equal(Replies.ShuttingDown, await writing.ReadAsync());
        Assert.Equal(451, (await waiting.ReadAsync()).Code);
        await stopped.WaitAsync(TimeSpan.FromSeconds(20));
    }

    // For what happens on the other side of a socket: no reply tells of it.
    private static async Task Eventually(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition())
        {
            await Task.Delay(5, patience.Token);
        }
    }
}
