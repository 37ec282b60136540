using Mailkey.Hosting.Options;
using Mailkey.Senders;
using Microsoft.Extensions.Options;

namespace Mailkey.Status.Domains;

/// <summary>Gathers what is on record about a domain. It sends nothing to anybody.</summary>
public sealed class DomainRecord(
    KeySetPins pins, DomainEvents events, DomainFailures failures, DomainChecks checks, IOptions<MailkeyOptions> options, TimeProvider time)
{
    private const int MostFailures = 20;
    private const int MostEvents = 10;

    /// <param name="domain">In normal form.</param>
    /// <exception cref="Npgsql.NpgsqlException">The database is away.</exception>
    public async Task<DomainView> ReadAsync(string domain, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();

        // In this order: what is told of as an event has happened to the pin, too.
        var told = await events.FindAsync(domain, MostEvents, cancellationToken);
        var pin = await pins.FindAsync(domain, cancellationToken);
        return new()
        {
            Domain = domain,
            Now = now,
            Stage = options.Value.Policy.Stage,
            Pin = pin,
            GraceEnds = pin?.AbsentSince + options.Value.KeyHost.VanishedGrace,
            Check = await checks.FindAsync(domain, now, cancellationToken),
            Failures = await failures.FindAsync(domain, MostFailures, cancellationToken),
            Events = told,
        };
    }
}
