using System.Security.Cryptography;
using System.Text;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Tests.Agreements;

public sealed class SmtpLoginTests
{
    [Fact]
    public async Task Ehlo_offers_agreements_and_login_where_they_may_be_used()
    {
        await using var server = await AgreementServer.StartAsync();
        using var client = await server.Smtp.ConnectAsync();
        var plain = await client.AskAsync("EHLO client.example");
        Assert.Contains("XFWDAGREE https://agreements.example.org/v1 METHODS=AUTH,ADDRESS,REFERENCE", plain.Lines);
        Assert.DoesNotContain(plain.Lines, line => line.StartsWith("AUTH", StringComparison.Ordinal));
        Assert.Equal(Replies.AuthenticationNeedsTls, await client.AskAsync("AUTH PLAIN"));
        await client.AskAsync("STARTTLS");
        await client.StartTlsAsync();

        var secure = await client.AskAsync("EHLO client.example");
        Assert.Contains("AUTH SCRAM-SHA-256 PLAIN", secure.Lines);
    }

    [Fact]
    public async Task Without_agreements_there_is_neither_keyword_nor_login_nor_parameter()
    {
        await using var server = await SmtpTestServer.StartAsync();
        using var client = await server.GreetAsync();

        Assert.Equal(Replies.NotImplemented, await client.AskAsync("AUTH PLAIN"));
        Assert.Equal(Replies.UnknownParameter, await client.AskAsync("MAIL FROM:<a@b.example> XFWDAGREE=x"));
        Assert.Equal(Replies.UnknownParameter, await client.AskAsync("MAIL FROM:<a@b.example> AUTH=<>"));
    }

    [Fact]
    public async Task Plain_takes_the_right_secret_with_initial_response_and_without()
    {
        await using var server = await AgreementServer.StartAsync();
        server.Directory.Add(credential: "cred-1");
        using (var client = await server.GreetInTlsAsync())
        {
            Assert.Equal(Replies.Authenticated, await client.AskAsync($"auth plain {AgreementServer.Plain("cred-1", AgreementServer.Secret, "cred-1")}"));
            Assert.Equal(Replies.AuthenticatedTwice, await client.AskAsync("AUTH PLAIN"));
        }

        using var other = await server.GreetInTlsAsync();
        Assert.Equal("334 ", (await other.AskAsync("AUTH PLAIN")).ToString());
        Assert.Equal(Replies.Authenticated, await other.AskAsync(AgreementServer.Plain("cred-1", AgreementServer.Secret)));
    }

    [Theory]
    [InlineData("cred-1", "wrong", "")]
    [InlineData("nobody", AgreementServer.Secret, "")]
    [InlineData("no,b=dy at all", AgreementServer.Secret, "")]
    [InlineData("cred-1", AgreementServer.Secret, "somebody-else")]
    public async Task Plain_refuses_everything_else_with_one_reply(string name, string secret, string authorization)
    {
        await using var server = await AgreementServer.StartAsync();
        server.Directory.Add(credential: "cred-1");
        using var client = await server.GreetInTlsAsync();

        Assert.Equal(Replies.AuthenticationFailed, await client.AskAsync($"AUTH PLAIN {AgreementServer.Plain(name, secret, authorization)}"));
        Assert.DoesNotContain(server.Smtp.Log.Lines, line => line.Contains(AgreementServer.Secret, StringComparison.Ordinal));

        // And the session is an ordinary one.
        await client.BeginAsync();
    }

    [Fact]
    public async Task Scram_proves_both_sides()
    {
        await using var server = await AgreementServer.StartAsync();
        server.Directory.Add(credential: "cred-1");
        using var client = await server.GreetInTlsAsync();

        var (reply, isServer) = await ScramAsync(client, "cred-1", AgreementServer.Secret);
        Assert.Equal(Replies.Authenticated, reply);
        Assert.True(isServer);
        Assert.Equal(250, (await client.AskAsync("MAIL FROM:<x@y.example>")).Code);
        Assert.Equal(503, (await client.AskAsync("AUTH PLAIN")).Code);
    }

    [Theory]
    [InlineData("cred-1", "wrong")]
    [InlineData("nobody", "wrong")]
    public async Task Scram_goes_as_far_for_a_name_that_nobody_has_as_for_one_that_somebody_has(string name, string secret)
    {
        await using var server = await AgreementServer.StartAsync();
        server.Directory.Add(credential: "cred-1");
        using var client = await server.GreetInTlsAsync();

        var (reply, _) = await ScramAsync(client, name, secret);
        Assert.Equal(Replies.AuthenticationFailed, reply);
    }

    [Fact]
    public async Task Scram_refuses_channel_binding_another_header_and_a_foreign_nonce()
    {
        await using var server = await AgreementServer.StartAsync("Agreements:Smtp:MaxLoginFailures=10");
        server.Directory.Add(credential: "cred-1");
        using var client = await server.GreetInTlsAsync();

        Assert.Equal(Replies.AuthenticationBroken, await client.AskAsync($"AUTH SCRAM-SHA-256 {AgreementServer.Base64("p=tls-exporter,,n=cred-1,r=abc")}"));
        Assert.Equal(Replies.AuthenticationBroken, await client.AskAsync($"AUTH SCRAM-SHA-256 {AgreementServer.Base64("n,,m=x,n=cred-1,r=abc")}"));
        Assert.Equal(Replies.MechanismUnknown, await client.AskAsync("AUTH SCRAM-SHA-256-PLUS"));
        Assert.Equal(Replies.AuthenticationFailed, (await ScramAsync(client, "cred-1", AgreementServer.Secret, header: "n,,", binding: "y,,")).Reply);
        Assert.Equal(Replies.AuthenticationFailed, (await ScramAsync(client, "cred-1", AgreementServer.Secret, nonce: "mine")).Reply);
        Assert.Equal(Replies.Authenticated, (await ScramAsync(client, "cred-1", AgreementServer.Secret, header: "y,,", binding: "y,,")).Reply);
    }

    [Fact]
    public async Task Auth_survives_a_client_that_breaks_off_or_sends_nonsense()
    {
        await using var server = await AgreementServer.StartAsync();
        using var client = await server.GreetInTlsAsync();
        await client.AskAsync("AUTH PLAIN");
        Assert.Equal(Replies.AuthenticationCancelled, await client.AskAsync("*"));
        await client.AskAsync("AUTH SCRAM-SHA-256");
        Assert.Equal(Replies.AuthenticationBroken, await client.AskAsync("no base64!"));
        Assert.Equal(Replies.AuthenticationBroken, await client.AskAsync("AUTH PLAIN ="));
        Assert.Equal(Replies.SyntaxError, await client.AskAsync("AUTH"));
        Assert.Equal(Replies.SyntaxError, await client.AskAsync("AUTH PLAIN a b"));
        await client.AskAsync("AUTH PLAIN");
        await client.SendAsync("AAAA\n");
        Assert.Equal(Replies.BareLineEndInCommand, await client.ReadAsync());

        await client.AskAsync("AUTH PLAIN");
        await client.SendAsync(new string('A', 20_000));
        Assert.Equal(Replies.AuthenticationTooLong, await client.ReadAsync());
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Auth_gives_a_response_that_trickles_in_no_more_time_than_a_whole_one()
    {
        await using var server = await AgreementServer.StartAsync("Smtp:CommandTimeout=00:05:00");
        using var client = await server.GreetInTlsAsync();
        Assert.Equal(334, (await client.AskAsync("AUTH PLAIN")).Code);
        var reply = client.ReadAsync();
        var minutes = 0;
        try
        {
            for (; minutes < 30 && !reply.IsCompleted; minutes++)
            {
                await client.SendAsync("A");
                server.Smtp.Time.Advance(TimeSpan.FromMinutes(1));
                await Task.WhenAny(reply, Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken));
            }
        }
        catch (IOException)
        {
            // Closed meanwhile
        }

        Assert.True(minutes < 30);
        Assert.Equal(421, (await reply).Code);
    }

    [Fact]
    public async Task Auth_takes_what_was_pipelined_for_its_response_and_never_for_commands()
    {
        await using var server = await AgreementServer.StartAsync();
        server.Directory.Add(credential: "cred-1");
        using var client = await server.GreetInTlsAsync();
        await client.SendAsync($"AUTH PLAIN\r\n{AgreementServer.Plain("cred-1", AgreementServer.Secret)}\r\nNOOP\r\n");

        int[] codes = [(await client.ReadAsync()).Code, (await client.ReadAsync()).Code, (await client.ReadAsync()).Code];
        Assert.Equal([334, 235, 250], codes);
        await client.SendAsync("MAIL FROM:<x@y.example>\r\nAUTH PLAIN\r\n");
        codes = [(await client.ReadAsync()).Code, (await client.ReadAsync()).Code];
        Assert.Equal([250, 503], codes);
    }

    [Fact]
    public async Task Auth_injected_behind_starttls_ends_the_session()
    {
        await using var server = await AgreementServer.StartAsync();
        server.Directory.Add(credential: "cred-1");
        using var client = await server.Smtp.GreetAsync();
        await client.SendAsync($"STARTTLS\r\nAUTH PLAIN {AgreementServer.Plain("cred-1", AgreementServer.Secret)}\r\n");

        Assert.Equal(Replies.PlaintextAfterStartTls, await client.ReadAsync());
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task Auth_is_closed_to_a_session_and_to_a_network_that_fail_too_often()
    {
        await using var server = await AgreementServer.StartAsync("Agreements:Smtp:MaxLoginFailures=2", "Agreements:Smtp:MaxLoginFailuresPerNetwork=3");
        server.Directory.Add(credential: "cred-1");
        using (var client = await server.GreetInTlsAsync())
        {
            Assert.Equal(535, (await client.AskAsync($"AUTH PLAIN {AgreementServer.Plain("cred-1", "a")}")).Code);
            Assert.Equal(535, (await client.AskAsync($"AUTH PLAIN {AgreementServer.Plain("cred-1", "b")}")).Code);
            Assert.Equal(Replies.TooManyLoginFailures, await client.ReadAsync());
            await client.AssertClosedAsync();
        }

        using (var client = await server.GreetInTlsAsync())
        {
            Assert.Equal(535, (await client.AskAsync($"AUTH PLAIN {AgreementServer.Plain("cred-1", "c")}")).Code);
        }

        // Even the right secret: else the reply would tell which one it is.
        using (var client = await server.GreetInTlsAsync())
        {
            Assert.Equal(Replies.TooManyLoginFailures, await client.AskAsync($"AUTH PLAIN {AgreementServer.Plain("cred-1", AgreementServer.Secret)}"));
        }

        server.Smtp.Time.Advance(TimeSpan.FromMinutes(61));
        using var later = await server.LogInAsync("cred-1");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Auth_answers_a_failure_not_before_its_time(bool isInitial)
    {
        await using var server = await AgreementServer.StartAsync("Agreements:Smtp:RefusalTime=00:00:10");
        using var client = await server.GreetInTlsAsync();
        if (!isInitial)
        {
            // However long the client thinks, the time is that of its last word.
            Assert.Equal(334, (await client.AskAsync("AUTH PLAIN")).Code);
            server.Smtp.Time.Advance(TimeSpan.FromSeconds(20));
        }

        await client.SendAsync($"{(isInitial ? "AUTH PLAIN " : "")}{AgreementServer.Plain("nobody", "x")}\r\n");
        var reply = client.ReadAsync();

        // The log knows of it, the client does not.
        while (!server.Smtp.Log.Lines.Any(line => line.Contains("failed to log in as", StringComparison.Ordinal)))
        {
            await Task.Yield();
        }

        Assert.NotSame(reply, await Task.WhenAny(reply, Task.Delay(TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken)));

        await server.Smtp.Time.AdvanceUntilAsync(reply, TimeSpan.FromSeconds(10));
        Assert.Equal(Replies.AuthenticationFailed, await reply);
    }

    [Fact]
    public async Task Auth_without_a_directory_is_a_temporary_failure()
    {
        await using var server = await AgreementServer.StartAsync();
        server.Directory.IsAway = true;
        using var client = await server.GreetInTlsAsync();

        Assert.Equal(Replies.AuthenticationUnavailable, await client.AskAsync($"AUTH PLAIN {AgreementServer.Plain("cred-1", "x")}"));
    }

    // The client's side of RFC 5802 §3, written from the RFC.
    private static async Task<(SmtpReply Reply, bool IsServer)> ScramAsync(
        SmtpTestClient client, string name, string secret, string header = "n,,", string? binding = null, string? nonce = null)
    {
        var bare = $"n={name},r=fyko+d2lbbFgONRv9qkxdawL";
        var challenge = await client.AskAsync($"AUTH SCRAM-SHA-256 {AgreementServer.Base64(header + bare)}");
        Assert.Equal(334, challenge.Code);
        var first = Encoding.ASCII.GetString(Convert.FromBase64String(challenge.Lines[0]));
        var parts = first.Split(',').ToDictionary(part => part[0], part => part[2..]);
        Assert.StartsWith("fyko+d2lbbFgONRv9qkxdawL", parts['r'], StringComparison.Ordinal);
        var salted = Rfc2898DeriveBytes.Pbkdf2(secret, Convert.FromBase64String(parts['s']), int.Parse(parts['i'], null), HashAlgorithmName.SHA256, 32);
        var clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        var without = $"c={AgreementServer.Base64(binding ?? header)},r={nonce ?? parts['r']}";
        var message = Encoding.ASCII.GetBytes($"{bare},{first},{without}");
        var proof = HMACSHA256.HashData(SHA256.HashData(clientKey), message);
        for (var i = 0; i < proof.Length; i++)
        {
            proof[i] ^= clientKey[i];
        }

        var reply = await client.AskAsync(AgreementServer.Base64($"{without},p={Convert.ToBase64String(proof)}"));
        if (reply.Code != 334)
        {
            return (reply, false);
        }

        var signature = Convert.ToBase64String(HMACSHA256.HashData(HMACSHA256.HashData(salted, "Server Key"u8), message));
        var isServer = Encoding.ASCII.GetString(Convert.FromBase64String(reply.Lines[0])) == $"v={signature}";
        return (await client.AskAsync(""), isServer);
    }
}
