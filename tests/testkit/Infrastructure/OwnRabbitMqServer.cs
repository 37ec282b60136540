namespace Mailkey.Testkit.Infrastructure;

/// <summary>A RabbitMQ that one test has for itself and may stop and kill. It keeps its port and its data.</summary>
public sealed class OwnRabbitMqServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new("rabbitmq");

    private OwnRabbitMqServer()
    {
    }

    /// <summary>AMQP address of the virtual host <c>/</c>, with user and password.</summary>
    public string Uri { get; private set; } = "";

    /// <summary>Number of the server's process.</summary>
    public int ProcessId => int.Parse(File.ReadAllText(Path.Combine(_folder.Path, "rabbitmq", "pid")).Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);

    public static async Task<OwnRabbitMqServer> StartNewAsync(CancellationToken cancellationToken)
    {
        await InfrastructureScript.RunAsync(cancellationToken, "install");
        var server = new OwnRabbitMqServer();
        await server.StartAsync(cancellationToken);
        var port = await File.ReadAllTextAsync(Path.Combine(server._folder.Path, "rabbitmq", "port"), cancellationToken);
        var password = await File.ReadAllTextAsync(Path.Combine(server._folder.Path, "rabbitmq", "password"), cancellationToken);
        server.Uri = $"amqp://mailkey:{password}@127.0.0.1:{port}/";
        return server;
    }

    /// <summary>Starts it and returns when it takes connections.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => RunAsync("rabbitmq-start", cancellationToken);

    /// <summary>Stops it in good order.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => RunAsync("rabbitmq-stop", cancellationToken);

    /// <summary>
    /// Writes the table through which quorum queues find their logs. RabbitMQ does so by itself half a second after a
    /// declaration; a queue that is younger when the server is killed comes back empty and without a leader.
    /// </summary>
    public Task SettleAsync(CancellationToken cancellationToken) => RunAsync("rabbitmq-settle", cancellationToken);

    /// <summary>SIGKILL.</summary>
    public Task KillAsync(CancellationToken cancellationToken) => RunAsync("rabbitmq-kill", cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await RunAsync("rabbitmq-stop", CancellationToken.None);
        _folder.Dispose();
    }

    private Task<string> RunAsync(string command, CancellationToken cancellationToken) =>
        InfrastructureScript.RunAsync(cancellationToken, command, _folder.Path);
}
