using System.Diagnostics;
using System.Text;

namespace Mailkey.Authentication.Tests.Dkim;

/// <summary>
/// A network of its own (namespaces of Linux) in which the system's resolver is an unbound that knows only the records it is given:
/// for programs that ask the resolver of the system and no other.
/// </summary>
internal static class ResolverNamespace
{
    // The loopback of a new network is down; what brings it up is what the tests have anyway.
    private const string LoopbackUp = "import socket,fcntl,struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14x', b'lo', 0x49))";

    private const string Configuration = """
        server:
          interface: 127.0.0.1
          do-daemonize: yes
          do-ip6: no
          chroot: ""
          username: ""
          pidfile: ""
          use-syslog: no
          logfile: ""
          module-config: "iterator"
          local-zone: "." static

        """;

    /// <summary>Runs a program on files.</summary>
    /// <param name="program">A line of shell, run once: it reads <c>0.eml</c>, <c>1.eml</c> and so on, and writes an exit code to <c>0.code</c> and so on.</param>
    /// <returns>For each file whether the code was 0; and all that was written.</returns>
    public static async Task<(List<bool> Accepted, string Output)> RunAsync(IEnumerable<string> records, string program, IReadOnlyList<string> inputs)
    {
        var folder = Directory.CreateTempSubdirectory("mailkey-dkim-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "resolv.conf"), "nameserver 127.0.0.1\n");
            await File.WriteAllTextAsync(Path.Combine(folder, "unbound.conf"), Configuration + string.Concat(records.Select(record => $"  local-data: '{record}'\n")));
            for (var i = 0; i < inputs.Count; i++)
            {
                await File.WriteAllTextAsync(Path.Combine(folder, $"{i}.eml"), inputs[i], Encoding.Latin1);
            }

            // The namespace of processes ends all that is in it with its first one.
            await File.WriteAllTextAsync(Path.Combine(folder, "run"), $"""
                cd '{folder}' || exit 90
                PATH=$PATH:/usr/sbin:/sbin
                mount --bind resolv.conf /etc/resolv.conf || exit 91
                /usr/bin/python3 -c "{LoopbackUp}" || exit 92
                unbound -c unbound.conf || exit 93
                {program}
                [ $? = 0 ] || exit 94
                """);
            var (code, output) = await UnshareAsync($"sh '{folder}/run'");
            Assert.SkipWhen(code is 1 or 91, $"no namespaces here: {output}");
            Assert.True(code == 0, $"{code}: {output}");
            List<bool> accepted = [];
            for (var i = 0; i < inputs.Count; i++)
            {
                accepted.Add((await File.ReadAllTextAsync(Path.Combine(folder, $"{i}.code"))).Trim() == "0");
            }

            return (accepted, output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(int Code, string Output)> UnshareAsync(string command)
    {
        var start = new ProcessStartInfo("unshare") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", command])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + await errors);
    }
}
