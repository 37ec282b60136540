using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mailkey.Hosting.Postgres;

/// <summary>
/// Asks the database while an SMTP client waits: for so long and no longer, and after a failure not at all for some seconds, so that no mail
/// waits for a database that just did not answer. That it is away, and that it is back, is said once.
/// </summary>
/// <param name="what">What is left out meanwhile, as the log says it: "Rules that ask for history".</param>
/// <param name="timeout">Longest time of a question.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Of whoever asks.</param>
public sealed class BriefQueries(string what, TimeSpan timeout, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private long _pausedAt = long.MinValue;
    private int _isFailing;

    /// <summary>Asks.</summary>
    /// <param name="ask">The question; cancelled at the end of the time.</param>
    /// <param name="cancellationToken">The caller does not want to know any more.</param>
    /// <returns>Whether there was an answer, and which.</returns>
    public async ValueTask<(bool IsAnswered, T? Answer)> TryAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _pausedAt) is var pausedAt && pausedAt != long.MinValue && time.GetElapsedTime(pausedAt) < Pause)
        {
            return default;
        }

        try
        {
            // Npgsql ends a command on cancellation, and a connection attempt as well.
            using var deadline = new CancellationTokenSource(timeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
            var answer = await ask(either.Token).WaitAsync(either.Token);
            Succeeded();
            return (true, answer);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            Failed(e);
            return default;
        }
    }

    private void Succeeded()
    {
        Volatile.Write(ref _pausedAt, long.MinValue);
        if (Interlocked.Exchange(ref _isFailing, 0) == 1)
        {
            logger.LogInformation("{What}: in force again", what);
        }
    }

    private void Failed(Exception reason)
    {
        Volatile.Write(ref _pausedAt, time.GetTimestamp());
        if (Interlocked.Exchange(ref _isFailing, 1) == 0)
        {
            logger.LogError("{What}: skipped until the database answers in time: {Reason}", what, reason.Message);
        }
    }
}
