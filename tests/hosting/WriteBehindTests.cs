using Mailkey.Hosting.Postgres;
using Mailkey.Testkit;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Hosting.Tests;

public sealed class WriteBehindTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Old_rows_are_removed_at_start_and_once_an_hour_even_when_that_fails()
    {
        var time = new ManualTime();
        using var counted = new Counted(time) { IsPruningBroken = true };
        await Assert.ThrowsAsync<NpgsqlException>(() => counted.WriteAsync(Stop));
        await counted.WriteAsync(Stop);
        Assert.Equal((2, 1), (counted.Written, counted.Pruned));

        counted.IsPruningBroken = false;
        time.Advance(TimeSpan.FromHours(1));
        await counted.WriteAsync(Stop);
        await counted.WriteAsync(Stop);
        Assert.Equal((4, 2), (counted.Written, counted.Pruned));
    }

    private sealed class Counted(TimeProvider time) : WriteBehind("Counts", TimeSpan.FromSeconds(2), time, NullLogger.Instance)
    {
        public bool IsPruningBroken { get; set; }

        public int Written { get; private set; }

        public int Pruned { get; private set; }

        protected override Task WriteNewAsync(CancellationToken cancellationToken)
        {
            Written++;
            return Task.CompletedTask;
        }

        protected override Task PruneAsync(DateTimeOffset now, CancellationToken cancellationToken)
        {
            Pruned++;
            return IsPruningBroken ? Task.FromException(new NpgsqlException("away")) : Task.CompletedTask;
        }
    }
}
