using Mailkey.Hosting.Postgres;

namespace Mailkey.Messaging.Sagas;

/// <summary>The table of a saga type: named after it, in SQL's manner.</summary>
public static class SagaTable
{
    /// <summary>Name of the table with its schema.</summary>
    public static string Name(string schema, Type saga) => $"{SqlIdentifier.Require(schema)}.{SqlIdentifier.From(saga.Name)}";

    /// <summary>The steps that make the table.</summary>
    public static SchemaMigration[] Migrations(string schema, Type saga) =>
    [
        new(schema, $"{SqlIdentifier.From(saga.Name)}-1", $"""
            CREATE TABLE {Name(schema, saga)} (
                correlation_id uuid PRIMARY KEY,
                version bigint NOT NULL,
                current_state text,
                state jsonb NOT NULL,
                created_at timestamptz NOT NULL DEFAULT now(),
                updated_at timestamptz NOT NULL DEFAULT now());
            """),
    ];
}
