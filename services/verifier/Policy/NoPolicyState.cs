using Mailkey.Contracts;
using Mailkey.Policy.State;

namespace Mailkey.Verifier.Policy;

internal sealed class NoPolicyState : IPolicyState
{
    public ValueTask<StateRefusal?> AskAsync(IReadOnlyList<StateQuery> queries, CancellationToken cancellationToken) => default;
}

internal sealed class NoSenderHistories : ISenderHistories
{
    public ValueTask<SenderHistory?> RecallAsync(string domain, CancellationToken cancellationToken) => default;

    public void Note(string domain, DateTimeOffset at, Disposition disposition)
    {
    }
}
