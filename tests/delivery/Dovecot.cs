using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Mailkey.Testkit.Processes;

namespace Mailkey.Delivery.Tests;

/// <summary>A private Dovecot that takes mail by LMTP for <c>bob@example.org</c> and nobody else. It needs root, to become its mail user.</summary>
internal sealed class Dovecot : IAsyncDisposable
{
    private readonly Process _process;

    private Dovecot(Process process, string folder, int port)
    {
        _process = process;
        Folder = folder;
        Port = port;
    }

    public static bool IsAvailable => Environment.IsPrivilegedProcess && File.Exists("/usr/sbin/dovecot") && File.Exists("/usr/lib/dovecot/lmtp");

    public string Folder { get; }
    public int Port { get; }

    public static async Task<Dovecot> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("mailkey-dovecot-").FullName;
        File.SetUnixFileMode(folder, (UnixFileMode)0b111_111_111);
        var port = LoopbackPort.Take();
        await File.WriteAllTextAsync(Path.Combine(folder, "users"), "bob@example.org::::::\n");
        var configuration = Path.Combine(folder, "dovecot.conf");
        await File.WriteAllTextAsync(configuration, string.Create(CultureInfo.InvariantCulture, $$"""
            base_dir = {{folder}}/run
            state_dir = {{folder}}/state
            log_path = {{folder}}/log
            protocols = lmtp
            ssl = no
            mail_location = maildir:{{folder}}/mail/%u
            default_vsz_limit = 0
            userdb {
              driver = passwd-file
              args = username_format=%u {{folder}}/users
              override_fields = uid=nobody gid=nogroup home={{folder}}/home/%u
            }
            passdb {
              driver = static
              args = nopassword=y
            }
            first_valid_uid = 1
            service lmtp {
              inet_listener lmtp {
                address = 127.0.0.1
                port = {{port}}
              }
            }
            """));
        ProcessStartInfo start = new("/usr/sbin/dovecot") { UseShellExecute = false };
        foreach (var argument in (string[])["-F", "-c", configuration])
        {
            start.ArgumentList.Add(argument);
        }

        Dovecot dovecot = new(Process.Start(start)!, folder, port);
        for (var tries = 0; ; tries++)
        {
            try
            {
                using TcpClient probe = new();
                await probe.ConnectAsync("127.0.0.1", port);
                return dovecot;
            }
            catch (SocketException) when (tries < 200 && !dovecot._process.HasExited)
            {
                await Task.Delay(50);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        // SIGTERM, so that the master takes its children along.
        using (var kill = Process.Start("/bin/kill", [_process.Id.ToString(CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync();
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
