using System.Diagnostics;
using System.Globalization;
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

    /// <summary>Runs a command for each of some files, which it gets as standard input.</summary>
    /// <returns>For each file the exit code, and all that was written.</returns>
    public static async Task<List<(int Code, string Output)>> RunAsync(IEnumerable<string> records, string command, IReadOnlyList<string> inputs)
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
                for i in $(seq 0 {inputs.Count - 1}); do {command} < $i.eml > $i.out 2>&1; echo $? > $i.code; done
                """);
            var (code, output) = await UnshareAsync($"sh '{folder}/run'");
            Assert.SkipWhen(code is 1 or 91, $"no namespaces here: {output}");
            Assert.True(code == 0, $"{code}: {output}");
            List<(int, string)> results = [];
            for (var i = 0; i < inputs.Count; i++)
            {
                results.Add((
                    int.Parse(await File.ReadAllTextAsync(Path.Combine(folder, $"{i}.code")), CultureInfo.InvariantCulture), await File.ReadAllTextAsync(Path.Combine(folder, $"{i}.out"))));
            }

            return results;
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
