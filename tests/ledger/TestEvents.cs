using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Mailkey.Ledger.Events;
using Mailkey.Ledger.Subscriptions;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Ledger.Tests;

// A ledger of accounts: small, and with all that a real one has.
internal sealed record Opened(string Owner);

internal sealed record Paid(long Amount, string Currency);

internal sealed record Closed;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Opened))]
[JsonSerializable(typeof(Paid))]
[JsonSerializable(typeof(Closed))]
[JsonSerializable(typeof(Account))]
internal sealed partial class TestJson : JsonSerializerContext;

internal sealed record Account(string? Owner, long Balance)
{
    public static EventCatalog Catalog { get; } = new EventCatalog()
        .Add("opened", TestJson.Default.Opened)
        .Add("paid", TestJson.Default.Paid, RenameValue, AddCurrency)
        .Add("closed", TestJson.Default.Closed);

    public static Account None { get; } = new(null, 0);

    public static Account Evolve(Account account, object e) => e switch
    {
        Opened opened => account with { Owner = opened.Owner },
        Paid paid => account with { Balance = account.Balance + paid.Amount },
        _ => None,
    };

    // Version 1 had "value" where version 2 has "amount".
    private static void RenameValue(JsonObject json)
    {
        json["amount"] = json["value"]!.DeepClone();
        json.Remove("value");
    }

    private static void AddCurrency(JsonObject json) => json["currency"] = "EUR";
}

/// <summary>Balances by owner.</summary>
internal sealed class Balances(string name = "balances") : Projection
{
    public Exception? Fault { get; set; }

    /// <summary>How often it was given events.</summary>
    public int Attempts { get; private set; }

    public override string Name => name;

    public override IReadOnlyList<string> Tables { get; } = ["balances"];

    public override string CreateTables(string schema) =>
        $"CREATE TABLE {schema}.balances (stream varchar PRIMARY KEY, owner text NOT NULL, balance bigint NOT NULL, events int NOT NULL)";

    public override ValueTask HandleAsync(SubscriptionPage page, CancellationToken cancellationToken)
    {
        var schema = page.Schema;
        Attempts++;
        foreach (var (stored, value) in page.Events)
        {
            if (Fault is not null)
            {
                throw Fault;
            }

            var statement = value switch
            {
                Opened opened => new NpgsqlBatchCommand($"INSERT INTO {schema}.balances VALUES ($1, $2, 0, 1)") { Parameters = { Stream(stored), new() { Value = opened.Owner } } },
                Paid paid => new($"UPDATE {schema}.balances SET balance = balance + $2, events = events + 1 WHERE stream = $1") { Parameters = { Stream(stored), new() { Value = paid.Amount } } },
                Closed => new($"DELETE FROM {schema}.balances WHERE stream = $1") { Parameters = { Stream(stored) } },
                _ => null,
            };
            if (statement is not null)
            {
                page.Statements.Add(statement);
            }
        }

        return default;
    }

    private static NpgsqlParameter Stream(StoredEvent stored) => new() { Value = stored.StreamId, NpgsqlDbType = NpgsqlDbType.Varchar };
}
