using Mailkey.Hosting.Postgres;
using Mailkey.Testkit;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Hosting.Tests;

public sealed class BriefQueriesTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(100);

    private readonly ManualTime time = new();
    private readonly BriefQueries queries;
    private int asked;

    public BriefQueriesTests() => queries = new("Rules", Limit, time, NullLogger.Instance);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answer_is_given_whatever_it_is()
    {
        Assert.Equal((true, "yes"), await queries.TryAsync(_ => Task.FromResult("yes"), Stop));
        Assert.Equal((true, null), await queries.TryAsync(_ => Task.FromResult<string?>(null), Stop));
    }

    [Fact]
    public async Task Who_failed_is_not_asked_again_before_five_seconds()
    {
        Assert.Equal((false, 0), await queries.TryAsync(_ => FailAsync(), Stop));
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal((false, 0), await queries.TryAsync(_ => FailAsync(), Stop));
        Assert.Equal(1, asked);

        time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal((true, 7), await queries.TryAsync(_ => Task.FromResult(7), Stop));
        Assert.Equal((false, 0), await queries.TryAsync(_ => FailAsync(), Stop));
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task Who_hangs_is_waited_for_no_longer_than_the_limit_even_when_it_does_not_hear()
    {
        var question = queries.TryAsync(_ => new TaskCompletionSource<int>().Task, Stop).AsTask();
        time.Advance(Limit / 2);
        Assert.False(question.IsCompleted);
        time.Advance(Limit);
        Assert.Equal((false, 0), await question.WaitAsync(Stop));
    }

    [Fact]
    public async Task Caller_that_gives_up_says_nothing_about_the_database()
    {
        using var ended = new CancellationTokenSource();
        var question = queries.TryAsync(_ => new TaskCompletionSource<int>().Task, ended.Token).AsTask();
        await ended.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => question);
        Assert.Equal((true, 7), await queries.TryAsync(_ => Task.FromResult(7), Stop));
    }

    private Task<int> FailAsync()
    {
        asked++;
        return Task.FromException<int>(new NpgsqlException("away"));
    }
}
