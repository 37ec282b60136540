using Mailkey.Agreements.Keys;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Tests.Agreements;

public sealed class SmtpAgreementTests
{
    [Fact]
    public async Task Ordinary_mail_asks_nobody()
    {
        await using var server = await AgreementServer.StartAsync();
        using var client = await server.Smtp.GreetAsync();
        await client.BeginAsync();

        Assert.Equal(250, (await client.DataAsync("x\r\n.\r\n")).Code);
        Assert.Equal(0, server.Directory.Questions);
        Assert.Null(server.Smtp.Intake.Messages[0].Envelope.Agreement);
    }

    [Fact]
    public async Task Login_grants_nothing_but_mail_to_the_agreed_recipient()
    {
        await using var server = await AgreementServer.StartAsync();
        var agreement = server.Directory.Add(credential: "cred-1");
        using var client = await server.LogInAsync("cred-1");

        var replies = await client.AskAllAsync(
            "MAIL FROM:<friend@c.example>", "RCPT TO:<bob@example.org>", "RCPT TO:<x@elsewhere.example>", "RCPT TO:<postmaster>", "RCPT TO:<Alice@EXAMPLE.org>");
        Assert.Equal([250, 550, 550, 550, 250], replies.Select(reply => reply.Code));
        Assert.All(replies[1..4], reply => Assert.StartsWith("5.7.1", reply.EnhancedCode?.ToString(), StringComparison.Ordinal));
        Assert.Equal(250, (await client.DataAsync("x\r\n.\r\n")).Code);

        var message = server.Smtp.Intake.Messages[0];
        Assert.Equal((agreement.Id, "auth", "a.example", "cred-1"),
            (message.Envelope.Agreement!.AgreementId, message.Envelope.Agreement.Method, message.Envelope.Agreement.AuthenticatedForwarder, message.Envelope.Agreement.Credential));
        Assert.Equal(["Alice@EXAMPLE.org"], message.Envelope.Recipients.Select(recipient => recipient.ForwardPath));

        // A login of a forwarder is none of a user (RFC 3848 has ESMTPSA for that).
        Assert.Equal("ESMTPS", message.Connection.Protocol);
        Assert.All(server.Reports.Misuse, report => Assert.Equal((agreement.Id, "wrong-reference"), report));
    }

    [Fact]
    public async Task Session_changes_hats_and_loses_them_with_the_transaction()
    {
        await using var server = await AgreementServer.StartAsync();
        var one = server.Directory.Add(credential: "cred-1");
        var two = server.Directory.Add(recipient: "bob@example.org");
        using var client = await server.LogInAsync("cred-1");

        await AssertCodesAsync(client, [250, 550, 250], $"MAIL FROM:<f@c.example> XFWDAGREE={two.Id}", "RCPT TO:<alice@example.org>", "RCPT TO:<bob@example.org>");
        await AssertCodesAsync(client, [250, 250, 550], "RSET", "MAIL FROM:<f@c.example>", "RCPT TO:<bob@example.org>");
        await AssertCodesAsync(client, [250, 250, 250], "RSET", $"MAIL FROM:<f@c.example> AUTH={two.Id}", "RCPT TO:<bob@example.org>");
        Assert.Equal(250, (await client.DataAsync("x\r\n.\r\n")).Code);
        await AssertCodesAsync(client, [250, 250], $"MAIL FROM:<f@c.example> AUTH={one.Id}@a.example", "RCPT TO:<alice@example.org>");

        // RFC 4954 §5: the null value names nobody.
        await AssertCodesAsync(client, [250, 250, 250], "RSET", "MAIL FROM:<f@c.example> AUTH=<>", "RCPT TO:<alice@example.org>");
    }

    [Fact]
    public async Task Two_names_that_differ_are_refused()
    {
        await using var server = await AgreementServer.StartAsync();
        var one = server.Directory.Add(credential: "cred-1");
        var two = server.Directory.Add(recipient: "bob@example.org");
        using var client = await server.LogInAsync("cred-1");

        AssertRefused(Replies.AgreementsContradict, await client.AskAsync($"MAIL FROM:<f@c.example> XFWDAGREE={two.Id} AUTH={one.Id}"));
        Assert.Equal(250, (await client.AskAsync($"MAIL FROM:<f@c.example> XFWDAGREE={two.Id.ToUpperInvariant()} AUTH={two.Id}")).Code);
        Assert.Equal(501, (await (await server.Smtp.GreetAsync()).AskAsync($"MAIL FROM:<f@c.example> XFWDAGREE={two.Id} XFWDAGREE={two.Id}")).Code);
    }

    [Fact]
    public async Task Agreement_of_another_forwarder_is_as_unknown_as_none_and_is_reported()
    {
        await using var server = await AgreementServer.StartAsync();
        var own = server.Directory.Add(credential: "cred-1");
        var foreign = server.Directory.Add(forwarder: "other.example", recipient: "bob@example.org");
        using var client = await server.LogInAsync("cred-1");

        AssertRefused(Replies.AgreementNotInForce, await client.AskAsync($"MAIL FROM:<f@c.example> XFWDAGREE={foreign.Id}"));
        AssertRefused(Replies.AgreementNotInForce, await client.AskAsync($"MAIL FROM:<f@c.example> XFWDAGREE={AgreementId.Mint()}"));
        AssertRefused(Replies.AgreementNotInForce, await client.AskAsync("MAIL FROM:<f@c.example> XFWDAGREE=nonsense"));
        Assert.Equal([(own.Id, "foreign-reference")], server.Reports.Misuse);
    }

    [Fact]
    public async Task Network_that_tries_names_of_agreements_is_turned_away_as_one_that_tries_recipients()
    {
        await using var server = await AgreementServer.StartAsync("Smtp:MaxUnknownRecipients=1", "Smtp:MaxConnectionRatePerNetwork=100");
        var sessions = 0;
        while (true)
        {
            using var client = await SmtpTestClient.ConnectAsync(server.Smtp.Port);
            if (await client.ReadAsync() is { Code: not 220 } refusal)
            {
                Assert.Equal(Replies.TooManyConnectionsFromNetwork, refusal);
                break;
            }

            Assert.InRange(++sessions, 1, 10);
            Assert.Equal(250, (await client.AskAsync("EHLO client.example")).Code);
            AssertRefused(Replies.AgreementNotInForce, await client.AskAsync($"MAIL FROM:<f@c.example> XFWDAGREE={AgreementId.Mint()}"));
            Assert.Equal(Replies.TooManyUnknownRecipients, await client.ReadAsync());
        }

        Assert.InRange(sessions, 9, 10);
    }

    [Fact]
    public async Task Reference_without_login_names_the_agreement_for_the_verifier()
    {
        await using var server = await AgreementServer.StartAsync();
        var agreement = server.Directory.Add();
        using var client = await server.Smtp.GreetAsync();

        await AssertCodesAsync(client, [250, 550, 250], $"MAIL FROM:<f@c.example> XFWDAGREE={agreement.Id}", "RCPT TO:<bob@example.org>", "RCPT TO:<alice@example.org>");
        Assert.Equal(250, (await client.DataAsync("x\r\n.\r\n")).Code);
        Assert.Equal(("reference", null), (server.Smtp.Intake.Messages[0].Envelope.Agreement!.Method, server.Smtp.Intake.Messages[0].Envelope.Agreement!.AuthenticatedForwarder));

        // Whoever it was has proven nothing, so nobody answers for the wrong recipient.
        Assert.Empty(server.Reports.Misuse);
    }

    [Fact]
    public async Task Revocation_acts_on_the_next_transaction_of_a_live_session()
    {
        await using var server = await AgreementServer.StartAsync();
        var one = server.Directory.Add(credential: "cred-1");
        var two = server.Directory.Add(recipient: "bob@example.org");
        using var client = await server.LogInAsync("cred-1");
        await AssertCodesAsync(client, [250, 250], $"MAIL FROM:<f@c.example> XFWDAGREE={two.Id}", "RSET");

        server.Directory.End(two);
        AssertRefused(Replies.AgreementNotInForce, await client.AskAsync($"MAIL FROM:<f@c.example> XFWDAGREE={two.Id}"));
        await AssertCodesAsync(client, [250, 250], "MAIL FROM:<f@c.example>", "RSET");

        // The credential goes with its agreement, and the session with it.
        server.Directory.End(one);
        AssertRefused(Replies.LoginEnded, await client.AskAsync("MAIL FROM:<f@c.example>"));
    }

    [Fact]
    public async Task Directory_that_is_away_is_a_temporary_refusal()
    {
        await using var server = await AgreementServer.StartAsync();
        var agreement = server.Directory.Add();
        var address = UniqueAddress.Mint("alice@example.org");
        server.Directory.IsAway = true;
        using var client = await server.Smtp.GreetAsync();

        AssertRefused(Replies.AgreementUnverifiable, await client.AskAsync($"MAIL FROM:<f@c.example> XFWDAGREE={agreement.Id}"));
        await AssertCodesAsync(client, [250, 451, 250], "MAIL FROM:<f@c.example>", $"RCPT TO:<{address}>", "RCPT TO:<alice@example.org>");
    }

    [Fact]
    public async Task Session_that_tries_too_many_agreements_ends()
    {
        await using var server = await AgreementServer.StartAsync("Agreements:Smtp:MaxPerSession=2");
        var all = Enumerable.Range(0, 3).Select(_ => server.Directory.Add()).ToArray();
        using var client = await server.Smtp.GreetAsync();

        for (var i = 0; i < 4; i++)
        {
            await AssertCodesAsync(client, [250, 250], $"MAIL FROM:<f@c.example> XFWDAGREE={all[i % 2].Id}", "RSET");
        }

        Assert.Equal(421, (await client.AskAsync($"MAIL FROM:<f@c.example> XFWDAGREE={all[2].Id}")).Code);
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Size_that_is_announced_is_held_against_the_agreement()
    {
        await using var server = await AgreementServer.StartAsync();
        var agreement = server.Directory.Add(size: 1000);
        using var client = await server.Smtp.GreetAsync();

        AssertRefused(Replies.AgreementTooLarge, await client.AskAsync($"MAIL FROM:<f@c.example> XFWDAGREE={agreement.Id} SIZE=1001"));
        Assert.Equal(250, (await client.AskAsync($"MAIL FROM:<f@c.example> XFWDAGREE={agreement.Id} SIZE=1000")).Code);
    }

    [Theory]
    [InlineData(true, false, 250)]
    [InlineData(true, true, 452)]
    [InlineData(false, true, 452)]
    public async Task Session_whose_RCPT_commands_add_nobody_to_an_agreement_is_closed(bool addressFirst, bool other, int code)
    {
        await using var server = await AgreementServer.StartAsync("Smtp:MaxRecipients=100", "Smtp:MaxFruitlessRecipients=1000");
        var address = UniqueAddress.Mint("alice@example.org").ToString();
        server.Directory.Add(address: address);
        using var client = await server.Smtp.ConnectAsync();
        await client.AskAsync("EHLO a.example");
        await AssertCodesAsync(client, [250, 250], "MAIL FROM:<friend@c.example>", $"RCPT TO:<{(addressFirst ? address : "bob@example.org")}>");
        var next = addressFirst != other ? address : "bob@example.org";
        for (var i = 0; i < 10; i++)
        {
            Assert.All(await client.AskAllAsync([.. Enumerable.Repeat($"RCPT TO:<{next}>", 100)]), reply => Assert.Equal(code, reply.Code));
        }

        Assert.Equal(Replies.TooManyFruitlessRecipients, await client.ReadAsync());
        await client.AssertClosedAsync();
    }

    [Theory]
    [InlineData("relay.a.example", "friend@c.example")]
    [InlineData("a.example", "friend@c.example")]
    [InlineData("other.example", "list@lists.a.example")]
    public async Task Address_made_for_a_forwarder_leads_to_the_mailbox(string helo, string sender)
    {
        await using var server = await AgreementServer.StartAsync();
        var address = UniqueAddress.Mint("alice@example.org").ToString();
        var agreement = server.Directory.Add(address: address);
        using var client = await server.Smtp.ConnectAsync();
        await client.AskAsync($"EHLO {helo}");

        await AssertCodesAsync(client, [250, 250, 452], $"MAIL FROM:<{sender}>", $"RCPT TO:<{address.ToUpperInvariant()}>", "RCPT TO:<bob@example.org>");
        Assert.Equal(250, (await client.DataAsync("x\r\n.\r\n")).Code);
        var envelope = server.Smtp.Intake.Messages[0].Envelope;
        Assert.Equal((agreement.Id, "address", "alice@example.org"), (envelope.Agreement!.AgreementId, envelope.Agreement.Method, envelope.Agreement.DeliverTo));

        // What is signed for is what was said.
        Assert.Equal(address.ToUpperInvariant(), envelope.Recipients[0].ForwardPath);
    }

    [Fact]
    public async Task Address_in_the_hands_of_another_is_refused_just_as_one_that_does_not_exist()
    {
        await using var server = await AgreementServer.StartAsync();
        var address = UniqueAddress.Mint("alice@example.org").ToString();
        var agreement = server.Directory.Add(address: address);
        using var client = await server.Smtp.ConnectAsync();
        await client.AskAsync("EHLO spam.example");
        await client.AskAsync("MAIL FROM:<x@spam.example>");

        AssertRefused(Replies.UnknownRecipient, await client.AskAsync($"RCPT TO:<{address}>"));
        AssertRefused(Replies.UnknownRecipient, await client.AskAsync($"RCPT TO:<{UniqueAddress.Mint("alice@example.org")}>"));
        AssertRefused(Replies.UnknownRecipient, await client.AskAsync($"RCPT TO:<{UniqueAddress.Mint("nobody@example.org")}>"));
        AssertRefused(Replies.UnknownRecipient, await client.AskAsync("RCPT TO:<nobody@example.org>"));
        Assert.Equal([(agreement.Id, "address-used-by-another")], server.Reports.Misuse);
    }

    [Fact]
    public async Task Address_under_a_foreign_name_is_taken_when_the_agreement_is_named()
    {
        await using var server = await AgreementServer.StartAsync();
        var address = UniqueAddress.Mint("alice@example.org").ToString();
        var agreement = server.Directory.Add(address: address, methods: ["address"]);
        using var client = await server.Smtp.GreetAsync();

        await AssertCodesAsync(client, [250, 550, 250], $"MAIL FROM:<f@c.example> XFWDAGREE={agreement.Id}", "RCPT TO:<alice@example.org>", $"RCPT TO:<{address}>");
        Assert.Equal(250, (await client.DataAsync("x\r\n.\r\n")).Code);
        Assert.Equal(("address", "alice@example.org"), (server.Smtp.Intake.Messages[0].Envelope.Agreement!.Method, server.Smtp.Intake.Messages[0].Envelope.Agreement!.DeliverTo));
    }

    [Fact]
    public async Task Address_of_one_agreement_and_the_name_of_another_contradict_each_other()
    {
        await using var server = await AgreementServer.StartAsync();
        var address = UniqueAddress.Mint("alice@example.org").ToString();
        var one = server.Directory.Add(address: address);
        var two = server.Directory.Add(recipient: "bob@example.org");
        using var client = await server.Smtp.ConnectAsync();
        await client.AskAsync("EHLO a.example");

        await AssertCodesAsync(client, [250, 550], $"MAIL FROM:<f@c.example> XFWDAGREE={two.Id}", $"RCPT TO:<{address}>");
        await AssertCodesAsync(client, [250, 250, 250], "RSET", $"MAIL FROM:<f@c.example> XFWDAGREE={one.Id}", $"RCPT TO:<{address}>");
    }

    private static async Task AssertCodesAsync(SmtpTestClient client, int[] codes, params string[] lines) =>
        Assert.Equal(codes, (await client.AskAllAsync(lines)).Select(reply => reply.Code));

    // In a transaction the queue id stands behind the text, and the link.
    private static void AssertRefused(SmtpReply expected, SmtpReply actual)
    {
        Assert.Equal((expected.Code, expected.EnhancedCode), (actual.Code, actual.EnhancedCode));
        Assert.StartsWith(expected.Lines[0], actual.Lines[0], StringComparison.Ordinal);
    }
}
