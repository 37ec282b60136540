using Mailkey.Smtp;

namespace Mailkey.Ingress.Tests;

public sealed class SmtpChunkTests
{
    [Fact]
    public async Task Bdat_is_taken_where_no_size_is_too_large()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxMessageSize=9223372036854775807");
        using var client = await server.GreetAsync();
        await client.BeginAsync();

        await client.SendAsync("BDAT 3 LAST\r\nx\r\n");
        Assert.Equal(250, (await client.ReadAsync()).Code);
    }

    [Fact]
    public async Task Bdat_chunks_make_one_message()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        await client.SendAsync("BDAT 4\r\na\r\nbBDAT 0\r\nBDAT 3\r\n\r\nNBDAT 0 LAST\r\n");
        var replies = new[] { await client.ReadAsync(), await client.ReadAsync(), await client.ReadAsync(), await client.ReadAsync() };
        var message = Assert.Single(server.Intake.Messages);

        Assert.All(replies, reply => Assert.Equal(250, reply.Code));
        Assert.StartsWith("Message accepted", replies[3].Lines[0], StringComparison.Ordinal);
        Assert.Equal("a\r\nb\r\nN\r\n", message.Text);
    }

    [Theory]
    [InlineData("EHLO c|BDAT 5|12345", "250,503")]
    [InlineData("BDAT 5|12345", "503")]
    [InlineData("EHLO c|MAIL FROM:<>|BDAT 5 LAST|QUIT\r", "250,250,503")]
    [InlineData("EHLO c|MAIL FROM:<>|RCPT TO:<no@example.org>|BDAT 5 LAST|QUIT\r", "250,250,550,554")]
    public async Task Bdat_out_of_order_is_refused_and_its_chunk_consumed(string script, string codes)
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.ConnectAsync();
        var lines = script.Split('|');
        await client.SendAsync(string.Concat(lines[..^1].Select(line => $"{line}\r\n")) + lines[^1]);

        var expected = codes.Split(',').Select(int.Parse).ToArray();
        foreach (var code in expected)
        {
            Assert.Equal(code, (await client.ReadAsync()).Code);
        }

        Assert.Equal(250, (await client.AskAsync("NOOP")).Code);
    }

    [Fact]
    public async Task Bdat_chunk_that_fails_is_consumed_and_the_next_ones_are_out_of_order()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        await client.SendAsync("BDAT 13\r\nbare \n is badBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");

        foreach (var code in new[] { 554, 503, 503, 250 })
        {
            Assert.Equal(code, (await client.ReadAsync()).Code);
        }

        Assert.Equal(Replies.BareLineEndInContent, Assert.Single(server.Intake.Refusals).Reply);
        Assert.True(Assert.Single(server.Intake.Messages).IsDisposed);

        // The session is good for another message.
        await client.BeginAsync();
        Assert.Equal(250, (await client.DataAsync("x\r\n.\r\n")).Code);
    }

    [Fact]
    public async Task Bdat_and_DATA_do_not_mix()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        await client.SendAsync("BDAT 3\r\na\r\n");
        await client.ReadAsync();

        Assert.Equal(503, (await client.AskAsync("DATA")).Code);
        Assert.Equal(503, (await client.AskAsync("MAIL FROM:<>")).Code);
        Assert.Equal(503, (await client.AskAsync("RCPT TO:<bob@example.org>")).Code);
        Assert.Equal(250, (await client.AskAsync("NOOP")).Code);
        Assert.Equal(250, (await client.AskAsync("RSET")).Code);
        Assert.True(Assert.Single(server.Intake.Messages).IsDisposed);
        Assert.False(server.Intake.Messages[0].IsComplete);
        await client.SendAsync("BDAT 3 LAST\r\na\r\n");
        Assert.Equal(503, (await client.ReadAsync()).Code);
    }

    [Fact]
    public async Task Bdat_sizes_count_before_their_octets_come()
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:MaxMessageSize=65536");
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        await client.SendAsync($"BDAT 40000\r\n{new string('x', 40_000)}");
        Assert.Equal(250, (await client.ReadAsync()).Code);
        await client.SendAsync($"BDAT 40000 LAST\r\n{new string('x', 40_000)}");
        var reply = await client.ReadAsync();

        Assert.Equal((552, new EnhancedStatusCode(5, 3, 4)), (reply.Code, reply.EnhancedCode!.Value));
        Assert.Equal(40_000, Assert.Single(server.Intake.Messages).Octets.Length);
        Assert.Equal(250, (await client.AskAsync("NOOP")).Code);
    }

    [Theory]
    [InlineData("BDAT 9223372036854775808 LAST", 552)]
    [InlineData("BDAT 9223372036854775807", 552)]
    [InlineData("BDAT 99999999999999999999999999", 552)]
    [InlineData("BDAT -1", 501)]
    [InlineData("BDAT", 501)]
    [InlineData("BDAT 5 FIRST", 501)]
    public async Task Bdat_whose_chunk_nobody_can_measure_ends_the_session(string command, int code)
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        await client.SendAsync($"{command}\r\nMAIL FROM:<smuggled@example.org>\r\n");

        Assert.Equal(code, (await client.ReadAsync()).Code);
        await client.AssertClosedAsync();
        Assert.Empty(server.Intake.Messages);
    }

    [Fact]
    public async Task Bdat_in_a_flood_of_tiny_chunks_ends_the_session()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        await client.SendAsync(string.Concat(Enumerable.Repeat("BDAT 1\r\nx", 1001)));
        for (var i = 0; i < 1000; i++)
        {
            Assert.Equal(250, (await client.ReadAsync()).Code);
        }

        Assert.Equal(Replies.TooManyChunks, await client.ReadAsync());
        await client.AssertClosedAsync();
        Assert.False(Assert.Single(server.Intake.Messages).IsComplete);
    }
}
