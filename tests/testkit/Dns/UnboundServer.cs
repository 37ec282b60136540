using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mailkey.Testkit.Dns;

/// <summary>
/// A private unbound on a loopback port that knows only the records it is given: every other name is NXDOMAIN with an SOA,
/// and names below a broken zone are SERVFAIL.
/// </summary>
public sealed class UnboundServer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _folder;

    private UnboundServer(Process process, string folder, IPEndPoint endpoint)
    {
        _process = process;
        _folder = folder;
        Endpoint = endpoint;
    }

    /// <summary>Where it answers, UDP and TCP.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>The endpoint as the option <c>Mailkey:Dns:Resolvers</c> wants it.</summary>
    public string Resolver => Endpoint.ToString();

    /// <summary>Starts a server.</summary>
    /// <param name="records">Lines such as <c>example.org. 300 IN MX 10 mx.example.org.</c></param>
    /// <param name="brokenZones">Zones whose servers can't be reached.</param>
    public static async Task<UnboundServer> StartAsync(IEnumerable<string> records, IEnumerable<string>? brokenZones = null)
    {
        var lines = records.ToList();
        var broken = brokenZones?.ToList() ?? [];
        for (var attempt = 1; ; attempt++)
        {
            var folder = Directory.CreateTempSubdirectory("mailkey-unbound-").FullName;
            var endpoint = new IPEndPoint(IPAddress.Loopback, FreePort());
            var file = Path.Combine(folder, "unbound.conf");
            await File.WriteAllTextAsync(file, Configuration(folder, endpoint.Port, lines, broken));
            var start = new ProcessStartInfo("unbound") { RedirectStandardError = true, UseShellExecute = false };
            foreach (var argument in (string[])["-d", "-p", "-c", file])
            {
                start.ArgumentList.Add(argument);
            }

            var process = Process.Start(start) ?? throw new InvalidOperationException("unbound did not start");
            var log = new StringBuilder();
            while (await process.StandardError.ReadLineAsync() is { } line)
            {
                log.AppendLine(line);
                if (line.Contains("start of service", StringComparison.Ordinal))
                {
                    _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
                    return new UnboundServer(process, folder, endpoint);
                }
            }

            await process.WaitForExitAsync();
            process.Dispose();
            Directory.Delete(folder, recursive: true);
            if (attempt == 3 || !log.ToString().Contains("in use", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"unbound did not start:\n{log}");
            }
        }
    }

    /// <summary>Starts a server.</summary>
    public static Task<UnboundServer> StartAsync(params string[] records) => StartAsync(records, null);

    /// <summary>Adds a record, at once.</summary>
    public Task AddAsync(string record) => ControlAsync("local_data", record);

    /// <summary>Removes all records of a name, at once.</summary>
    public Task RemoveAsync(string name) => ControlAsync("local_data_remove", name);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task ControlAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("unbound-control") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (string[])["-c", Path.Combine(_folder, "unbound.conf"), .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        using var control = Process.Start(start) ?? throw new InvalidOperationException("unbound-control did not start");
        var output = control.StandardOutput.ReadToEndAsync();
        var errors = control.StandardError.ReadToEndAsync();
        await control.WaitForExitAsync();
        if (control.ExitCode != 0 || !(await output).StartsWith("ok", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"unbound-control {string.Join(' ', arguments)}: {await output}{await errors}");
        }
    }

    private static string Configuration(string folder, int port, List<string> records, List<string> broken)
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"""
            server:
              interface: 127.0.0.1
              port: {port}
              access-control: 127.0.0.0/8 allow
              directory: "{folder}"
              chroot: ""
              username: ""
              pidfile: "{folder}/unbound.pid"
              use-syslog: no
              verbosity: 1
              num-threads: 1
              do-ip6: no
              module-config: "iterator"
              do-not-query-localhost: no
              local-zone: "." static
              local-data: ". 60 IN SOA ns.invalid. postmaster.invalid. 1 3600 600 86400 60"

            """));
        foreach (var zone in broken)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  local-zone: \"{zone}\" transparent");
        }

        foreach (var record in records)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  local-data: '{record}'");
        }

        foreach (var zone in broken)
        {
            // An address of a family that it does not use: unbound gives up at once and answers SERVFAIL.
            text.AppendLine(CultureInfo.InvariantCulture, $"forward-zone:\n  name: \"{zone}\"\n  forward-addr: ::1");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"remote-control:\n  control-enable: yes\n  control-use-cert: no\n  control-interface: \"{folder}/control.sock\"");
        return text.ToString();
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
