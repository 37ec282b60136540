using Npgsql;

namespace Mailkey.Tool.Configuration;

/// <summary>What a service keeps in the database, for commands that read it themselves.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Service">The service that makes its tables.</param>
internal sealed record ServiceStore(string Name, string Service)
{
    public static ServiceStore Journal { get; } = new("journal", "journal");

    public static ServiceStore Ledger { get; } = new("ledger", "agreements");

    /// <summary>Runs what reads the options and the store, and says what kept it from that.</summary>
    public async Task<int> ReadAsync(ToolConsole console, Func<Task<int>> read)
    {
        try
        {
            return await read();
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            return console.Fail($"this database has no {Name} yet: the {Service} service makes it when it first starts.");
        }
        catch (NpgsqlException e)
        {
            return console.Fail($"the {Name} can't be read: {e.Message} Mailkey:Postgres:ConnectionString says where it is; mailkey config show prints it.");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or FormatException)
        {
            return console.Fail($"the configuration can't be read: {e.Message} See mailkey config check.");
        }
    }
}
