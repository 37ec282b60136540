using System.Net;
using System.Net.Sockets;
using System.Text;
using Mailkey.Contracts;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Tests;

public sealed class SmtpSessionTests
{
    [Fact]
    public async Task Session_takes_a_message_and_answers_with_its_queue_id()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();

        var mail = await client.AskAsync("MAIL FROM:<sender@client.example> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=a+2Bb");
        var rcpt = await client.AskAsync("RCPT TO:<Alice+news@EXAMPLE.org> NOTIFY=delay,success ORCPT=rfc822;x@y");
        var reply = await client.DataAsync("Subject: x\r\n\r\n..dot\r\n.\r\n");
        var message = Assert.Single(server.Intake.Messages);

        Assert.Equal(new SmtpReply(250, new(2, 1, 0), $"Sender OK [{message.QueueId}]"), mail);
        Assert.Equal(new SmtpReply(250, new(2, 1, 5), $"Recipient OK [{message.QueueId}]"), rcpt);
        Assert.Equal(new SmtpReply(250, new(2, 0, 0), $"Message accepted [{message.QueueId}]"), reply);
        Assert.Equal("Subject: x\r\n\r\n.dot\r\n", message.Text);
        Assert.True(message.IsComplete);
        Assert.True(message.IsDisposed);
        Assert.Equal(QueueId.Length, message.QueueId.Length);
        Assert.Equal("sender@client.example", message.Envelope.ReversePath);
        Assert.Equal(("8BITMIME", "HDRS", "a+2Bb"), (message.Envelope.Body, message.Envelope.Return, message.Envelope.EnvelopeId));
        Assert.Equal([new Recipient { ForwardPath = "Alice+news@EXAMPLE.org", Notify = "SUCCESS,DELAY", OriginalRecipient = "rfc822;x@y" }], message.Envelope.Recipients);
        Assert.Equal(("127.0.0.1", "client.example", "ESMTP", null), (message.Connection.ClientAddress, message.Connection.ClientName, message.Connection.Protocol, message.Connection.Tls));
        Assert.Empty(server.Intake.Refusals);
    }

    [Theory]
    [InlineData("EHLO c")]
    [InlineData("NOOP")]
    public async Task Password_of_a_client_that_came_to_the_wrong_port_is_not_in_the_log(string first)
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.ConnectAsync();
        await client.AskAsync(first);
        Assert.Equal(502, (await client.AskAsync("AUTH PLAIN AGpvZQBzZWNyZXQ=")).Code);
        await client.AskAsync("FOO");

        Assert.Contains(server.Log.Lines, line => line.Contains("\"FOO\"", StringComparison.Ordinal));
        Assert.Contains(server.Log.Lines, line => line.Contains("\"AUTH ...\"", StringComparison.Ordinal));
        Assert.DoesNotContain(server.Log.Lines, line => line.Contains("AGpvZQBzZWNyZXQ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("*", "127.0.0.1")]
    [InlineData("*", "::1")]
    [InlineData("::1", "::1")]
    public async Task Session_knows_the_address_of_a_client_of_either_family(string listen, string client)
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "this host has no IPv6");
        await using var server = await SmtpTestServer.StartAsync($"Smtp:Listen:0={listen}");
        using var connected = await SmtpTestClient.ConnectAsync(server.Port, IPAddress.Parse(client));
        Assert.Equal(220, (await connected.ReadAsync()).Code);
        await connected.AskAsync("EHLO client.example");
        await connected.AskAllAsync("MAIL FROM:<sender@client.example>", "RCPT TO:<alice@example.org>");

        Assert.Equal(250, (await connected.DataAsync("Subject: x\r\n\r\n.\r\n")).Code);

        Assert.Equal(client, Assert.Single(server.Intake.Messages).Connection.ClientAddress);
    }

    [Fact]
    public async Task Session_offers_its_extensions()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxMessageSize=70000", "Smtp:MaxRecipients=123", "Smtp:MaxTransactions=45");
        using var client = await server.ConnectAsync();

        var reply = await client.AskAsync("EHLO client.example");

        Assert.Equal(
            ["mx.example.org", "PIPELINING", "SIZE 70000", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "DSN", "LIMITS RCPTMAX=123 MAILMAX=45", "HELP"],
            reply.Lines);
    }

    [Fact]
    public async Task Session_takes_several_messages_over_one_connection()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        for (var i = 0; i < 3; i++)
        {
            await client.BeginAsync();
            Assert.Equal(250, (await client.DataAsync($"{i}\r\n.\r\n")).Code);
        }

        Assert.Equal(["0\r\n", "1\r\n", "2\r\n"], server.Intake.Messages.Select(message => message.Text));
        Assert.Equal(3, server.Intake.Messages.Select(message => message.QueueId).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(221, (await client.AskAsync("QUIT")).Code);
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Session_answers_a_pipelined_group_in_order()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.ConnectAsync();

        var replies = await client.AskAllAsync(
            "EHLO client.example", "MAIL FROM:<s@client.example>", "RCPT TO:<nobody@example.org>", "RCPT TO:<bob@example.org>", "NOOP", "DATA");
        Assert.Equal([250, 250, 550, 250, 250, 354], replies.Select(reply => reply.Code));

        // The end of the content, the next transaction and QUIT in one go.
        await client.SendAsync("one\r\n.\r\nMAIL FROM:<s@client.example>\r\nRCPT TO:<bob@example.org>\r\nBDAT 5 LAST\r\ntwo\r\nQUIT\r\n");
        var codes = new List<int>();
        while (await client.TryReadAsync() is { } reply)
        {
            codes.Add(reply.Code);
        }

        Assert.Equal([250, 250, 250, 250, 221], codes);
        Assert.Equal(["one\r\n", "two\r\n"], server.Intake.Messages.Select(message => message.Text));
    }

    [Fact]
    public async Task Session_reads_a_conversation_cut_into_single_octets()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.ConnectAsync();
        foreach (var octet in "EHLO c\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n.\r\n"u8.ToArray())
        {
            await client.SendAsync([octet]);
        }

        var codes = new List<int>();
        for (var i = 0; i < 5; i++)
        {
            codes.Add((await client.ReadAsync()).Code);
        }

        Assert.Equal([250, 250, 250, 354, 250], codes);
    }

    [Fact]
    public async Task Session_still_answers_a_client_that_only_sends_no_more()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.ConnectAsync();
        var asked = new TaskCompletionSource();
        server.Intake.Answer = async (_, cancellationToken) =>
        {
            await asked.Task.WaitAsync(cancellationToken);
            return Replies.Accepted;
        };
        await client.SendAsync("EHLO c\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
        client.Finish();
        asked.SetResult();

        var codes = new List<int>();
        while (await client.TryReadAsync() is { } reply)
        {
            codes.Add(reply.Code);
        }

        Assert.Equal([250, 250, 250, 354, 250, 221], codes);
    }

    public static TheoryData<string[], string> Orders => new()
    {
        { ["MAIL FROM:<a@b.example>"], "503 5.5.1" },
        { ["RCPT TO:<bob@example.org>"], "503 5.5.1" },
        { ["DATA"], "503 5.5.1" },
        { ["STARTTLS"], "503 5.5.1" },
        { ["EHLO c", "RCPT TO:<bob@example.org>"], "503 5.5.1" },
        { ["EHLO c", "DATA"], "503 5.5.1" },
        { ["EHLO c", "MAIL FROM:<a@b.example>", "DATA"], "503 5.5.1" },
        { ["EHLO c", "MAIL FROM:<a@b.example>", "RCPT TO:<no@example.org>", "DATA"], "554 5.5.1" },
        { ["EHLO c", "MAIL FROM:<a@b.example>", "MAIL FROM:<a@b.example>"], "503 5.5.1" },
        { ["EHLO c", "MAIL FROM:<a@b.example>", "EHLO c", "RCPT TO:<bob@example.org>"], "503 5.5.1" },
        { ["EHLO c", "MAIL FROM:<a@b.example>", "RSET", "RCPT TO:<bob@example.org>"], "503 5.5.1" },
        { ["EHLO c", "STARTTLS"], "502 5.5.1" },
        { ["EHLO c", "VRFY alice"], "252 2.0.0" },
        { ["EHLO c", "VRFY ålice"], "553 5.6.7" },
        { ["EHLO c", "VRFY ålice SMTPUTF8"], "252 2.0.0" },
        { ["EHLO c", "VRFY"], "501 5.5.4" },
        { ["EHLO c", "EXPN list"], "502 5.5.1" },
        { ["EHLO c", "AUTH PLAIN AGEAYg=="], "502 5.5.1" },
        { ["EHLO c", "FOO"], "500 5.5.1" },
        { ["EHLO c", ""], "500 5.5.1" },
        { ["EHLO c", "HELP"], "214 2.0.0" },
        { ["EHLO c", "NOOP anything"], "250 2.0.0" },
        { ["EHLO c", "noop"], "250 2.0.0" },
        { ["EHLO c", "RSET x"], "501 5.5.4" },
        { ["EHLO c", "QUIT x"], "501 5.5.4" },
        { ["EHLO c", "RSET "], "250 2.0.0" },
        { ["EHLO"], "501 5.5.4" },
        { ["EHLO two words"], "501 5.5.4" },
        { ["EHLO (comment)"], "501 5.5.4" },
        { ["HELO c", "MAIL FROM:<a@b.example> SIZE=1"], "555 5.5.4" },
        { ["EHLO c", "MAIL FROM:<a@b.example> FOO=1"], "555 5.5.4" },
        { ["EHLO c", "MAIL FROM:<a@b.example> BODY=BINARYMIME"], "555 5.5.4" },
        { ["EHLO c", "MAIL FROM:<a@b.example> SIZE=x"], "501 5.5.4" },
        { ["EHLO c", "MAIL FROM:<a@b.example> SIZE=1 SIZE=1"], "501 5.5.4" },
        { ["EHLO c", "MAIL FROM:<a@b.example> SIZE=99999999999999999999"], "552 5.3.4" },
        { ["EHLO c", "MAIL FROM:<a@b.example> =1"], "501 5.5.4" },
        { ["EHLO c", "MAIL FROM:a@b.example"], "501 5.1.7" },
        { ["EHLO c", "MAIL FROM:<a@b.example"], "501 5.1.7" },
        { ["EHLO c", "MAIL TO:<a@b.example>"], "501 5.5.4" },
        { ["EHLO c", "MAIL"], "501 5.5.4" },
        { ["EHLO c", "MAIL FROM:<postmaster>"], "501 5.1.7" },
        { ["EHLO c", "MAIL FROM:<å@b.example>"], "553 5.6.7" },
        { ["EHLO c", "MAIL FROM:<å@b.example> SMTPUTF8"], "250 2.1.0" },
        { ["EHLO c", "MAIL FROM:<a\u202eb@b.example> SMTPUTF8"], "501 5.1.7" },
        { ["EHLO c", "MAIL FROM: <a@b.example> "], "250 2.1.0" },
        { ["EHLO c", "mail from:<> ret=full"], "250 2.1.0" },
        { ["EHLO c", "MAIL FROM:<>", "RCPT TO:<>"], "501 5.1.3" },
        { ["EHLO c", "MAIL FROM:<>", "RCPT TO:<bob@bücher.example>"], "553 5.6.7" },
        { ["EHLO c", "MAIL FROM:<>", "RCPT TO:<bob@xn--bcher-kva.example>"], "250 2.1.5" },
        { ["EHLO c", "MAIL FROM:<> SMTPUTF8", "RCPT TO:<bob@Bücher.example>"], "250 2.1.5" },
        { ["EHLO c", "MAIL FROM:<>", "RCPT TO:<bob@example.org> NOTIFY=NEVER,DELAY"], "501 5.5.4" },
        { ["EHLO c", "MAIL FROM:<>", "RCPT TO:<bob@example.org> NOTIFY=NEVER NOTIFY=NEVER"], "501 5.5.4" },
        { ["EHLO c", "MAIL FROM:<>", "RCPT TO:<bob@example.org> ORCPT=rfc822;a+0D+0Ab"], "501 5.5.4" },
        { ["EHLO c", "MAIL FROM:<> ENVID=a+0Ab"], "501 5.5.4" },
        { ["EHLO c", "MAIL FROM:<>", "RCPT TO:<bob@example.org> SIZE=1"], "555 5.5.4" },
    };

    [Theory]
    [MemberData(nameof(Orders))]
    public async Task Session_answers_each_mistake_with_its_code(string[] commands, string codes)
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.ConnectAsync();

        var replies = await client.AskAllAsync(commands);

        Assert.Equal(codes, $"{replies[^1].Code} {replies[^1].EnhancedCode}");
    }

    [Fact]
    public async Task Session_refuses_mail_with_a_link_and_the_queue_id_and_notes_it()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.AskAsync("MAIL FROM:<s@Client.example>");

        var reply = await client.AskAsync("RCPT TO:<nobody@example.org>");
        await client.AskAsync("RSET");
        var refusal = Assert.Single(server.Intake.Refusals);

        Assert.Equal(new SmtpReply(550, new(5, 1, 1), $"No such mailbox; see https://help.example/?d=client.example [{refusal.QueueId}]"), reply);
        Assert.Equal(Replies.UnknownRecipient, refusal.Reply);
        Assert.Equal(["nobody@example.org"], refusal.Envelope.Recipients.Select(recipient => recipient.ForwardPath));
    }

    [Fact]
    public async Task Session_puts_the_link_behind_what_the_verdict_refuses()
    {
        await using var server = await SmtpTestServer.StartAsync();
        server.Intake.Answer = (_, _) => new(new SmtpReply(550, new(5, 7, 20), "not signed"));
        using var client = await server.GreetAsync();
        await client.AskAsync("MAIL FROM:<s@Client.example>");
        await client.AskAsync("RCPT TO:<postmaster@example.org>");

        var reply = await client.DataAsync("From: s@client.example\r\n\r\nhello\r\n.\r\n");

        Assert.Equal($"not signed; see https://help.example/?d=client.example [{server.Intake.Messages[0].QueueId}]", reply.Lines[0]);
    }

    [Fact]
    public async Task Session_notes_nothing_when_the_client_changes_its_mind()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        await client.AskAsync("RSET");
        await client.AskAsync("QUIT");
        await client.AssertClosedAsync();

        Assert.Empty(server.Intake.Refusals);
        Assert.Empty(server.Intake.Messages);
    }

    [Fact]
    public async Task Session_that_breaks_in_the_content_drops_it()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using (var client = await server.GreetAsync())
        {
            await client.BeginAsync();
            await client.AskAsync("DATA");
            await client.SendAsync("half a mess");
        }

        var refusal = await server.Intake.NextRefusalAsync();
        var message = Assert.Single(server.Intake.Messages);

        Assert.Equal(Replies.ConnectionLost, refusal.Reply);
        Assert.Equal(message.QueueId, refusal.QueueId);
        Assert.False(message.IsComplete);
        Assert.True(message.IsDisposed);
    }

    [Fact]
    public async Task Session_gives_the_reply_of_intake_with_the_queue_id_once()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        server.Intake.Answer = (message, _) => new(new SmtpReply(550, new(5, 7, 20), ["first line", "second line"]));
        await client.BeginAsync();

        var reply = await client.DataAsync("x\r\n.\r\n");

        Assert.Equal((550, new EnhancedStatusCode(5, 7, 20)), (reply.Code, reply.EnhancedCode!.Value));
        Assert.Equal(["first line", $"second line; see https://help.example/?d=client.example [{server.Intake.Messages[0].QueueId}]"], reply.Lines);
        Assert.Empty(server.Intake.Refusals);
    }

    [Fact]
    public async Task Session_reads_a_message_to_its_end_when_intake_has_lost_it()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        server.Intake.Check = message => message.Octets.Length > 10 ? Replies.Looping : null;
        await client.BeginAsync();

        var reply = await client.DataAsync(string.Concat(Enumerable.Repeat("0123456789\r\n", 20_000)) + ".\r\n");

        Assert.Equal(554, reply.Code);
        Assert.Equal(new EnhancedStatusCode(5, 4, 6), reply.EnhancedCode);
        Assert.False(server.Intake.Messages[0].IsComplete);
        Assert.Equal(Replies.Looping, Assert.Single(server.Intake.Refusals).Reply);
        Assert.Equal(250, (await client.AskAsync("NOOP")).Code);
    }

    [Fact]
    public async Task Session_keeps_going_when_intake_fails_and_the_client_keeps_the_message()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        server.Intake.Answer = (_, _) => throw new IOException("disk full");
        await client.BeginAsync();

        Assert.Equal(451, (await client.DataAsync("x\r\n.\r\n")).Code);
        Assert.Contains(server.Log.Lines, line => line.Contains("disk full", StringComparison.Ordinal));

        server.Intake.Check = _ => throw new IOException("disk full");
        await client.BeginAsync();
        Assert.Equal(451, (await client.DataAsync("x\r\n.\r\n")).Code);
    }

    [Fact]
    public async Task Session_counts_the_octets_that_come_and_not_those_announced()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxMessageSize=70000");
        using var client = await server.GreetAsync();
        var line = new string('x', 998) + "\r\n";
        await client.BeginAsync(" SIZE=10");
        var fits = await client.DataAsync(string.Concat(Enumerable.Repeat(line, 70)) + ".\r\n");
        await client.BeginAsync();
        var tooLarge = await client.DataAsync(string.Concat(Enumerable.Repeat(line, 71)) + ".\r\n");

        Assert.Equal(250, fits.Code);
        Assert.Equal((552, new EnhancedStatusCode(5, 3, 4)), (tooLarge.Code, tooLarge.EnhancedCode!.Value));
        Assert.Equal(Replies.MessageTooLarge, Assert.Single(server.Intake.Refusals).Reply);

        // What never ends is not read for ever.
        await client.BeginAsync();
        await client.AskAsync("DATA");
        await client.SendAsync(string.Concat(Enumerable.Repeat(line, 300)));
        Assert.Equal(552, (await client.ReadAsync()).Code);
        await client.AssertClosedAsync();
    }

    [Theory]
    [InlineData("EHLO c\nMAIL FROM:<a@b.example>\r\n")]
    [InlineData("EHLO c\n")]
    [InlineData("EHLO c\rx\r\n")]
    [InlineData("EHLO c\0\r\n")]
    [InlineData("EHLO c\x1b\r\n")]
    public async Task Session_takes_no_command_that_does_not_end_in_CRLF_alone(string line)
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.ConnectAsync();
        await client.SendAsync(line);

        var reply = await client.ReadAsync();

        Assert.Equal((500, new EnhancedStatusCode(5, 5, 2)), (reply.Code, reply.EnhancedCode!.Value));
    }

    [Fact]
    public async Task Session_bounds_the_length_of_a_command_line()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();

        Assert.Equal(250, (await client.AskAsync("NOOP " + new string('x', CommandLine.MaxLength - 7))).Code);
        Assert.Equal(500, (await client.AskAsync("NOOP " + new string('x', CommandLine.MaxLength - 6))).Code);
        Assert.Equal(250, (await client.AskAsync("MAIL FROM:<>" + new string(' ', CommandLine.MaxExtendedLength - 14))).Code);
        Assert.Equal(500, (await client.AskAsync("RCPT TO:<bob@example.org>" + new string(' ', CommandLine.MaxExtendedLength))).Code);
        Assert.Equal(500, (await client.AskAsync(new string('x', 30_000))).Code);
        Assert.Equal(250, (await client.AskAsync("NOOP")).Code);

        await client.SendAsync(new string('x', 100_000));
        Assert.Equal(421, (await client.ReadAsync()).Code);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1")]
    [InlineData("POST /x HTTP/1.1")]
    [InlineData("CONNECT example.org:25 HTTP/1.1")]
    public async Task Session_hangs_up_on_another_protocol(string line)
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.ConnectAsync();
        await client.SendAsync($"{line}\r\nHost: x\r\n\r\nEHLO c\r\nMAIL FROM:<a@b.example>\r\n");

        Assert.Equal(421, (await client.ReadAsync()).Code);
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Session_logs_no_control_characters_of_the_client()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.SendAsync(Encoding.UTF8.GetBytes("FOO\t\x7f\r\n"));
        await client.ReadAsync();
        await client.SendAsync("BAR \u00c2\u009b31m\r\n");
        await client.ReadAsync();
        await client.AskAsync("MAIL FROM:<\"\\\"å\"@b.example> SMTPUTF8");
        await client.AskAsync("RCPT TO:<no@example.org>");
        await client.AskAsync("QUIT");

        Assert.Contains(server.Log.Lines, line => line.Contains("BAR \\xc2\\x9b31m", StringComparison.Ordinal));
        Assert.Contains(server.Log.Lines, line => line.Contains("refused with 550", StringComparison.Ordinal));
        Assert.All(server.Log.Lines.Where(line => !line.Contains("Exception", StringComparison.Ordinal)), line => Assert.DoesNotContain(line, char.IsControl));
    }
}
