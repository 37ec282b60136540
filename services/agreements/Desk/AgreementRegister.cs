using System.Buffers.Text;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Reconciliation;
using Mailkey.Ledger;
using Mailkey.Ledger.Chain;
using Mailkey.Ledger.Events;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Agreements.Desk;

/// <summary>In which order a list comes.</summary>
public enum RegisterOrder
{
    /// <summary>As they were proposed.</summary>
    Created,

    /// <summary>As they last changed.</summary>
    Changed,
}

/// <summary>A place in a list, behind which it goes on.</summary>
public sealed record RegisterCursor(DateTimeOffset At, string StreamId)
{
    // A PostgreSQL timestamp is in microseconds.
    private const int MaxLength = 200;

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static bool TryParse(string? text, out RegisterCursor? cursor)
    {
        cursor = null;
        if (text is not { Length: > 0 and <= MaxLength } || !Base64Url.IsValid(text))
        {
            return false;
        }

        var plain = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text));
        var space = plain.IndexOf(' ', StringComparison.Ordinal);
        if (space <= 0 || plain.Contains('\0', StringComparison.Ordinal)
            || !long.TryParse(plain.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) || ticks > DateTime.MaxValue.Ticks)
        {
            return false;
        }

        cursor = new(new(ticks, TimeSpan.Zero), plain[(space + 1)..]);
        return true;
    }

    /// <summary>Letters, digits, hyphens and underscores.</summary>
    public override string ToString() =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{At.UtcTicks} {StreamId}")));
}

/// <summary>What a list is to hold.</summary>
public sealed record RegisterQuery
{
    /// <summary>Rows of a page at most.</summary>
    public const int MaxLimit = 500;

    /// <summary>Only agreements of this account.</summary>
    public string? Account { get; init; }

    /// <summary>Only agreements of this forwarder.</summary>
    public string? Forwarder { get; init; }

    /// <summary>Only this category.</summary>
    public string? Category { get; init; }

    /// <summary>Only these statuses; empty: any.</summary>
    public IReadOnlyList<AgreementStatus> Statuses { get; init; } = [];

    public RegisterOrder Order { get; init; }

    /// <summary>Last first.</summary>
    public bool Descending { get; init; }

    /// <summary>Grouped by category, and within each in the order above. Such a list has no pages: it is for one account.</summary>
    public bool ByCategory { get; init; }

    /// <summary>Goes on behind this place.</summary>
    public RegisterCursor? After { get; init; }

    /// <summary>Rows of a page, up to <see cref="MaxLimit"/>.</summary>
    public int Limit { get; init; } = 50;
}

/// <summary>An agreement as the read model has it; it may be some moments behind.</summary>
public sealed record RegisteredAgreement(AgreementId Id, long Version, DateTimeOffset CreatedAt, DateTimeOffset ChangedAt, AgreementState State);

/// <summary>An organisation as the read model has it.</summary>
public sealed record RegisteredOrganization(long Version, DateTimeOffset CreatedAt, DateTimeOffset ChangedAt, OrganizationState State);

/// <summary>A part of a list.</summary>
/// <param name="Next">Where it goes on; null: that was all.</param>
public sealed record RegisterPage<T>(IReadOnlyList<T> Items, RegisterCursor? Next);

/// <summary>Something that happened, as a history shows it.</summary>
/// <param name="Name">Wire name of the event, such as <c>consent-given</c>.</param>
/// <param name="Value">The event; null when a newer program wrote it.</param>
/// <param name="Data">The event as JSON in UTF-8.</param>
public sealed record HistoryEntry(long Version, Guid EventId, DateTimeOffset At, string Actor, string? Cause, string Name, object? Value, ReadOnlyMemory<byte> Data);

/// <summary>Questions about what is in the ledger, answered from the read models; and histories, from the events.</summary>
public sealed class AgreementRegister(NpgsqlDataSource dataSource, IEventStore store, EventCatalog catalog)
{
    private const string Schema = Ledger.AgreementsLedger.Schema;
    private const string AgreementPrefix = "agreement-";

    /// <summary>A page of agreements.</summary>
    public async Task<RegisterPage<RegisteredAgreement>> ListAsync(RegisterQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        var limit = Math.Clamp(query.Limit, 1, RegisterQuery.MaxLimit);
        var column = query.Order == RegisterOrder.Created ? "created_at" : "changed_at";
        var (direction, beyond) = query.Descending ? ("DESC", "<") : ("ASC", ">");
        await using var command = dataSource.CreateCommand();
        List<string> conditions = [];
        Add("account = {0}", query.Account);
        Add("forwarder = {0}", query.Forwarder);
        Add("category = {0}", query.Category);
        if (query.Statuses.Count > 0)
        {
            command.Parameters.Add(new() { Value = query.Statuses.Select(KebabCase<AgreementStatus>.Word).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
            conditions.Add($"status = ANY(${command.Parameters.Count})");
        }

        if (query is { After: { } after, ByCategory: false })
        {
            command.Parameters.Add(new() { Value = after.At });
            command.Parameters.Add(new() { Value = after.StreamId });
            conditions.Add($"({column}, id) {beyond} (${command.Parameters.Count - 1}, ${command.Parameters.Count})");
        }

        command.CommandText =
            $"""
            SELECT id, version, created_at, changed_at, state FROM {Schema}.agreement_list
            {(conditions.Count == 0 ? "" : $"WHERE {string.Join(" AND ", conditions)}")}
            ORDER BY {(query.ByCategory ? "category, " : "")}{column} {direction}, id {direction} LIMIT {(query.ByCategory ? RegisterQuery.MaxLimit : limit) + 1}
            """;
        List<RegisteredAgreement> rows = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(ReadAgreement(reader));
        }

        return PageOf(rows, query.ByCategory ? RegisterQuery.MaxLimit : limit, row => new(query.Order == RegisterOrder.Created ? row.CreatedAt : row.ChangedAt, row.Id.StreamId));

        void Add(string condition, string? value)
        {
            if (value is not null)
            {
                command.Parameters.Add(new() { Value = value });
                conditions.Add(string.Format(CultureInfo.InvariantCulture, condition, $"${command.Parameters.Count}"));
            }
        }
    }

    /// <summary>One agreement; null when there is none, or the read model does not have it yet.</summary>
    public async Task<RegisteredAgreement?> FindAsync(AgreementId id, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand($"SELECT id, version, created_at, changed_at, state FROM {Schema}.agreement_list WHERE id = $1");
        command.Parameters.Add(new() { Value = id.StreamId });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? ReadAgreement(reader) : null;
    }

    /// <summary>All agreements with a forwarder that have not ended, in any order: its side of a reconciliation.</summary>
    public async IAsyncEnumerable<Recipe> RecipesAsync(string forwarder, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT id, recipient, subscription FROM {Schema}.agreement_list
            WHERE forwarder = $1 AND status NOT IN ('refused', 'revoked', 'expired')
            """);
        command.Parameters.Add(new() { Value = forwarder });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            if (AgreementId.TryParseStreamId(reader.GetString(0), out var id) && SubscriptionKey.TryCreate(forwarder, reader.GetString(1), reader.GetString(2), out var key, out _))
            {
                yield return new(key, id);
            }
        }
    }

    /// <summary>A page of organisations.</summary>
    /// <param name="statuses">Only these; empty: any.</param>
    public async Task<RegisterPage<RegisteredOrganization>> ListOrganizationsAsync(
        IReadOnlyList<OrganizationStatus> statuses, RegisterCursor? after, int limit, CancellationToken cancellationToken)
    {
        limit = Math.Clamp(limit, 1, RegisterQuery.MaxLimit);
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT version, created_at, changed_at, state, id FROM {Schema}.organization_list
            WHERE ($1::text[] IS NULL OR status = ANY($1)) AND ($2::timestamptz IS NULL OR (changed_at, id) > ($2, $3))
            ORDER BY changed_at, id LIMIT {limit + 1}
            """);
        command.Parameters.Add(new()
        {
            Value = statuses.Count == 0 ? DBNull.Value : statuses.Select(KebabCase<OrganizationStatus>.Word).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
        });
        command.Parameters.Add(new() { Value = (object?)after?.At ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = (object?)after?.StreamId ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        List<RegisteredOrganization> rows = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new(
                reader.GetInt64(0),
                reader.GetFieldValue<DateTimeOffset>(1),
                reader.GetFieldValue<DateTimeOffset>(2),
                OrganizationDesk.Named(
                    reader.GetString(4)[Organization.StreamId("").Length..],
                    JsonSerializer.Deserialize(reader.GetFieldValue<byte[]>(3), AgreementsJson.Default.OrganizationState)!)));
        }

        return PageOf(rows, limit, row => new(row.ChangedAt, Organization.StreamId(row.State.Domain)));
    }

    /// <summary>All that happened to an agreement, in order; empty when there is none.</summary>
    /// <param name="asOf">Leaves out what happened later.</param>
    public IAsyncEnumerable<HistoryEntry> HistoryAsync(AgreementId id, DateTimeOffset? asOf, CancellationToken cancellationToken) =>
        HistoryAsync(id.StreamId, asOf, cancellationToken);

    /// <summary>All that happened to an organisation, in order.</summary>
    public IAsyncEnumerable<HistoryEntry> OrganizationHistoryAsync(string domain, DateTimeOffset? asOf, CancellationToken cancellationToken) =>
        HistoryAsync(Organization.StreamId(domain), asOf, cancellationToken);

    private static RegisterPage<T> PageOf<T>(List<T> rows, int limit, Func<T, RegisterCursor> place)
    {
        if (rows.Count <= limit)
        {
            return new(rows, null);
        }

        rows.RemoveRange(limit, rows.Count - limit);
        return new(rows, place(rows[^1]));
    }

    private static RegisteredAgreement ReadAgreement(NpgsqlDataReader reader) => new(
        AgreementId.TryParseStreamId(reader.GetString(0), out var id)
            ? id
            : throw new InvalidOperationException($"\"{reader.GetString(0)}\" is no stream of an agreement; those begin with \"{AgreementPrefix}\"."),
        reader.GetInt64(1),
        reader.GetFieldValue<DateTimeOffset>(2),
        reader.GetFieldValue<DateTimeOffset>(3),
        JsonSerializer.Deserialize(reader.GetFieldValue<byte[]>(4), AgreementsJson.Default.AgreementState)!);

    private async IAsyncEnumerable<HistoryEntry> HistoryAsync(string streamId, DateTimeOffset? asOf, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var stored in store.ReadStreamAsync(streamId, 0, asOf, cancellationToken))
        {
            var headers = EventHeaders.Read(stored.Headers);
            yield return new(
                stored.Version,
                stored.Id,
                stored.At,
                headers?.Actor ?? "",
                headers?.Cause,
                stored.Type,
                catalog.TryDecode(stored, out var value) ? value : null,
                stored.Data);
        }
    }
}
