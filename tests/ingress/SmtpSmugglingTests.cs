using System.Text;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Tests;

/// <summary>The ends of data that one host takes for real and another does not (CVE-2023-51764, -51765, -51766).</summary>
public sealed class SmtpSmugglingTests
{
    public static TheoryData<string> Probes =>
    [
        "\n.\n", "\n.\r", "\r.\n", "\r.\r", "\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\n\0.\r\n", "\r\n.\r\r\n", "\r\r\n.\r\r\n",
    ];

    [Theory]
    [MemberData(nameof(Probes))]
    public async Task Session_refuses_a_content_with_a_false_end_and_takes_no_command_from_it(string probe)
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.BeginAsync();

        var reply = await client.DataAsync($"Subject: x\r\n\r\nx{probe}MAIL FROM:<admin@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nsmuggled\r\n.\r\n");

        Assert.Equal((554, new EnhancedStatusCode(5, 6, 0)), (reply.Code, reply.EnhancedCode!.Value));
        Assert.False(Assert.Single(server.Intake.Messages).IsComplete);
        Assert.Equal(5, Assert.Single(server.Intake.Refusals).Reply.Code / 100);

        // Exactly one reply to the whole of it.
        Assert.Equal(new SmtpReply(250, new(2, 0, 0), "OK"), await client.AskAsync("NOOP"));
    }

    [Theory]
    [MemberData(nameof(Probes))]
    public async Task Session_that_normalizes_takes_no_command_from_a_content_either(string probe)
    {
        await using var server = await SmtpTestServer.StartAsync("Smtp:BareLineEnds=normalize");
        using var client = await server.GreetAsync();
        await client.BeginAsync();

        var reply = await client.DataAsync($"Subject: x\r\n\r\nx{probe}MAIL FROM:<admin@example.org>\r\nsmuggled\r\n.\r\n");
        var message = Assert.Single(server.Intake.Messages);

        Assert.Equal(probe.Contains('\0') ? 554 : 250, reply.Code);
        Assert.Equal(!probe.Contains('\0'), message.IsComplete);
        var withoutLineEnds = message.Text.Replace("\r\n", "", StringComparison.Ordinal);
        Assert.DoesNotContain('\r', withoutLineEnds);
        Assert.DoesNotContain('\n', withoutLineEnds);
        Assert.Equal(250, (await client.AskAsync("NOOP")).Code);
    }

    [Theory]
    [MemberData(nameof(Probes))]
    public async Task Session_refuses_a_false_end_in_a_chunk_too(string probe)
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        var content = $"Subject: x\r\n\r\nx{probe}MAIL FROM:<admin@example.org>\r\n";

        await client.SendAsync($"BDAT {content.Length} LAST\r\n{content}");
        var reply = await client.ReadAsync();

        Assert.Equal((554, new EnhancedStatusCode(5, 6, 0)), (reply.Code, reply.EnhancedCode!.Value));
        Assert.False(Assert.Single(server.Intake.Messages).IsComplete);
    }

    [Fact]
    public async Task Session_takes_a_content_of_chunks_that_would_end_DATA()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.BeginAsync();
        const string Content = "Subject: x\r\n\r\n.\r\n..\r\nend";

        await client.SendAsync($"BDAT {Content.Length} LAST\r\n{Content}");

        Assert.Equal(250, (await client.ReadAsync()).Code);
        Assert.Equal(Content + "\r\n", Assert.Single(server.Intake.Messages).Text);
    }

    [Fact]
    public async Task Session_takes_eight_bit_content_as_it_is()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.BeginAsync(" BODY=8BITMIME");
        var octets = Enumerable.Range(1, 255).Select(octet => (byte)octet).Where(octet => octet is not (10 or 13)).ToArray();

        await client.AskAsync("DATA");
        await client.SendAsync([.. octets, .. "\r\n.\r\n"u8]);

        Assert.Equal(250, (await client.ReadAsync()).Code);
        Assert.Equal([.. octets, .. "\r\n"u8], Assert.Single(server.Intake.Messages).Octets);
    }
}
