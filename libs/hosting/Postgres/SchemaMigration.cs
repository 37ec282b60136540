namespace Mailkey.Hosting.Postgres;

/// <summary>
/// One forward-only step of a service's PostgreSQL schema. Steps run once, in the order they were registered, and never
/// change after a release: a correction is a new step.
/// </summary>
/// <param name="Schema">The schema that owns the objects; lower-case letters, digits and underscores.</param>
/// <param name="Name">Unique in the schema and stable for ever, such as <c>timers-1</c>.</param>
/// <param name="Sql">Statements that may run inside a transaction; names qualified with the schema.</param>
public sealed record SchemaMigration(string Schema, string Name, string Sql);
