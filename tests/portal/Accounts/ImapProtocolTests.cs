using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Mailkey.Agreements.Accounts;
using Mailkey.Testkit.Https;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Portal.Tests.Accounts;

/// <summary>Servers that don't behave.</summary>
public sealed class ImapProtocolTests : IDisposable
{
    private const string Greeting = "* OK ready\r\n";

    private readonly TestAuthority _authority = new();
    private readonly TemporaryFolder _folder = new("imap");
    private readonly X509Certificate2 _certificate;

    public ImapProtocolTests()
    {
        _certificate = _authority.Issue(["localhost"]);
        File.WriteAllText(Authorities, _authority.Pem);
    }

    private string Authorities => Path.Combine(_folder.Path, "authority.pem");

    public void Dispose()
    {
        _certificate.Dispose();
        _authority.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("a OK welcome\r\n", "Right")]
    [InlineData("* CAPABILITY IMAP4rev2\r\na OK [CAPABILITY IMAP4rev2] welcome\r\n", "Right")]
    [InlineData("a NO [AUTHENTICATIONFAILED] no\r\n", "Wrong")]
    [InlineData("a NO no\r\n", "Wrong")]
    [InlineData("a NO [UNAVAILABLE] the directory is away\r\n", "Unavailable")]
    [InlineData("a NO [unavailable] the directory is away\r\n", "Unavailable")]
    [InlineData("a BAD what?\r\n", "Unavailable")]
    [InlineData("a OKAY\r\n", "Unavailable")]
    [InlineData("b OK welcome\r\n", "Unavailable")]
    [InlineData("* BYE\r\n", "Unavailable")]
    [InlineData("", "Unavailable")]
    public async Task Only_a_clear_answer_is_one(string answer, string expected)
    {
        using var server = new ScriptedImapServer(_certificate, async (plain, self) =>
        {
            await using var stream = await self.SecureAsync(plain);
            await ScriptedImapServer.SayAsync(stream, Greeting);
            await self.HearAsync(stream);
            await ScriptedImapServer.SayAsync(stream, "+ go\r\n");
            await self.HearAsync(stream);
            await ScriptedImapServer.SayAsync(stream, "+ go\r\n");
            await self.HearAsync(stream);
            await ScriptedImapServer.SayAsync(stream, answer);
        });
        Assert.Equal(expected, (await CheckAsync("imaps", server)).Check.ToString());
        Assert.Equal(["a LOGIN {5}", "alice {6}", "secret"], server.Heard);
    }

    [Theory]
    [InlineData("* PREAUTH welcome\r\n")]
    [InlineData("* BYE busy\r\n")]
    [InlineData("220 mx ESMTP\r\n")]
    public async Task Password_is_not_sent_after_another_greeting(string greeting)
    {
        using var server = new ScriptedImapServer(_certificate, async (plain, self) =>
        {
            await using var stream = await self.SecureAsync(plain);
            await ScriptedImapServer.SayAsync(stream, greeting);
            await self.HearAsync(stream);
        });
        Assert.Equal(PasswordCheck.Unavailable, (await CheckAsync("imaps", server)).Check);
        await server.Done;
        Assert.Equal([""], server.Heard);
    }

    [Fact]
    public async Task Password_is_not_sent_where_the_log_in_is_not_wanted()
    {
        using var server = new ScriptedImapServer(_certificate, async (plain, self) =>
        {
            await using var stream = await self.SecureAsync(plain);
            await ScriptedImapServer.SayAsync(stream, Greeting);
            await self.HearAsync(stream);
            await ScriptedImapServer.SayAsync(stream, "a NO [PRIVACYREQUIRED] not here\r\n");
            await self.HearAsync(stream);
        });
        Assert.Equal(PasswordCheck.Unavailable, (await CheckAsync("imaps", server)).Check);
        await server.Done;
        Assert.Equal(["a LOGIN {5}", ""], server.Heard);
    }

    [Theory]
    [InlineData("s OK begin\r\na OK welcome\r\n")]
    [InlineData("s NO not today\r\n")]
    [InlineData("s BAD what?\r\n")]
    public async Task Nothing_that_came_before_TLS_is_believed(string answer)
    {
        using var server = new ScriptedImapServer(_certificate, async (plain, self) =>
        {
            await ScriptedImapServer.SayAsync(plain, Greeting);
            await self.HearAsync(plain);
            await ScriptedImapServer.SayAsync(plain, answer);
            await self.HearAsync(plain);
        });
        Assert.Equal(PasswordCheck.Unavailable, (await CheckAsync("imap", server)).Check);
        await server.Done;
        Assert.DoesNotContain(server.Heard, line => line.Contains("LOGIN", StringComparison.Ordinal) || line.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Server_without_an_end_to_its_lines_is_left()
    {
        using var server = new ScriptedImapServer(_certificate, async (plain, self) =>
        {
            await using var stream = await self.SecureAsync(plain);
            await ScriptedImapServer.SayAsync(stream, Greeting);
            await ScriptedImapServer.SayAsync(stream, new('x', 100_000));
        });
        Assert.Equal((PasswordCheck.Unavailable, "a line is too long"), await CheckAsync("imaps", server));

        using var endless = new ScriptedImapServer(_certificate, async (plain, self) =>
        {
            await using var stream = await self.SecureAsync(plain);
            await ScriptedImapServer.SayAsync(stream, Greeting);
            for (var i = 0; i < 1000; i++)
            {
                await ScriptedImapServer.SayAsync(stream, "* OK still here\r\n");
            }
        });
        Assert.Equal((PasswordCheck.Unavailable, "too many lines"), await CheckAsync("imaps", endless));
    }

    [Fact]
    public async Task Server_that_says_nothing_is_left_in_time()
    {
        using var server = new ScriptedImapServer(_certificate, async (plain, self) =>
        {
            await using var stream = await self.SecureAsync(plain);
            await ScriptedImapServer.SayAsync(stream, Greeting);
            await self.HearAsync(stream);
            await self.HearAsync(stream);
        });
        var (check, reason) = await CheckAsync("imaps", server, TimeSpan.FromMilliseconds(300));
        Assert.Equal(PasswordCheck.Unavailable, check);
        Assert.Contains("no answer within", reason, StringComparison.Ordinal);
    }

    private Task<(PasswordCheck Check, string Reason)> CheckAsync(string scheme, ScriptedImapServer server, TimeSpan? timeout = null) =>
        ImapLogin.Create(new(string.Create(CultureInfo.InvariantCulture, $"{scheme}://localhost:{server.Port}")), Authorities, timeout ?? TimeSpan.FromSeconds(30))
            .CheckAsync("alice", "secret", TestContext.Current.CancellationToken);
}
