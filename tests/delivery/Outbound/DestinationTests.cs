using Mailkey.Delivery.Outbound;
using Mailkey.Testkit;

namespace Mailkey.Delivery.Tests.Outbound;

public sealed class DestinationTests
{
    [Fact]
    public async Task Messages_share_a_connection_up_to_its_limit()
    {
        await using var server = ScriptedServer.Behaved(["PIPELINING"]);
        await using var bench = DeliveryBench.To(server.Port, options => options.MaxMessagesPerConnection = 3);

        for (var i = 0; i < 7; i++)
        {
            Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync("a@example.org")).Kind);
        }

        Assert.Equal(3, server.Connections);
        Assert.DoesNotContain("RSET", server.Lines());
    }

    [Fact]
    public async Task MAILMAX_of_the_host_is_kept()
    {
        await using var server = ScriptedServer.Behaved(["PIPELINING", "LIMITS MAILMAX=2 RCPTMAX=100"]);
        await using var bench = DeliveryBench.To(server.Port);

        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync("a@example.org")).Kind);
        }

        Assert.Equal(2, server.Connections);
    }

    [Theory]
    [InlineData("")]
    [InlineData("421 4.3.2 closing")]
    public async Task A_connection_that_went_stale_costs_no_attempt(string lastWords)
    {
        var mails = 0;
        await using var server = ScriptedServer.Behaved(["PIPELINING"], line => line.StartsWith("MAIL", StringComparison.Ordinal) && ++mails == 2 ? lastWords : null);
        await using var bench = DeliveryBench.To(server.Port);

        Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync("a@example.org")).Kind);
        Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync("a@example.org")).Kind);

        Assert.Equal(2, server.Connections);
    }

    [Fact]
    public async Task A_reply_that_nobody_asked_for_is_not_taken_for_one_to_the_next_message()
    {
        await using var server = ScriptedServer.Behaved(["PIPELINING"], line =>
            line == "." ? "250 2.0.0 taken\r\n250 2.0.0 and again" : line.Contains("<unknown@", StringComparison.Ordinal) ? "550 5.1.1 no such user" : null);
        await using var bench = DeliveryBench.To(server.Port);

        for (var i = 0; i < 3; i++)
        {
            var outcomes = await bench.SendAsync("unknown@example.org", "known@example.org");
            Assert.Equal([OutcomeKind.Failed, OutcomeKind.Delivered], outcomes.Select(outcome => outcome.Kind));
        }
    }

    [Fact]
    public async Task A_host_that_always_breaks_off_is_not_tried_without_end()
    {
        await using var server = ScriptedServer.Behaved(["PIPELINING"], line => line.StartsWith("MAIL", StringComparison.Ordinal) ? "" : null);
        await using var bench = DeliveryBench.To(server.Port);

        Assert.Equal(OutcomeKind.Deferred, Assert.Single(await bench.SendAsync("a@example.org")).Kind);

        Assert.Equal(1, server.Connections);
    }

    [Fact]
    public async Task Messages_that_come_together_do_not_wait_for_each_other()
    {
        var arrived = 0;
        TaskCompletionSource together = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ScriptedServer server = new(async session =>
        {
            await session.WriteAsync("220 hi\r\n");
            while (await session.ReadLineAsync() is { } line && line != "QUIT")
            {
                if (line == "DATA")
                {
                    await session.WriteAsync("354 go\r\n");
                    while (await session.ReadLineAsync() is { } content && content != ".")
                    {
                    }

                    if (Interlocked.Increment(ref arrived) == 3)
                    {
                        together.SetResult();
                    }

                    await together.Task.WaitAsync(session.Stop);
                }

                await session.WriteAsync("250 ok\r\n");
            }
        });
        await using var bench = DeliveryBench.To(server.Port, options => options.MaxConnectionsPerDestination = 20);

        var all = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => bench.SendAsync("a@example.org")));

        Assert.All(all, outcomes => Assert.Equal(OutcomeKind.Delivered, outcomes[0].Kind));
        Assert.Equal(3, server.Connections);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_host_that_takes_only_so_many_connections_gets_all_its_mail_over_those(int most)
    {
        var open = 0;
        var refused = 0;
        await using ScriptedServer server = new(async session =>
        {
            var isWelcome = Interlocked.Increment(ref open) <= most;
            try
            {
                if (!isWelcome)
                {
                    Interlocked.Increment(ref refused);
                    await session.WriteAsync("421 4.7.0 too many connections\r\n");
                    return;
                }

                await session.WriteAsync("220 hi\r\n");
                while (await session.ReadLineAsync() is { } line && line != "QUIT")
                {
                    if (line == "DATA")
                    {
                        await session.WriteAsync("354 go\r\n");
                        while (await session.ReadLineAsync() is { } content && content != ".")
                        {
                        }
                    }

                    await session.WriteAsync("250 ok\r\n");
                }
            }
            finally
            {
                Interlocked.Decrement(ref open);
            }
        });
        await using var bench = DeliveryBench.To(server.Port, options => (options.MaxConnectionsPerDestination, options.MaxMessagesPerConnection) = (20, 7));

        var all = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => bench.SendAsync("a@example.org")));

        Assert.All(all, outcomes => Assert.Equal(OutcomeKind.Delivered, outcomes[0].Kind));
        Assert.NotEqual(0, refused);

        // It is not asked for more again at once.
        var before = refused;
        all = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => bench.SendAsync("a@example.org")));
        Assert.All(all, outcomes => Assert.Equal(OutcomeKind.Delivered, outcomes[0].Kind));
        Assert.Equal(before, refused);
    }

    [Fact]
    public async Task No_more_connections_are_open_than_allowed()
    {
        var open = 0;
        var most = 0;
        await using ScriptedServer server = new(async session =>
        {
            var now = Interlocked.Increment(ref open);
            most = Math.Max(most, now);
            await session.WriteAsync("220 hi\r\n");
            while (await session.ReadLineAsync() is { } line)
            {
                if (line == "DATA")
                {
                    await session.WriteAsync("354 go\r\n");
                    while (await session.ReadLineAsync() is { } content && content != ".")
                    {
                    }
                }

                await Task.Delay(5);
                await session.WriteAsync("250 ok\r\n");
            }

            Interlocked.Decrement(ref open);
        });
        await using var bench = DeliveryBench.To(server.Port, options => options.MaxConnectionsPerDestination = 4);

        var all = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => bench.SendAsync("a@example.org")));

        Assert.All(all, outcomes => Assert.Equal(OutcomeKind.Delivered, outcomes[0].Kind));
        Assert.Equal(4, most);
    }

    [Fact]
    public async Task Exchangers_of_all_domains_share_a_limit_of_connections()
    {
        TaskCompletionSource go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ScriptedServer slow = new(async session =>
        {
            await go.Task;
            await session.WriteAsync("554 no\r\n");
        });
        await using DeliveryBench bench = new(options => options.Delivery.SmtpPort = slow.Port);
        ExchangerConnections places = new(1);
        using CancellationTokenSource stop = new();
        List<Destination> ended = [];
        var one = To("[127.0.0.1]");
        var two = To("[127.0.0.2]");
        using var message = await bench.MessageAsync(DeliveryBench.Envelope("a@[127.0.0.1]"));
        OutgoingTransaction first = new(message, message.Envelope.Recipients);
        OutgoingTransaction second = new(message, message.Envelope.Recipients);
        OutgoingTransaction third = new(message, message.Envelope.Recipients);

        Assert.True(one.TryAdd(first));
        Assert.True(two.TryAdd(second));
        var refused = Assert.Single(await second.Outcomes);
        Assert.Equal((OutcomeKind.Deferred, "4.4.5"), (refused.Kind, refused.Status));
        Assert.Same(two, Assert.Single(ended));
        Assert.False(two.TryAdd(second));

        // The place is free again when the connection ends.
        go.SetResult();
        Assert.Equal(OutcomeKind.Deferred, Assert.Single(await first.Outcomes).Kind);
        Assert.True(SpinWait.SpinUntil(places.TryTake, TimeSpan.FromSeconds(30)));
        places.Release();
        Assert.True(To("[127.0.0.1]").TryAdd(third));
        Assert.NotEqual("4.4.5", Assert.Single(await third.Outcomes).Status);
        await stop.CancelAsync();

        Destination To(string literal) => new(
            Mailkey.Delivery.Routing.NextHop.MailExchangers(literal), bench.Lookup, bench.Options.Delivery, bench.Options.Hostname, TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, ended.Add, places, stop.Token);
    }

    [Fact]
    public async Task An_idle_connection_is_closed_with_QUIT()
    {
        TaskCompletionSource quit = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = ScriptedServer.Behaved(["PIPELINING"], line =>
        {
            if (line == "QUIT")
            {
                quit.SetResult();
            }

            return null;
        });
        await using var bench = DeliveryBench.To(server.Port, options => options.IdleConnection = TimeSpan.FromMilliseconds(50));

        await bench.SendAsync("a@example.org");

        await quit.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_dead_host_is_left_alone_for_a_while_and_then_tried_once()
    {
        ManualTime time = new();
        var isDead = true;
        await using ScriptedServer server = new(async session =>
        {
            if (isDead)
            {
                return;
            }

            await session.WriteAsync("220 hi\r\n");
            while (await session.ReadLineAsync() is { } line)
            {
                // The content is a handful of lines without a reply of their own.
                await session.WriteAsync(line == "DATA" ? "354 go\r\n" : line.Contains(':', StringComparison.Ordinal) && !line.StartsWith("Subject", StringComparison.Ordinal) || line is "." or "EHLO mail.edge.example" ? "250 ok\r\n" : "");
            }
        });
        await using DeliveryBench bench = new(options => options.NextHop = $"smtp://127.0.0.1:{server.Port}", time: time);

        var all = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => bench.SendAsync("a@example.org")));
        Assert.All(all, outcomes => Assert.Equal((OutcomeKind.Deferred, "4.4.2"), (outcomes[0].Kind, outcomes[0].Status)));
        var connections = server.Connections;
        Assert.InRange(connections, 1, 20);

        await bench.SendAsync("a@example.org");
        Assert.Equal(connections, server.Connections);

        time.Advance(TimeSpan.FromSeconds(16));
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => bench.SendAsync("a@example.org")));
        Assert.Equal(connections + 1, server.Connections);

        // The pause has doubled.
        time.Advance(TimeSpan.FromSeconds(16));
        await bench.SendAsync("a@example.org");
        Assert.Equal(connections + 1, server.Connections);

        isDead = false;
        time.Advance(TimeSpan.FromSeconds(16));
        Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync("a@example.org")).Kind);
    }

    [Fact]
    public async Task What_waits_for_a_slow_host_can_be_withdrawn()
    {
        await using ScriptedServer server = new(async session => await Task.Delay(Timeout.Infinite, session.Stop));
        await using var bench = DeliveryBench.To(server.Port, options => options.MaxConnectionsPerDestination = 1);
        using var first = await bench.MessageAsync(DeliveryBench.Envelope("a@example.org"));
        using var second = await bench.MessageAsync(DeliveryBench.Envelope("b@example.org"));
        var held = bench.Courier.Begin(first, first.Envelope.Recipients);
        while (server.Connections == 0)
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        var waiting = bench.Courier.Begin(second, second.Envelope.Recipients);
        held.Withdraw();
        waiting.Withdraw();

        Assert.False(held.Ended.IsCompleted);
        await waiting.Ended;
        Assert.Equal((OutcomeKind.Deferred, "4.4.5"), (waiting.Look().Outcomes[0].Kind, waiting.Look().Outcomes[0].Status));
    }
}
