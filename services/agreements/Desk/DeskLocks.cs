using Npgsql;

namespace Mailkey.Agreements.Desk;

/// <summary>
/// Lets those wait for each other whose decisions depend on the same count: whoever sends a hundred proposals in one moment would pass a cap
/// of five otherwise, since each would be counted without the others. Held over replicas, and released when the connection is lost.
/// </summary>
public sealed class DeskLocks(NpgsqlDataSource dataSource) : IDisposable
{
    /// <summary>
    /// Sections at the same time in one process. Each holds a connection while its work needs a second one: those who wait must not take all the
    /// connections that those they wait for need.
    /// </summary>
    private const int Sections = 4;

    private readonly SemaphoreSlim _sections = new(Sections);

    /// <summary>Waits until it has all of them.</summary>
    /// <param name="names">What is locked; in any order.</param>
    public async Task<IAsyncDisposable> EnterAsync(IEnumerable<string> names, CancellationToken cancellationToken)
    {
        await _sections.WaitAsync(cancellationToken);
        NpgsqlConnection? connection = null;
        try
        {
            connection = await dataSource.OpenConnectionAsync(cancellationToken);
            var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using var batch = new NpgsqlBatch(connection, transaction);

            // Always in the same order, so that two never wait for each other.
            foreach (var name in names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            {
                batch.BatchCommands.Add(new("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))") { Parameters = { new() { Value = $"mailkey.desk.{name}" } } });
            }

            await batch.ExecuteNonQueryAsync(cancellationToken);
            return new Held(connection, transaction, _sections);
        }
        catch
        {
            if (connection is not null)
            {
                await connection.DisposeAsync();
            }

            _sections.Release();
            throw;
        }
    }

    public void Dispose() => _sections.Dispose();

    private sealed class Held(NpgsqlConnection connection, NpgsqlTransaction transaction, SemaphoreSlim sections) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            try
            {
                await transaction.DisposeAsync();
                await connection.DisposeAsync();
            }
            finally
            {
                sections.Release();
            }
        }
    }
}
