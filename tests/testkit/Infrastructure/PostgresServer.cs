using Npgsql;
using Xunit;

namespace Mailkey.Testkit.Infrastructure;

/// <summary>
/// A database of its own for one test class, on the shared PostgreSQL: <c>IClassFixture&lt;PostgresServer&gt;</c>.
/// It is dropped afterwards.
/// </summary>
public sealed class PostgresServer : IAsyncLifetime
{
    private string _server = "";

    /// <summary>Name of the database.</summary>
    public string Database { get; } = $"test_{Guid.NewGuid():N}";

    /// <summary>Npgsql connection string of the database; its user may do anything there.</summary>
    public string ConnectionString { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        _server = (await SharedInfrastructure.GetAsync()).Postgres;
        await ExecuteAsync($"CREATE DATABASE {Database}");
        ConnectionString = new NpgsqlConnectionStringBuilder(_server) { Database = Database, MaxPoolSize = 20 }.ConnectionString;
    }

    public async ValueTask DisposeAsync()
    {
        if (ConnectionString.Length > 0)
        {
            NpgsqlConnection.ClearAllPools();
            await ExecuteAsync($"DROP DATABASE IF EXISTS {Database} WITH (FORCE)");
        }
    }

    private async Task ExecuteAsync(string statement)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_server) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(statement, connection);
        await command.ExecuteNonQueryAsync();
    }
}
