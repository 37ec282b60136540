using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Portal.Words;

namespace Mailkey.Agreements.Portal;

/// <summary>Reads what pages show.</summary>
internal sealed class AgreementReader(AgreementDesk desk, AgreementRegister register, TimeProvider time)
{
    // Lists come from read models, which follow the events at a small distance.
    private static readonly TimeSpan CatchUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    /// <summary>An agreement of an account, or of any for an operator. Null when there is none, or it is somebody else's.</summary>
    public async Task<(AgreementId Id, AgreementState State)?> FindAsync(string? text, string? account, CancellationToken cancellationToken)
    {
        if (!AgreementId.TryParse(text, out var id))
        {
            return null;
        }

        var answer = await desk.LoadAsync(id, null, cancellationToken);
        return answer.Refusal is null && (account is null || answer.State.Account == account) ? (id, answer.State) : null;
    }

    /// <summary>What the page of an agreement shows.</summary>
    /// <param name="viewer">The account that reads.</param>
    public async Task<AgreementView> ViewAsync(AgreementId id, AgreementState state, string viewer, bool asOperator, CancellationToken cancellationToken)
    {
        List<Happening> happenings = [];
        await foreach (var entry in register.HistoryAsync(id, null, cancellationToken))
        {
            TimeLine.Add(happenings, entry, asOperator ? "" : viewer);
        }

        return new(id, state, time.GetUtcNow(), happenings, asOperator);
    }

    /// <summary>Waits, not long, until lists show a change, so that whoever made it finds it there.</summary>
    public async Task CaughtUpAsync(AgreementId id, long version, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        while ((await register.FindAsync(id, cancellationToken))?.Version is not { } seen || seen < version)
        {
            if (time.GetElapsedTime(begun) >= CatchUp)
            {
                return;
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }
}
