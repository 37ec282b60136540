using System.Globalization;
using Mailkey.Agreements.Accounts;
using Mailkey.Testkit.Https;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Portal.Tests.Accounts;

/// <summary>Log-ins at a real Dovecot.</summary>
public sealed class ImapLoginTests(DovecotServer dovecot) : IClassFixture<DovecotServer>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("imaps")]
    [InlineData("imap")]
    public async Task Dovecot_says_who_knows_the_password(string scheme)
    {
        var login = Login(scheme, dovecot.Authorities);
        Assert.Equal((PasswordCheck.Right, ""), await login.CheckAsync("alice@b.example", DovecotServer.Password, Stop));
        Assert.Equal((PasswordCheck.Wrong, ""), await login.CheckAsync("alice@b.example", DovecotServer.Password + "x", Stop));
        Assert.Equal((PasswordCheck.Wrong, ""), await login.CheckAsync("nobody@b.example", DovecotServer.Password, Stop));
    }

    [Theory]
    [InlineData("bob\r\na LOGIN bob {14}")]
    [InlineData("bob {14}\r\nbob's password\r\n")]
    [InlineData("\"bob\"")]
    [InlineData("bob\\")]
    [InlineData("bob\0")]
    public async Task Name_cannot_leave_its_place(string name)
    {
        Assert.Equal(PasswordCheck.Wrong, (await Login("imaps", dovecot.Authorities).CheckAsync(name, "bob's password", Stop)).Check);
        Assert.Equal(PasswordCheck.Wrong, (await Login("imaps", dovecot.Authorities).CheckAsync("bob", "wrong\r\na LOGIN bob \"bob's password\"\r\n", Stop)).Check);
    }

    [Theory]
    [InlineData("imaps")]
    [InlineData("imap")]
    public async Task Host_with_a_certificate_of_somebody_else_gets_no_password(string scheme)
    {
        using var other = new TestAuthority();
        using var folder = new TemporaryFolder("authority");
        var file = Path.Combine(folder.Path, "other.pem");
        await File.WriteAllTextAsync(file, other.Pem, Stop);
        Assert.Equal(PasswordCheck.Unavailable, (await Login(scheme, file).CheckAsync("alice@b.example", DovecotServer.Password, Stop)).Check);
        Assert.Equal(PasswordCheck.Unavailable, (await Login(scheme, "").CheckAsync("alice@b.example", DovecotServer.Password, Stop)).Check);
    }

    private ImapLogin Login(string scheme, string authorities) => ImapLogin.Create(
        new(string.Create(CultureInfo.InvariantCulture, $"{scheme}://localhost:{(scheme == "imaps" ? dovecot.ImapsPort : dovecot.ImapPort)}")), authorities, TimeSpan.FromSeconds(30));
}
