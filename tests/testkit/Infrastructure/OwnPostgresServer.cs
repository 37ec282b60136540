namespace Mailkey.Testkit.Infrastructure;

/// <summary>A PostgreSQL that one test has for itself and may stop and kill. It keeps its port and its data.</summary>
public sealed class OwnPostgresServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new("postgres");

    private OwnPostgresServer()
    {
    }

    /// <summary>Npgsql connection string of the database <c>mailkey</c>.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>Number of the server's process.</summary>
    public int ProcessId => int.Parse(File.ReadAllText(Path.Combine(_folder.Path, "postgres", "pid")).Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);

    public static async Task<OwnPostgresServer> StartNewAsync(CancellationToken cancellationToken)
    {
        await InfrastructureScript.RunAsync(cancellationToken, "install");
        var server = new OwnPostgresServer();
        await server.StartAsync(cancellationToken);
        var port = await File.ReadAllTextAsync(Path.Combine(server._folder.Path, "postgres", "port"), cancellationToken);
        var password = await File.ReadAllTextAsync(Path.Combine(server._folder.Path, "postgres", "password"), cancellationToken);
        server.ConnectionString = $"Host=127.0.0.1;Port={port};Username=mailkey;Password={password};Database=mailkey";
        return server;
    }

    /// <summary>Starts it and returns when it takes connections.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => RunAsync("postgres-start", cancellationToken);

    /// <summary>Stops it in good order.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => RunAsync("postgres-stop", cancellationToken);

    /// <summary>SIGKILL.</summary>
    public Task KillAsync(CancellationToken cancellationToken) => RunAsync("postgres-kill", cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await RunAsync("postgres-stop", CancellationToken.None);
        await InfrastructureScript.RunAsync(CancellationToken.None, "remove", _folder.Path);
        _folder.Dispose();
    }

    private Task<string> RunAsync(string command, CancellationToken cancellationToken) =>
        InfrastructureScript.RunAsync(cancellationToken, command, _folder.Path);
}
