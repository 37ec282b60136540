using System.Text;
using Mailkey.Agreements.Accounts;
using Mailkey.Hosting.Options;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Tool;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Mailkey.Portal.Tests.Accounts;

public sealed class AccountFileTests : IDisposable
{
    private const int Cheap = 1000;

    private readonly TemporaryFolder _folder = new("accounts");

    private string PathOfFile => Path.Combine(_folder.Path, "accounts");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void PasswordHash_matches_its_password_and_no_other()
    {
        Assert.True(PasswordHash.TryParse(PasswordHash.Of("correct horse", Cheap).ToString(), out var hash));
        Assert.True(hash.Matches("correct horse"));
        Assert.False(hash.Matches("correct horsf"));
        Assert.False(hash.Matches(""));

        // The same word, typed with a combining accent.
        Assert.True(PasswordHash.Of("caf\u00e9", Cheap).Matches("cafe\u0301"));
        Assert.NotEqual(PasswordHash.Of("same", Cheap).ToString(), PasswordHash.Of("same", Cheap).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("plain")]
    [InlineData("pbkdf2-sha256:0:AAAAAAAAAAAAAAAAAAAAAA==:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("pbkdf2-sha256:2000000000:AAAAAAAAAAAAAAAAAAAAAA==:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("pbkdf2-sha256:1000:AAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("pbkdf2-sha256:1000:AAAAAAAAAAAAAAAAAAAAAA==:AAAA")]
    [InlineData("md5:1000:AAAAAAAAAAAAAAAAAAAAAA==:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    public void PasswordHash_refuses_what_it_did_not_write(string text) => Assert.False(PasswordHash.TryParse(text, out _));

    [Fact]
    public async Task AccountFile_is_written_by_the_command_and_read_by_the_service()
    {
        var (code, output) = await RunAsync("", "add", "Alice@B.example", "--generate");
        Assert.Equal(0, code);
        var password = output.Split('\n')[0].Split(": ")[1];
        Assert.Equal(0, (await RunAsync("a password of the postmaster\n", "add", "postmaster@b.example", "--operator")).Code);
        Assert.Equal((0, "alice@b.example  user\npostmaster@b.example  operator\n"), await RunAsync("", "list"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(PathOfFile));
        Assert.DoesNotContain(password, await File.ReadAllTextAsync(PathOfFile), StringComparison.Ordinal);

        using var passwords = Passwords();
        Assert.Equal(PasswordCheck.Right, await passwords.CheckAsync("alice@b.example", password, TestContext.Current.CancellationToken));
        Assert.Equal(PasswordCheck.Wrong, await passwords.CheckAsync("alice@b.example", password + "x", TestContext.Current.CancellationToken));
        Assert.Equal(PasswordCheck.Wrong, await passwords.CheckAsync("bob@b.example", password, TestContext.Current.CancellationToken));
        Assert.True(passwords.Find("postmaster@b.example")!.IsOperator);

        var stamp = passwords.Find("alice@b.example")!.Stamp;
        Assert.Equal(0, (await RunAsync("another password\n", "password", "alice@b.example")).Code);
        Assert.NotEqual(stamp, passwords.Find("alice@b.example")!.Stamp);
        Assert.Equal(0, (await RunAsync("", "remove", "alice@b.example")).Code);
        Assert.Null(passwords.Find("alice@b.example"));
    }

    [Theory]
    [InlineData("no address", "long enough", "add")]
    [InlineData("alice@b.example", "short", "add")]
    [InlineData("alice@b.example", "", "add")]
    [InlineData("bob@b.example", "long enough", "password")]
    [InlineData("bob@b.example", "", "remove")]
    public async Task AccountsCommand_says_what_is_wrong_and_changes_nothing(string address, string password, string command)
    {
        Assert.Equal(2, (await RunAsync(password + "\n", command, address)).Code);
        Assert.False(File.Exists(PathOfFile));
    }

    [Fact]
    public void AccountFile_keeps_its_owner_and_its_mode_when_root_changes_a_password()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can give a file away");
        var file = new AccountFile(PathOfFile);
        file.Write([new("alice@b.example", false, PasswordHash.Of("secret", Cheap))]);
        Run("chown", "nobody", PathOfFile);
        Run("chmod", "0660", PathOfFile);

        file.Write([new("alice@b.example", false, PasswordHash.Of("other", Cheap))]);

        Assert.Equal("nobody 660", Run("stat", "--format", "%U %a", PathOfFile));
    }

    private static string Run(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output.Trim();
    }

    [Fact]
    public async Task AccountFile_that_is_broken_lets_nobody_in()
    {
        await File.WriteAllTextAsync(PathOfFile, "alice@b.example user nonsense\n");
        using var passwords = Passwords();
        Assert.Equal(PasswordCheck.Unavailable, await passwords.CheckAsync("alice@b.example", "nonsense", TestContext.Current.CancellationToken));
        Assert.Throws<AccountsUnavailableException>(() => passwords.Find("alice@b.example"));
    }

    [Fact]
    public void FilePasswords_make_an_unknown_account_cost_as_much_as_a_known_one()
    {
        using var passwords = Passwords();
        Assert.Equal((PasswordHash.DefaultIterations, false), (passwords.HashFor("bob@b.example").Hash.Iterations, passwords.HashFor("bob@b.example").IsKnown));
        passwords.File.Write([new("alice@b.example", false, PasswordHash.Of("secret", Cheap))]);
        Assert.Equal(Cheap, passwords.HashFor("bob@b.example").Hash.Iterations);
        Assert.True(passwords.HashFor("alice@b.example").IsKnown);
    }

    private FilePasswords Passwords()
    {
        var options = new MailkeyOptions { DataFolder = _folder.Path };
        return new(Options.Create(options), NullLogger<FilePasswords>.Instance);
    }

    private async Task<(int Code, string Output)> RunAsync(string input, string command, params string[] arguments)
    {
        using var output = new MemoryStream();
        using var standardInput = new MemoryStream(Encoding.UTF8.GetBytes(input));
        await using var error = new StringWriter();
        await using var console = new ToolConsole(standardInput, output, error);
        var code = await MailkeyTool.RunAsync(["accounts", command, .. arguments, "--file", PathOfFile], console, TestContext.Current.CancellationToken);
        return (code, Encoding.UTF8.GetString(output.ToArray()));
    }
}
