using System.Text;
using Mailkey.Contracts;
using Mailkey.Delivery.Outbound;

namespace Mailkey.Delivery.Tests.Outbound;

public sealed class SmtpConnectionTests
{
    private static readonly string[] All = ["PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"];

    [Fact]
    public async Task Envelope_goes_out_in_one_write_where_pipelining_is_offered()
    {
        List<string> reads = [];
        await using ScriptedServer server = new(async session =>
        {
            await session.WriteAsync("220 hi\r\n");
            var buffer = new byte[65536];
            foreach (var answer in (string[])["250-hi\r\n250 PIPELINING\r\n", "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", "250 2.0.0 taken\r\n"])
            {
                var count = await session.Stream.ReadAsync(buffer);
                reads.Add(Encoding.ASCII.GetString(buffer, 0, count));
                await session.WriteAsync(answer);
            }

            await session.Stream.ReadAsync(buffer);
        });
        await using var bench = DeliveryBench.To(server.Port);

        var outcomes = await bench.SendAsync("a@example.org", "b@example.org");

        Assert.All(outcomes, outcome => Assert.Equal(OutcomeKind.Delivered, outcome.Kind));
        Assert.Equal("EHLO mail.edge.example\r\n", reads[0]);
        Assert.Equal("MAIL FROM:<sender@example.net>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n", reads[1]);
        Assert.Equal("Subject: test\r\n\r\nHello\r\n.\r\n", reads[2]);
    }

    [Fact]
    public async Task Parameters_are_passed_to_a_host_that_offers_them()
    {
        await using var server = ScriptedServer.Behaved(All);
        await using var bench = DeliveryBench.To(server.Port);
        Envelope envelope = new()
        {
            ReversePath = "sender@example.net",
            Recipients = [new() { ForwardPath = "a@example.org", Notify = "SUCCESS,FAILURE", OriginalRecipient = "rfc822;b+2Bc@example.com" }],
            Body = "8BITMIME",
            Return = "HDRS",
            EnvelopeId = "id+20one",
        };

        var outcome = Assert.Single(await bench.SendAsync(envelope, "Subject: ü\r\n\r\nü\r\n"));

        Assert.Equal(SuccessReport.NextHop, outcome.SuccessReport);
        Assert.Equal($"smtp://127.0.0.1:{server.Port}", outcome.NextHop);
        Assert.Contains("MAIL FROM:<sender@example.net> SIZE=19 BODY=8BITMIME RET=HDRS ENVID=id+20one", server.Lines());
        Assert.Contains("RCPT TO:<a@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bc@example.com", server.Lines());
    }

    [Fact]
    public async Task Parameters_are_not_passed_to_a_host_that_does_not_offer_them()
    {
        await using var server = ScriptedServer.Behaved([]);
        await using var bench = DeliveryBench.To(server.Port);
        Envelope envelope = new()
        {
            ReversePath = "",
            Recipients = [new() { ForwardPath = "a@example.org", Notify = "NEVER", OriginalRecipient = "rfc822;b@example.com" }],
            SmtpUtf8 = true,
            Return = "HDRS",
            EnvelopeId = "id",
        };

        var outcome = Assert.Single(await bench.SendAsync(envelope));

        Assert.Equal(OutcomeKind.Delivered, outcome.Kind);
        Assert.Equal(SuccessReport.Relayed, outcome.SuccessReport);
        Assert.Contains("MAIL FROM:<>", server.Lines());
        Assert.Contains("RCPT TO:<a@example.org>", server.Lines());
    }

    [Theory]
    [InlineData("sénder@example.net", "a@example.org", "Subject: x\r\n\r\n")]
    [InlineData("sender@example.net", "ä@example.org", "Subject: x\r\n\r\n")]
    [InlineData("sender@example.net", "a@example.org", "Subject: ü\r\n\r\n")]
    public async Task Mail_that_needs_SMTPUTF8_fails_where_it_is_not_offered(string from, string to, string content)
    {
        await using var without = ScriptedServer.Behaved(["PIPELINING", "8BITMIME"]);
        await using var with = ScriptedServer.Behaved(All);
        Envelope envelope = new() { ReversePath = from, Recipients = [new() { ForwardPath = to }], SmtpUtf8 = true };
        await using (var bench = DeliveryBench.To(without.Port))
        {
            var outcome = Assert.Single(await bench.SendAsync(envelope, content));
            Assert.Equal((OutcomeKind.Failed, "5.6.7"), (outcome.Kind, outcome.Status));
            Assert.DoesNotContain(without.Lines(), line => line.StartsWith("MAIL", StringComparison.Ordinal));
        }

        await using (var bench = DeliveryBench.To(with.Port))
        {
            Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync(envelope, content)).Kind);
            Assert.Contains(with.Lines(), line => line.StartsWith("MAIL", StringComparison.Ordinal) && line.EndsWith(" SMTPUTF8", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_recipient_with_an_ASCII_address_is_served_beside_one_that_needs_SMTPUTF8()
    {
        await using var server = ScriptedServer.Behaved(["PIPELINING"]);
        await using var bench = DeliveryBench.To(server.Port);

        var outcomes = await bench.SendAsync(DeliveryBench.Envelope("ä@example.org", "a@example.org") with { SmtpUtf8 = true });

        Assert.Equal([(OutcomeKind.Failed, "5.6.7"), (OutcomeKind.Delivered, "2.0.0")], outcomes.Select(outcome => (outcome.Kind, outcome.Status)));
    }

    [Fact]
    public async Task A_message_larger_than_SIZE_fails_without_a_try()
    {
        await using var server = ScriptedServer.Behaved(["SIZE 10"]);
        await using var bench = DeliveryBench.To(server.Port);

        var outcome = Assert.Single(await bench.SendAsync("a@example.org"));

        Assert.Equal((OutcomeKind.Failed, "5.3.4"), (outcome.Kind, outcome.Status));
        Assert.DoesNotContain(server.Lines(), line => line.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("\r\nü\r\n", OutcomeKind.Failed)]
    [InlineData("\r\nu\r\n", OutcomeKind.Delivered)]
    public async Task Eight_bit_content_is_not_sent_to_a_host_without_8BITMIME(string body, OutcomeKind expected)
    {
        await using var server = ScriptedServer.Behaved(["PIPELINING"]);
        await using var bench = DeliveryBench.To(server.Port);

        var outcome = Assert.Single(await bench.SendAsync(DeliveryBench.Envelope("a@example.org") with { Body = "8BITMIME" }, "Subject: x\r\n" + body));

        Assert.Equal(expected, outcome.Kind);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_recipient_gets_its_own_outcome(bool pipelining)
    {
        await using var server = ScriptedServer.Behaved(pipelining ? ["PIPELINING"] : [], line =>
            line.Contains("no@", StringComparison.Ordinal) ? "550 5.1.1 no such user"
            : line.Contains("later@", StringComparison.Ordinal) ? "450-4.2.1 try\r\n450 4.2.1 later"
            : line.Contains("full@", StringComparison.Ordinal) ? "552 too many"
            : null);
        await using var bench = DeliveryBench.To(server.Port, options => options.Retries = []);

        var outcomes = await bench.SendAsync("yes@example.org", "no@example.org", "later@example.org");

        Assert.Equal(
            [(OutcomeKind.Delivered, "2.0.0", "250 2.0.0 taken"), (OutcomeKind.Failed, "5.1.1", "550 5.1.1 no such user"), (OutcomeKind.Deferred, "4.2.1", "450 4.2.1 try / later")],
            outcomes.Select(outcome => (outcome.Kind, outcome.Status, outcome.Reply)));
        Assert.All(outcomes, outcome => Assert.Equal("127.0.0.1", outcome.RemoteMta));
        var full = Assert.Single(await bench.SendAsync("full@example.org"));
        Assert.Equal((OutcomeKind.Deferred, "4.0.0"), (full.Kind, full.Status));
        Assert.Equal(1, server.Connections);
    }

    [Theory]
    [InlineData("MAIL", "451 4.3.0 no", OutcomeKind.Deferred)]
    [InlineData("MAIL", "550 5.7.1 no", OutcomeKind.Failed)]
    [InlineData("MAIL", "354 what", OutcomeKind.Deferred)]
    [InlineData("RCPT", "550 5.7.1 no", OutcomeKind.Failed)]
    [InlineData("DATA", "451 4.3.0 no", OutcomeKind.Deferred)]
    [InlineData("DATA", "554 5.3.0 no", OutcomeKind.Failed)]
    [InlineData("DATA", "250 what", OutcomeKind.Deferred)]
    [InlineData(".", "452 4.3.1 no", OutcomeKind.Deferred)]
    [InlineData(".", "550 5.7.1 no", OutcomeKind.Failed)]
    [InlineData(".", "354 what", OutcomeKind.Deferred)]
    public async Task A_refusal_at_any_step_is_an_outcome_and_the_connection_is_used_again(string step, string reply, OutcomeKind expected)
    {
        foreach (var keywords in (string[][])[["PIPELINING"], []])
        {
            var refused = false;
            await using var server = ScriptedServer.Behaved(keywords, line =>
            {
                if (refused || !line.StartsWith(step, StringComparison.Ordinal))
                {
                    return null;
                }

                refused = true;
                return reply;
            });
            await using var bench = DeliveryBench.To(server.Port);

            var first = Assert.Single(await bench.SendAsync("a@example.org"));
            var second = Assert.Single(await bench.SendAsync("a@example.org"));

            Assert.Equal(expected, first.Kind);
            Assert.Equal(reply, first.Reply);
            Assert.Equal(OutcomeKind.Delivered, second.Kind);
            Assert.Equal(1, server.Connections);
        }
    }

    [Fact]
    public async Task A_host_that_asks_for_content_after_it_refused_everybody_gets_none()
    {
        var refused = false;
        await using var server = ScriptedServer.Behaved(["PIPELINING"], line =>
        {
            if (refused || line is not ("RCPT TO:<a@example.org>" or "DATA"))
            {
                return null;
            }

            refused = line == "DATA";
            return refused ? "354 go on" : "550 5.1.1 no";
        });
        await using var bench = DeliveryBench.To(server.Port);

        Assert.Equal("5.1.1", Assert.Single(await bench.SendAsync("a@example.org")).Status);
        Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync("a@example.org")).Kind);

        Assert.Equal(["DATA", ".", "RSET"], server.Lines().SkipWhile(line => line != "DATA").Take(3));
    }

    [Fact]
    public async Task Recipients_above_the_hosts_limit_go_in_a_transaction_of_their_own()
    {
        var taken = 0;
        await using var server = ScriptedServer.Behaved(["PIPELINING"], line =>
        {
            taken = line.StartsWith("MAIL", StringComparison.Ordinal) ? 0 : taken;
            return line.StartsWith("RCPT", StringComparison.Ordinal) && ++taken > 2 ? "452 4.5.3 too many recipients" : null;
        });
        await using var bench = DeliveryBench.To(server.Port);

        var outcomes = await bench.SendAsync("a@example.org", "b@example.org", "c@example.org", "d@example.org", "e@example.org");

        Assert.All(outcomes, outcome => Assert.Equal(OutcomeKind.Delivered, outcome.Kind));
        Assert.Equal(3, server.Lines().Count(line => line == "DATA"));
    }

    [Fact]
    public async Task More_than_a_hundred_recipients_are_split()
    {
        await using var server = ScriptedServer.Behaved(["PIPELINING"]);
        await using var bench = DeliveryBench.To(server.Port);

        var outcomes = await bench.SendAsync([.. Enumerable.Range(0, 250).Select(i => $"r{i}@example.org")]);

        Assert.All(outcomes, outcome => Assert.Equal(OutcomeKind.Delivered, outcome.Kind));
        Assert.Equal(3, server.Lines().Count(line => line == "DATA"));
    }

    [Fact]
    public async Task LMTP_answers_for_each_recipient()
    {
        var answers = new Queue<string>(["250 2.1.5 first", "550 5.2.2 second is full", "450 4.2.0 third is busy"]);
        await using var server = ScriptedServer.Behaved(["PIPELINING"], line => line == "." ? answers.Dequeue() : null, isLmtp: true);
        await using var bench = DeliveryBench.To(server.Port, isLmtp: true);

        var outcomes = await bench.SendAsync("a@example.org", "b@example.org", "c@example.org");

        Assert.Equal([OutcomeKind.Delivered, OutcomeKind.Failed, OutcomeKind.Deferred], outcomes.Select(outcome => outcome.Kind));
        Assert.Equal(SuccessReport.Delivered, outcomes[0].SuccessReport);
        Assert.Equal($"lmtp://127.0.0.1:{server.Port}", outcomes[0].NextHop);
        Assert.Contains("LHLO mail.edge.example", server.Lines());
    }

    [Fact]
    public async Task LMTP_that_breaks_off_between_recipients_defers_only_the_rest()
    {
        var count = 0;
        await using var server = ScriptedServer.Behaved(["PIPELINING"], line => line == "." && ++count == 2 ? "" : null, isLmtp: true);
        await using var bench = DeliveryBench.To(server.Port, isLmtp: true);

        var outcomes = await bench.SendAsync("a@example.org", "b@example.org");

        Assert.Equal([OutcomeKind.Delivered, OutcomeKind.Deferred], outcomes.Select(outcome => outcome.Kind));
    }

    [Fact]
    public async Task Dots_are_stuffed_and_stray_line_ends_never_leave()
    {
        List<byte> wire = [];
        await using ScriptedServer server = new(async session =>
        {
            await session.WriteAsync("220 hi\r\n");
            await session.ReadLineAsync();
            await session.WriteAsync("250 hi\r\n");
            for (var i = 0; i < 3; i++)
            {
                await session.ReadLineAsync();
                await session.WriteAsync(i == 2 ? "354 go\r\n" : "250 ok\r\n");
            }

            var buffer = new byte[4096];
            while (!Encoding.ASCII.GetString([.. wire]).EndsWith("\r\n.\r\n", StringComparison.Ordinal))
            {
                wire.AddRange(buffer[..await session.Stream.ReadAsync(buffer)]);
            }

            await session.WriteAsync("250 taken\r\n");
        });
        await using var bench = DeliveryBench.To(server.Port);

        Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync(
            DeliveryBench.Envelope("a@example.org"), "Subject: x\r\n\r\n.one\r\n\n.\r.\n.\r\nMAIL FROM:<evil@example.com>\r\nno end")).Kind);

        Assert.Equal("Subject: x\r\n\r\n..one\r\n\r\n..\r\n..\r\n..\r\nMAIL FROM:<evil@example.com>\r\nno end\r\n.\r\n", Encoding.ASCII.GetString([.. wire]));
    }

    [Fact]
    public async Task A_large_message_arrives_whole()
    {
        await using var server = ScriptedServer.Behaved(["PIPELINING"]);
        await using var bench = DeliveryBench.To(server.Port);
        var line = new string('x', 70);
        var content = "Subject: large\r\n\r\n" + string.Concat(Enumerable.Range(0, 20_000).Select(i => $"{i} {line}\r\n"));

        Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync(DeliveryBench.Envelope("a@example.org"), content)).Kind);

        var lines = server.Lines();
        var start = Array.IndexOf(lines, "DATA") + 1;
        Assert.Equal(content.TrimEnd().Split("\r\n"), lines[start..Array.IndexOf(lines, ".")]);
    }

    [Fact]
    public async Task EHLO_that_is_not_known_becomes_HELO()
    {
        await using var server = ScriptedServer.Behaved([], line => line.StartsWith("EHLO", StringComparison.Ordinal) ? "502 5.5.1 what" : null);
        await using var bench = DeliveryBench.To(server.Port);

        Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync("a@example.org")).Kind);

        Assert.Contains("HELO mail.edge.example", server.Lines());
    }

    [Theory]
    [InlineData("554 no SMTP service here\r\n")]
    [InlineData("421 busy\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("")]
    [InlineData("220 half a line")]
    public async Task A_host_that_does_not_greet_defers(string greeting)
    {
        await using ScriptedServer server = new(async session => await session.WriteAsync(greeting));
        await using var bench = DeliveryBench.To(server.Port);

        var outcome = Assert.Single(await bench.SendAsync("a@example.org"));

        Assert.Equal(OutcomeKind.Deferred, outcome.Kind);
        Assert.StartsWith("4.", outcome.Status, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MAIL")]
    [InlineData("RCPT")]
    [InlineData("DATA")]
    [InlineData(".")]
    public async Task A_host_that_breaks_off_defers(string step)
    {
        await using var server = ScriptedServer.Behaved([], line => line.StartsWith(step, StringComparison.Ordinal) ? "" : null);
        await using var bench = DeliveryBench.To(server.Port);

        var outcome = Assert.Single(await bench.SendAsync("a@example.org"));

        Assert.Equal((OutcomeKind.Deferred, "4.4.2", false), (outcome.Kind, outcome.Status, outcome.IsSmtpReply));
    }

    [Fact]
    public async Task A_host_that_is_silent_defers_in_bounded_time()
    {
        await using var server = ScriptedServer.Behaved([], line => line.StartsWith("RCPT", StringComparison.Ordinal) ? "25" : null);
        await using var bench = DeliveryBench.To(server.Port, options => options.CommandTimeout = TimeSpan.FromMilliseconds(300));

        var outcome = Assert.Single(await bench.SendAsync("a@example.org"));

        Assert.Equal(OutcomeKind.Deferred, outcome.Kind);
    }

    [Fact]
    public async Task A_reply_that_trickles_in_gets_no_more_time_than_a_whole_one()
    {
        await using ScriptedServer server = new(async session =>
        {
            await session.WriteAsync("220");
            while (!session.Stop.IsCancellationRequested)
            {
                await Task.Delay(50, session.Stop);
                await session.WriteAsync("-");
            }
        });
        await using var bench = DeliveryBench.To(server.Port, options => options.CommandTimeout = TimeSpan.FromMilliseconds(400));

        var outcome = Assert.Single(await bench.SendAsync("a@example.org"));

        Assert.Contains("timed out", outcome.Reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reply_without_end_is_cut_off()
    {
        await using ScriptedServer server = new(async session =>
        {
            while (!session.Stop.IsCancellationRequested)
            {
                await session.WriteAsync("220-" + new string('x', 1000) + "\r\n");
            }
        });
        await using var bench = DeliveryBench.To(server.Port);

        var outcome = Assert.Single(await bench.SendAsync("a@example.org"));

        Assert.Equal(OutcomeKind.Deferred, outcome.Kind);
        Assert.Contains("no SMTP reply", outcome.Reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Control_characters_of_a_reply_do_not_get_through()
    {
        await using var server = ScriptedServer.Behaved(["PIPELINING"], line => line.StartsWith("RCPT", StringComparison.Ordinal) ? "550 5.1.1 \u001b[31mred\u0007" : null);
        await using var bench = DeliveryBench.To(server.Port);

        var outcome = Assert.Single(await bench.SendAsync("a@example.org"));

        Assert.DoesNotContain(outcome.Reply, char.IsControl);
    }
}
