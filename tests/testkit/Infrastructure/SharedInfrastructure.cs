using System.Diagnostics;

namespace Mailkey.Testkit.Infrastructure;

/// <summary>
/// One PostgreSQL and one RabbitMQ for all tests of this process: those that <c>./test</c> started and named in the
/// environment, else own ones that live as long as this process does.
/// </summary>
internal sealed class SharedInfrastructure
{
    private static readonly Lazy<Task<SharedInfrastructure>> Instance = new(StartAsync);

    // Kept for its standard input: the script stops the servers when that closes, even if this process is killed.
    private readonly Process? _holder;

    private SharedInfrastructure(Dictionary<string, string> values, Process? holder)
    {
        Folder = values["MAILKEY_TEST_INFRASTRUCTURE"];
        Postgres = values["MAILKEY_TEST_POSTGRES"];
        RabbitMq = values["MAILKEY_TEST_RABBITMQ"];
        _holder = holder;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Release();
    }

    public string Folder { get; }

    /// <summary>Npgsql connection string of the server's superuser.</summary>
    public string Postgres { get; }

    /// <summary>AMQP address of the default virtual host.</summary>
    public string RabbitMq { get; }

    public static Task<SharedInfrastructure> GetAsync() => Instance.Value;

    private static async Task<SharedInfrastructure> StartAsync()
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in new[] { "MAILKEY_TEST_INFRASTRUCTURE", "MAILKEY_TEST_POSTGRES", "MAILKEY_TEST_RABBITMQ" })
        {
            if (Environment.GetEnvironmentVariable(name) is { Length: > 0 } value)
            {
                values[name] = value;
            }
        }

        if (values.Count == 3)
        {
            return new(values, holder: null);
        }

        await InfrastructureScript.RunAsync(CancellationToken.None, "install");
        var holder = Process.Start(InfrastructureScript.Command("hold")) ?? throw new InvalidOperationException("bash did not start");
        var errors = holder.StandardError.ReadToEndAsync();
        List<string> lines = [];
        while (await holder.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line == "ready")
            {
                return new(InfrastructureScript.Parse(lines), holder);
            }

            lines.Add(line);
        }

        throw new InvalidOperationException($"PostgreSQL and RabbitMQ did not start: {await errors}");
    }

    private void Release()
    {
        if (_holder is { HasExited: false })
        {
            _holder.StandardInput.Close();
            _holder.WaitForExit(TimeSpan.FromSeconds(30));
        }
    }
}
