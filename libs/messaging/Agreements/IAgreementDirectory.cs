using Mailkey.Contracts.Agreements;
using Mailkey.Ledger.Publication;

namespace Mailkey.Messaging.Agreements;

/// <summary>Says which agreements hold now, from the side of those who handle mail.</summary>
public interface IAgreementDirectory
{
    /// <summary>
    /// Looks up keys of <see cref="AgreementKey"/>: what is not remembered costs one request over the bus, however many keys there are. What
    /// has changed is not answered from memory, and while nobody could say whether something has changed, nothing is.
    /// </summary>
    /// <returns>One answer for each key, in order; null when nobody can say now, which is a temporary refusal and never "there is none".</returns>
    ValueTask<IReadOnlyList<AgreementFound>?> FindAsync(IReadOnlyList<string> keys, CancellationToken cancellationToken);

    /// <summary>What is remembered of a key; null when nothing is. Asks nobody.</summary>
    AgreementFound? Recall(string key);

    /// <summary>Looks up one key.</summary>
    /// <returns>Null when nobody can say now.</returns>
    ValueTask<AgreementFound?> FindAsync(string key, CancellationToken cancellationToken);
}

/// <summary>Finds agreements in the ledger. Runs in the agreements service; may be called for many questions at the same time.</summary>
public interface IAgreementFinder
{
    /// <returns>One for each key, in order; null when the ledger can't be read now.</returns>
    ValueTask<IReadOnlyList<AgreementFound>?> FindAsync(IReadOnlyList<string> keys, CancellationToken cancellationToken);
}

/// <summary>Tells every replica of ingress and verifier what to forget.</summary>
public interface IAgreementAnnouncer
{
    /// <summary>Returns when the broker has it.</summary>
    /// <exception cref="EventsNotPublishedException">There is no broker now.</exception>
    Task AnnounceAsync(AgreementsChanged changed, CancellationToken cancellationToken);
}
