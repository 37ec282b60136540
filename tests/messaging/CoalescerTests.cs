using System.Collections.Concurrent;

namespace Mailkey.Messaging.Tests;

public sealed class CoalescerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task An_idle_coalescer_sends_the_first_item_alone_and_at_once()
    {
        var sends = new BlockingCollection<int[]>();
        using var stop = new CancellationTokenSource();
        var coalescer = new Coalescer<int>(20, 2, Timeout.InfiniteTimeSpan, batch =>
        {
            sends.Add([.. batch]);
            return new(Task.CompletedTask);
        });
        var running = coalescer.RunAsync(stop.Token);

        coalescer.Add(1);

        Assert.True(sends.TryTake(out var first, Patience));
        Assert.Equal([1], first);
        await StopAsync(stop, running);
    }

    [Fact]
    public async Task Items_gather_while_the_window_is_full_and_keep_their_order()
    {
        var sends = new BlockingCollection<int[]>();
        var ends = new ConcurrentQueue<TaskCompletionSource>();
        using var stop = new CancellationTokenSource();
        var coalescer = new Coalescer<int>(3, 1, Timeout.InfiniteTimeSpan, batch =>
        {
            var end = new TaskCompletionSource();
            ends.Enqueue(end);
            sends.Add([.. batch]);
            return new(end.Task);
        });
        var running = coalescer.RunAsync(stop.Token);
        coalescer.Add(0);
        Assert.True(sends.TryTake(out _, Patience));

        for (var item = 1; item <= 5; item++)
        {
            coalescer.Add(item);
        }

        Assert.Empty(sends);
        Assert.True(ends.TryDequeue(out var first));
        first.SetResult();
        Assert.True(sends.TryTake(out var second, Patience));
        Assert.Equal([1, 2, 3], second);
        Assert.True(ends.TryDequeue(out var next));
        next.SetResult();
        Assert.True(sends.TryTake(out var third, Patience));
        Assert.Equal([4, 5], third);
        await StopAsync(stop, running);
    }

    [Fact]
    public async Task A_send_that_never_ends_delays_others_by_the_gather_time_only()
    {
        var sends = new BlockingCollection<int[]>();
        using var stop = new CancellationTokenSource();
        var coalescer = new Coalescer<int>(10, 1, TimeSpan.FromMilliseconds(1), batch =>
        {
            sends.Add([.. batch]);
            return new(new TaskCompletionSource().Task);
        });
        var running = coalescer.RunAsync(stop.Token);

        for (var item = 0; item < 4; item++)
        {
            coalescer.Add(item);
            Assert.True(sends.TryTake(out var sent, Patience));
            Assert.Equal([item], sent);
        }

        await StopAsync(stop, running);
    }

    private static async Task StopAsync(CancellationTokenSource stop, Task running)
    {
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }
}
