using System.Globalization;
using System.Text;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Testkit.Processes;

/// <summary>The whole system as real processes on loopback: ingress, verifiers, delivery, bounces, journal, agreements.</summary>
public sealed class MailkeySystem : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new("system");
    private readonly Dictionary<string, string> _environment;
    private readonly Dictionary<string, ServiceProcess> _processes = new(StringComparer.Ordinal);

    /// <summary>Settings by which a client that gets no verdict, or no confirmation, hears so after three seconds.</summary>
    public static IReadOnlyDictionary<string, string> Impatience { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["MAILKEY_VERDICT_TIMEOUT"] = "00:00:03",
        ["MAILKEY_VERDICT_CONFIRMTIMEOUT"] = "00:00:03",

        // Evidence must be there before.
        ["MAILKEY_KEYHOST_TIMEOUT"] = "00:00:02",
        ["MAILKEY_KEYHOST_FETCHTIMEOUT"] = "00:00:02",
        ["MAILKEY_DKIM_TIMEOUT"] = "00:00:02",
        ["MAILKEY_SPF_TIMEOUT"] = "00:00:02",
        ["MAILKEY_BLOCKLISTS_TIMEOUT"] = "00:00:01",
        ["MAILKEY_POLICY_STATETIMEOUT"] = "00:00:00.4",
    };

    /// <param name="postgres">Npgsql connection string.</param>
    /// <param name="rabbitMq">AMQP address.</param>
    /// <param name="resolver">Name server, as host:port.</param>
    /// <param name="settings">Further configuration, such as <c>MAILKEY_NEXTHOP</c>; it wins over what is set here.</param>
    public MailkeySystem(string postgres, string rabbitMq, string resolver, IReadOnlyDictionary<string, string>? settings = null)
    {
        _environment = new(StringComparer.Ordinal)
        {
            ["MAILKEY_HOSTNAME"] = "mx.example.test",
            ["MAILKEY_DOMAINS"] = "example.test",
            ["MAILKEY_DATAFOLDER"] = Path.Combine(_folder.Path, "data"),
            ["MAILKEY_SMTP_LISTEN"] = "127.0.0.1",
            ["MAILKEY_SMTP_PORT"] = SmtpPort.ToString(CultureInfo.InvariantCulture),
            ["MAILKEY_DNS_RESOLVERS"] = resolver,
            ["MAILKEY_POSTGRES_CONNECTIONSTRING"] = postgres,
            ["MAILKEY_RABBITMQ_URI"] = rabbitMq,
            ["MAILKEY_STATUSPAGE_PORT"] = StatusPort.ToString(CultureInfo.InvariantCulture),
            ["MAILKEY_AGREEMENTS_PORT"] = AgreementsPort.ToString(CultureInfo.InvariantCulture),
            ["MAILKEY_AGREEMENTS_PUBLICURL"] = $"http://127.0.0.1:{AgreementsPort.ToString(CultureInfo.InvariantCulture)}",
            ["MAILKEY_STATUSPAGE_PUBLICURL"] = $"http://127.0.0.1:{StatusPort.ToString(CultureInfo.InvariantCulture)}",
        };
        foreach (var (key, value) in settings ?? new Dictionary<string, string>())
        {
            _environment[key] = value;
        }

        Directory.CreateDirectory(DataFolder);
    }

    /// <summary>Port of the service <c>ingress</c>.</summary>
    public int SmtpPort { get; } = LoopbackPort.Take();

    /// <summary>Port of the service <c>ingress-2</c>, where there is one.</summary>
    public int SecondSmtpPort { get; } = LoopbackPort.Take();

    /// <summary>Port of the public page, which is served when <c>status</c> is started.</summary>
    public int StatusPort { get; } = LoopbackPort.Take();

    /// <summary>Port of the API and the portal of <c>agreements</c>.</summary>
    public int AgreementsPort { get; } = LoopbackPort.Take();

    public string DataFolder => _environment["MAILKEY_DATAFOLDER"];

    /// <summary>The environment of every process.</summary>
    public IReadOnlyDictionary<string, string> Environment => _environment;

    /// <summary>Every process that was ever started, in the order of their first start.</summary>
    public IEnumerable<ServiceProcess> Processes => _processes.Values;

    public ServiceProcess this[string name] => _processes[name];

    /// <summary>Starts all services, with a number of verifiers, and returns when all are ready.</summary>
    public Task StartAsync(CancellationToken cancellationToken, int verifiers = 1) =>
        StartAsync(["journal", "agreements", "bounces", "delivery", .. Enumerable.Range(1, verifiers).Select(n => $"verifier-{n}"), "ingress"], cancellationToken);

    /// <summary>Starts services, each named as its folder, where needed with a number: <c>verifier-2</c>; returns when all are ready.</summary>
    public async Task StartAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        foreach (var name in names)
        {
            if (!_processes.TryGetValue(name, out var process))
            {
                process = new ServiceProcess(name.Split('-')[0], name, EnvironmentOf(name), _folder.Path);
                _processes.Add(name, process);
            }

            process.Start();
        }

        await Task.WhenAll(names.Select(name => _processes[name].WaitUntilReadyAsync(cancellationToken)));
    }

    /// <summary>The messages that were delivered to the embedded maildirs, of any domain and mailbox.</summary>
    public IReadOnlyList<string> DeliveredMessages()
    {
        List<string> messages = [];
        foreach (var file in Directory.EnumerateFiles(DataFolder, "*", SearchOption.AllDirectories))
        {
            if (Path.GetFileName(Path.GetDirectoryName(file)) is "new" or "cur")
            {
                try
                {
                    messages.Add(File.ReadAllText(file, Encoding.Latin1));
                }
                catch (FileNotFoundException)
                {
                    // Moved by a reader between listing and opening
                }
            }
        }

        return messages;
    }

    /// <summary>The end of every log, for the message of a failed assertion.</summary>
    public string Logs(int lines = 25) => string.Join("\n", _processes.Values.Select(process => $"--- {process.Name}\n{process.LogEnd(lines)}"));

    // As behind a load balancer: all have the same settings, but each its own port.
    private Dictionary<string, string> EnvironmentOf(string name) =>
        string.Equals(name, "ingress-2", StringComparison.Ordinal)
            ? new(_environment, StringComparer.Ordinal) { ["MAILKEY_SMTP_PORT"] = SecondSmtpPort.ToString(CultureInfo.InvariantCulture) }
            : _environment;

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_processes.Values.Select(process => process.DisposeAsync().AsTask()));
        _folder.Dispose();
    }
}
