using Npgsql;

namespace Mailkey.Agreements.Desk;

/// <summary>
/// Lets those wait for each other whose decisions depend on the same count: whoever sends a hundred proposals in one moment would pass a cap
/// of five otherwise, since each would be counted without the others. Held over replicas, and released when the connection is lost.
/// </summary>
public sealed class DeskLocks(NpgsqlDataSource dataSource)
{
    /// <summary>Waits until it has all of them.</summary>
    /// <param name="names">What is locked; in any order.</param>
    public async Task<IAsyncDisposable> EnterAsync(IEnumerable<string> names, CancellationToken cancellationToken)
    {
        var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        try
        {
            var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using var batch = new NpgsqlBatch(connection, transaction);

            // Always in the same order, so that two never wait for each other.
            foreach (var name in names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            {
                batch.BatchCommands.Add(new("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))") { Parameters = { new() { Value = $"mailkey.desk.{name}" } } });
            }

            await batch.ExecuteNonQueryAsync(cancellationToken);
            return new Held(connection, transaction);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private sealed class Held(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await transaction.DisposeAsync();
            await connection.DisposeAsync();
        }
    }
}
