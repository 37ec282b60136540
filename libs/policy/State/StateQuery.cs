namespace Mailkey.Policy.State;

/// <summary>How a query changes what is remembered of a key.</summary>
public enum StateKind
{
    /// <summary>A first message waits; a later one passes.</summary>
    Greylist,

    /// <summary>So many pass in a time, the rest waits.</summary>
    RateLimit,
}

/// <summary>What a rule has to know from the state that all verifiers share.</summary>
public sealed record StateQuery
{
    /// <summary>Name of the rule that asks.</summary>
    public required string Rule { get; init; }

    public required StateKind Kind { get; init; }

    /// <summary>At least one, without repetition, in a fixed order; the query is refused when one of them is.</summary>
    public required IReadOnlyList<StateKey> Keys { get; init; }

    /// <summary>Time of the message.</summary>
    public required DateTimeOffset Now { get; init; }

    /// <summary>Greylist: how long a first message waits. Rate limit: the time in which <see cref="Limit"/> messages pass.</summary>
    public required TimeSpan Period { get; init; }

    /// <summary>Greylist: the time from the first message within which it has to come again.</summary>
    public TimeSpan Window { get; init; }

    /// <summary>Greylist: how long one that has passed is remembered after its last message.</summary>
    public TimeSpan Remember { get; init; }

    /// <summary>Rate limit: messages that pass in <see cref="Period"/>.</summary>
    public int Limit { get; init; }
}

/// <summary>The first query that was refused.</summary>
/// <param name="Query">Its place among those asked.</param>
/// <param name="RetryAt">When it will pass.</param>
public sealed record StateRefusal(int Query, DateTimeOffset RetryAt);

/// <summary>
/// What is remembered of one key, and how a message changes it. The verifier's table does the same in SQL; a test holds them together.
/// </summary>
/// <param name="Since">Greylist: the first message. Rate limit: the first message of the period.</param>
/// <param name="Count">Greylist: 1 when it has passed, else 0. Rate limit: messages of the period, at most one more than the limit.</param>
/// <param name="ExpiresAt">From here on the key is as unknown.</param>
public readonly record struct StateEntry(DateTimeOffset Since, int Count, DateTimeOffset ExpiresAt)
{
    /// <summary>The entry after a message.</summary>
    /// <param name="known">Null for none.</param>
    /// <param name="retryAt">Null when the message passes.</param>
    public static StateEntry After(StateEntry? known, StateQuery query, out DateTimeOffset? retryAt)
    {
        var now = query.Now;
        var current = known is { } entry && entry.ExpiresAt > now ? known : null;
        StateEntry after;
        if (query.Kind == StateKind.Greylist)
        {
            after = current is not { } waiting ? new(now, 0, now + query.Window)
                : waiting.Count > 0 || now >= waiting.Since + query.Period ? new(waiting.Since, 1, now + query.Remember)
                : waiting;
            retryAt = after.Count > 0 ? null : after.Since + query.Period;
            return after;
        }

        after = current is { } counted ? counted with { Count = Math.Min(counted.Count, query.Limit) + 1 } : new(now, 1, now + query.Period);
        retryAt = after.Count > query.Limit ? after.ExpiresAt : null;
        return after;
    }
}
