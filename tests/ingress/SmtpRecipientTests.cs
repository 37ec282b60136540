using Mailkey.Smtp;

namespace Mailkey.Ingress.Tests;

public sealed class SmtpRecipientTests
{
    [Theory]
    [InlineData("<someone@elsewhere.example>")]
    [InlineData("<someone@sub.example.org>")]
    [InlineData("<someone@org>")]
    [InlineData("<alice%elsewhere.example@example.org>")]
    [InlineData("<alice%elsewhere.example@any.example>")]
    [InlineData("<\"alice@elsewhere.example\"@any.example>")]
    [InlineData("<\"alice\\@elsewhere.example\"@any.example>")]
    [InlineData("<\"@elsewhere.example:alice\"@any.example>")]
    [InlineData("<elsewhere.example!alice@any.example>")]
    [InlineData("<\"elsewhere!alice\"@any.example>")]
    [InlineData("<@any.example:someone@elsewhere.example>")]
    [InlineData("<@any.example,@example.org:someone@elsewhere.example>")]
    [InlineData("<alice@[127.0.0.1]>")]
    [InlineData("<alice@[IPv6:::1]>")]
    [InlineData("<postmaster@elsewhere.example>")]
    [InlineData("<postmaster@[127.0.0.1]>")]
    public async Task Server_relays_in_no_form_of_address(string path)
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        foreach (var sender in new[] { "<>", "<alice@example.org>", "<postmaster@any.example>" })
        {
            await client.AskAsync($"MAIL FROM:{sender}");
            var reply = await client.AskAsync($"RCPT TO:{path}");

            Assert.Equal((550, new EnhancedStatusCode(5, 7, 1)), (reply.Code, reply.EnhancedCode!.Value));
            await client.AskAsync("RSET");
        }
    }

    [Theory]
    [InlineData("<alice@example.org>", "alice@example.org")]
    [InlineData("<ALICE@EXAMPLE.ORG>", "ALICE@EXAMPLE.ORG")]
    [InlineData("<alice+detail+more@example.org>", "alice+detail+more@example.org")]
    [InlineData("<\"alice\"@example.org>", "\"alice\"@example.org")]
    [InlineData("<@elsewhere.example:alice@example.org>", "alice@example.org")]
    [InlineData("<postmaster>", "postmaster")]
    [InlineData("<PostMaster>", "PostMaster")]
    [InlineData("<Postmaster@example.org>", "Postmaster@example.org")]
    [InlineData("<postmaster@any.example>", "postmaster@any.example")]
    [InlineData("<whoever@any.example>", "whoever@any.example")]
    [InlineData("<whoever@xn--bcher-kva.example>", "whoever@xn--bcher-kva.example")]
    public async Task Server_takes_its_own_recipients_as_they_are_written(string path, string forwardPath)
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.AskAsync("MAIL FROM:<s@client.example>");

        Assert.Equal(250, (await client.AskAsync($"RCPT TO:{path}")).Code);
        Assert.Equal(250, (await client.DataAsync(".\r\n")).Code);
        Assert.Equal([forwardPath], Assert.Single(server.Intake.Messages).Envelope.Recipients.Select(recipient => recipient.ForwardPath));
    }

    [Theory]
    [InlineData("<+alice@example.org>")]
    [InlineData("<alicex@example.org>")]
    [InlineData("<abuse@example.org>")]
    public async Task Server_refuses_recipients_that_the_list_does_not_have(string path)
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.AskAsync("MAIL FROM:<s@client.example>");
        var reply = await client.AskAsync($"RCPT TO:{path}");

        Assert.Equal((550, new EnhancedStatusCode(5, 1, 1)), (reply.Code, reply.EnhancedCode!.Value));
    }

    [Fact]
    public async Task Server_gives_a_recipient_named_twice_one_copy()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();
        await client.BeginAsync();

        Assert.Equal(250, (await client.AskAsync("RCPT TO:<alice@example.org>")).Code);
        Assert.Equal(250, (await client.DataAsync(".\r\n")).Code);
        Assert.Single(Assert.Single(server.Intake.Messages).Envelope.Recipients);
    }

    [Theory]
    [InlineData("Domains:0:Name=exam ple", "Domains:0:Name")]
    [InlineData("Domains:1:Name=example.org", "Domains:1:Name")]
    [InlineData("Domains:0:CallOut=true", "Domains:0:CallOut")]
    [InlineData("Smtp:Listen:0=nowhere", "Smtp:Listen")]
    [InlineData("Smtp:Certificate=/nowhere/cert.pem", "Smtp:Certificate")]
    [InlineData("Smtp:BareLineEnds=ignore", "Smtp:BareLineEnds")]
    public async Task Server_with_a_broken_configuration_says_which_key_and_does_not_start(string setting, string said)
    {
        var failure = await Assert.ThrowsAnyAsync<Exception>(async () => await (await SmtpTestServer.StartAsync(setting)).DisposeAsync());

        Assert.Contains(said, failure.ToString(), StringComparison.Ordinal);
    }
}
