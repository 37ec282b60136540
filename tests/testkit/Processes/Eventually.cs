using System.Diagnostics;

namespace Mailkey.Testkit.Processes;

/// <summary>Waiting for another process, whose events a test can't see.</summary>
public static class Eventually
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    /// <summary>Returns the first value that satisfies a condition.</summary>
    /// <exception cref="TimeoutException">None did in time; the message says what the last value was.</exception>
    public static async Task<T> GetAsync<T>(Func<Task<T>> get, Func<T, bool> until, TimeSpan limit, Func<string>? explain = null)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var value = await get();
            if (until(value))
            {
                return value;
            }

            if (Stopwatch.GetElapsedTime(started) > limit)
            {
                throw new TimeoutException($"Not within {limit}. The last value was: {value}\n{explain?.Invoke()}");
            }

            await Task.Delay(Poll);
        }
    }

    /// <summary>Returns the first value that satisfies a condition.</summary>
    /// <exception cref="TimeoutException">None did in time; the message says what the last value was.</exception>
    public static Task<T> GetAsync<T>(Func<T> get, Func<T, bool> until, TimeSpan limit, Func<string>? explain = null) =>
        GetAsync(() => Task.FromResult(get()), until, limit, explain);
}
