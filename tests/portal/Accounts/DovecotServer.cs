using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Mailkey.Testkit.Https;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Portal.Tests.Accounts;

/// <summary>A private Dovecot with two accounts, on two loopback ports: IMAP with STARTTLS, and IMAPS.</summary>
public sealed class DovecotServer : IAsyncLifetime
{
    public const string Password = "pass\"word \\ with {3} and ümlaut";

    private readonly TemporaryFolder _folder = new("dovecot");
    private Process? _process;

    public int ImapPort { get; } = LoopbackPort.Take();

    public int ImapsPort { get; } = LoopbackPort.Take();

    /// <summary>PEM file of the authority that issued its certificate.</summary>
    public string Authorities => Path.Combine(_folder.Path, "authority.pem");

    public async ValueTask InitializeAsync()
    {
        using var authority = new TestAuthority();
        var (certificate, key) = authority.IssueInto(_folder.Path, "localhost");
        await System.IO.File.WriteAllTextAsync(Authorities, authority.Pem);
        await System.IO.File.WriteAllTextAsync(File("users"), $"alice@b.example:{{PLAIN}}{Password}::::::\nbob:{{PLAIN}}bob's password::::::\n");

        // Root lends its processes to the users of the package, who must be able to get here; anybody else runs all of it alone.
        var isRoot = Environment.UserName == "root";
        var users = isRoot ? "" : string.Create(CultureInfo.InvariantCulture, $$"""
            default_internal_user = {{Environment.UserName}}
            default_login_user = {{Environment.UserName}}
            default_internal_group = {{IdOf("-gn")}}
            """);
        var (uid, gid) = isRoot ? ("nobody", "nogroup") : (IdOf("-un"), IdOf("-gn"));
        Directory.CreateDirectory(File("mail"));
        if (isRoot)
        {
            const UnixFileMode Enter = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
            System.IO.File.SetUnixFileMode(_folder.Path, Enter);
            System.IO.File.SetUnixFileMode(File("mail"), Enter | UnixFileMode.OtherWrite | UnixFileMode.OtherRead);
            System.IO.File.SetUnixFileMode(File("users"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        }

        await System.IO.File.WriteAllTextAsync(File("dovecot.conf"), string.Create(CultureInfo.InvariantCulture, $$"""
            base_dir = {{File("run")}}
            state_dir = {{File("run")}}
            log_path = {{File("log")}}
            protocols = imap
            listen = 127.0.0.1
            ssl = required
            ssl_cert = <{{certificate}}
            ssl_key = <{{key}}
            disable_plaintext_auth = yes
            auth_mechanisms = plain
            auth_failure_delay = 0
            first_valid_uid = 0
            {{users}}
            mail_location = maildir:{{File("mail")}}/%u
            passdb {
              driver = passwd-file
              args = {{File("users")}}
            }
            userdb {
              driver = static
              args = uid={{uid}} gid={{gid}} home={{File("mail")}}/%u
            }
            # Whoever fails waits longer each time; a test fails often.
            service anvil {
              unix_listener anvil-auth-penalty {
                mode = 0
              }
            }
            service imap-login {
              chroot =
              inet_listener imap {
                address = 127.0.0.1
                port = {{ImapPort}}
              }
              inet_listener imaps {
                address = 127.0.0.1
                port = {{ImapsPort}}
                ssl = yes
              }
            }
            """));
        _process = Process.Start(new ProcessStartInfo("/usr/sbin/dovecot") { ArgumentList = { "-F", "-c", File("dovecot.conf") } })!;
        await Eventually.GetAsync(() => IsListening(ImapPort) && IsListening(ImapsPort), isUp => isUp || _process.HasExited, TimeSpan.FromSeconds(30), Log);
        Assert.False(_process.HasExited, Log());
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            using var stop = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
            await _process.WaitForExitAsync();
        }

        _process?.Dispose();
        _folder.Dispose();
    }

    private static bool IsListening(int port)
    {
        using var socket = new TcpClient();
        try
        {
            socket.Connect("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string IdOf(string option)
    {
        using var id = Process.Start(new ProcessStartInfo("id", option) { RedirectStandardOutput = true })!;
        return id.StandardOutput.ReadToEnd().Trim();
    }

    private string Log() => System.IO.File.Exists(File("log")) ? System.IO.File.ReadAllText(File("log")) : "no log";

    private string File(string name) => Path.Combine(_folder.Path, name);
}
