namespace Mailkey.Agreements.Organizations;

/// <summary>Something that more trust needs and that is not there yet.</summary>
/// <param name="What">Stable: <c>days-of-probation-left</c>, <c>messages</c>, <c>days-with-messages</c>, <c>reports-per-thousand</c>.</param>
/// <param name="Is">How it is.</param>
/// <param name="Needed">How it must be: at least, but at most for the days left and the reports.</param>
public sealed record StandingNeed(string What, long Is, long Needed);

/// <summary>What an organisation can read about itself: how it is seen, and what would raise that.</summary>
/// <param name="Missing">Empty when it is established, or would be at the next review.</param>
public sealed record OrganizationStanding(
    OrganizationStatus Status,
    OrganizationTrust Trust,
    int Agreements,
    int Messages,
    int DaysWithMessages,
    int Complaints,
    int Misuse,
    int ProposalsLeftToday,
    IReadOnlyList<StandingNeed> Missing)
{
    /// <summary>The standing at a moment.</summary>
    public static OrganizationStanding Of(OrganizationState state, OrganizationPolicy policy, DateTimeOffset now)
    {
        var history = state.History;
        var isEstablished = state.Trust == OrganizationTrust.Established;
        var cap = isEstablished ? policy.ProposalsPerDay : policy.ProposalsInProbation;
        return new(
            state.Status,
            state.Trust,
            state.Agreements,
            history.Messages,
            state.HistoryDays,
            history.Complaints,
            history.Misuse,
            state.Status == OrganizationStatus.Verified ? Math.Max(0, cap - state.AdmittedDuring(DateOnly.FromDateTime(now.UtcDateTime))) : 0,
            isEstablished || state.Stage != OrganizationStatus.Verified ? [] : [.. MissingOf(state, policy, now)]);
    }

    private static IEnumerable<StandingNeed> MissingOf(OrganizationState state, OrganizationPolicy policy, DateTimeOffset now)
    {
        if (state.ReviewFrom is { } from && from > now)
        {
            yield return new("days-of-probation-left", ((from - now).Ticks + TimeSpan.TicksPerDay - 1) / TimeSpan.TicksPerDay, 0);
        }

        if (state.History.Messages < policy.HistoryMessages)
        {
            yield return new("messages", state.History.Messages, policy.HistoryMessages);
        }

        if (state.HistoryDays < policy.HistoryDays)
        {
            yield return new("days-with-messages", state.HistoryDays, policy.HistoryDays);
        }

        if (state.History.Exceed(policy.ReportsPerThousand))
        {
            yield return new("reports-per-thousand", state.History.Messages == 0 ? 1000 : state.History.Reports * 1000 / state.History.Messages, policy.ReportsPerThousand);
        }
    }
}
