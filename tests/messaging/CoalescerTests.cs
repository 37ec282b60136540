using System.Collections.Concurrent;
using Mailkey.Testkit;

namespace Mailkey.Messaging.Tests;

public sealed class CoalescerTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(4);

    private readonly ManualTime time = new();
    private readonly BlockingCollection<int[]> sends = [];
    private readonly CancellationTokenSource stop = new();
    private readonly Coalescer<int> coalescer;
    private readonly Task running;

    public CoalescerTests()
    {
        coalescer = new(3, Pace, time, batch =>
        {
            sends.Add([.. batch]);
            return default;
        });
        running = coalescer.RunAsync(stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        stop.Dispose();
        sends.Dispose();
    }

    [Fact]
    public void An_item_after_a_pause_goes_out_at_once_and_alone()
    {
        coalescer.Add(1);
        Assert.Equal([1], Sent());

        time.Advance(Pace);
        coalescer.Add(2);
        Assert.Equal([2], Sent());
    }

    [Fact]
    public void Items_within_the_pace_wait_for_the_rest_of_it_and_go_together_in_order()
    {
        coalescer.Add(0);
        Assert.Equal([0], Sent());

        coalescer.Add(1);
        coalescer.Add(2);
        Assert.False(sends.TryTake(out _));
        AdvanceUntilSent();
        Assert.Equal([1, 2], Sent());
    }

    [Fact]
    public async Task Where_few_wait_none_waits_for_the_pace_and_where_more_do_all_share_it()
    {
        var callers = 1;
        var few = new Coalescer<int>(3, Pace, time, batch =>
        {
            sends.Add([.. batch]);
            return default;
        }, waiting: () => callers);
        using var own = new CancellationTokenSource();
        var runs = few.RunAsync(own.Token);
        for (var item = 0; item < 5; item++)
        {
            few.Add(item);
            Assert.Equal([item], Sent());
        }

        callers = 2;
        few.Add(5);
        Assert.Equal([5], Sent());
        callers = 3;
        few.Add(6);
        few.Add(7);
        Assert.False(sends.TryTake(out _));
        AdvanceUntilSent();
        Assert.Equal([6, 7], Sent());
        await own.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => runs);
    }

    [Fact]
    public void A_full_batch_does_not_wait()
    {
        coalescer.Add(0);
        Assert.Equal([0], Sent());
        for (var item = 1; item <= 6; item++)
        {
            coalescer.Add(item);
        }

        AdvanceUntilSent();
        var all = Sent().Concat(Sent()).ToList();
        for (; all.Count < 6; all.AddRange(Sent()))
        {
            AdvanceUntilSent();
        }

        Assert.Equal([1, 2, 3, 4, 5, 6], all);
    }

    [Fact]
    public async Task Heavy_items_go_apart_and_the_heaviest_alone()
    {
        var heavy = new Coalescer<int>(10, Pace, time, batch =>
        {
            sends.Add([.. batch]);
            return default;
        }, static item => item, maxWeight: 10);
        foreach (var item in (int[])[4, 6, 1, 100, 9, 2])
        {
            heavy.Add(item);
        }

        using var own = new CancellationTokenSource();
        var runs = heavy.RunAsync(own.Token);
        List<int[]> all = [Sent()];
        while (all.Sum(batch => batch.Length) < 6)
        {
            AdvanceUntilSent();
            all.Add(Sent());
        }

        Assert.Equal([[4, 6], [1], [100], [9], [2]], all);
        await own.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => runs);
    }

    private int[] Sent()
    {
        Assert.True(sends.TryTake(out var batch, Patience));
        return batch;
    }

    // The clock may be moved before the coalescer has looked at it: move it until what waits is out.
    private void AdvanceUntilSent() =>
        Assert.True(SpinWait.SpinUntil(() =>
        {
            time.Advance(Pace);
            return sends.Count > 0;
        }, Patience));
}
