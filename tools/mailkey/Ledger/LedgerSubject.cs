using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Ledger;
using Mailkey.Agreements.Organizations;
using Mailkey.Dns;
using Mailkey.Ledger;
using Npgsql;

namespace Mailkey.Tool.Ledger;

/// <summary>A stream whose history is asked for.</summary>
/// <param name="Category">Of an agreement; null for every other stream.</param>
internal sealed record LedgerStream(string Id, string? Category);

/// <summary>Whose history is asked for: a stream by its id, an agreement by its own, a user by an address, a forwarder by a domain.</summary>
internal static class LedgerSubject
{
    /// <summary>The streams of somebody or something, each once; of a user or a forwarder as the read model knows them.</summary>
    public static async Task<IReadOnlyList<LedgerStream>> StreamsAsync(string what, NpgsqlDataSource database, IEventStore store, CancellationToken cancellationToken)
    {
        var register = new AgreementRegister(database, store, AgreementsLedger.Catalog);
        if (AgreementId.TryParse(what, out var id) || AgreementId.TryParseStreamId(what, out id))
        {
            return [new(id.StreamId, (await register.FindAsync(id, cancellationToken))?.State.Category)];
        }

        // As the ledger writes them: the domain in lower-case ASCII.
        var at = what.LastIndexOf('@');
        if (!what[(at + 1)..].Contains('.', StringComparison.Ordinal) || !DomainName.TryNormalize(what[(at + 1)..], out var domain))
        {
            return [new(what, null)];
        }

        List<LedgerStream> streams = at < 0 ? [new(Organization.StreamId(domain), null)] : [];
        var query = at < 0 ? new RegisterQuery { Forwarder = domain } : new RegisterQuery { Account = $"{what[..at]}@{domain}" };
        do
        {
            var page = await register.ListAsync(query with { Limit = RegisterQuery.MaxLimit }, cancellationToken);
            streams.AddRange(page.Items.Select(row => new LedgerStream(row.Id.StreamId, row.State.Category)));
            query = query with { After = page.Next };
        }
        while (query.After is not null);
        return streams;
    }
}
