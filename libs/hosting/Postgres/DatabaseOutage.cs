using Npgsql;

namespace Mailkey.Hosting.Postgres;

/// <summary>Tells a database that is away from one that refuses what it was given.</summary>
public static class DatabaseOutage
{
    /// <summary>Whether the same statement may succeed later: no connection, a server that stops or starts, a deadlock.</summary>
    public static bool Is(Exception exception) =>
        exception is NpgsqlException { IsTransient: true }

        // SQLSTATE class 57 is operator intervention; 57P is the server going down or coming up.
        || exception is PostgresException { SqlState: ['5', '7', 'P', ..] };
}
