using Mailkey.Testkit;
using Mailkey.Verifier.Agreements.Replays;

namespace Mailkey.Verifier.Tests.Agreements.Replays;

public sealed class TakenSignaturesTests
{
    private static readonly UInt128 Day = 1000;
    private static readonly TimeSpan Memory = TimeSpan.FromDays(7);

    private readonly ManualTime time = new();

    [Fact]
    public void Signature_is_taken_again_so_often_and_each_recipient_has_its_own_count()
    {
        var taken = Create();
        Assert.Equal([true, true, true, true, false, false], Enumerable.Range(0, 6).Select(_ => Accept(taken, [1])));

        // One message of a list for many recipients, each in a transaction of its own: a hash of its own each, and no repetition.
        Assert.All(Enumerable.Range(10, 100), recipient => Assert.True(Accept(taken, [(UInt128)recipient])));
        Assert.False(Accept(taken, [1]));
    }

    [Fact]
    public void What_was_not_accepted_does_not_count()
    {
        var taken = Create();
        for (var i = 0; i < 100; i++)
        {
            var deferred = taken.Take([1], Day, 0, 0);
            Assert.NotNull(deferred);
            taken.Settle(deferred, accepted: false);
        }

        Assert.Equal(0, taken.Count);
        Assert.True(Accept(taken, [1], repetitions: 0));
        Assert.False(Accept(taken, [1], repetitions: 0));
    }

    [Fact]
    public void Copies_that_come_at_the_same_time_do_not_all_pass()
    {
        var taken = Create();
        var under = Enumerable.Range(0, 50).Select(_ => taken.Take([1], Day, 3, 10)).OfType<UInt128[]>().ToList();
        Assert.Equal(4, under.Count);
        under.ForEach(one => taken.Settle(one, accepted: true));
        Assert.False(Accept(taken, [1]));
    }

    [Fact]
    public void Message_with_two_signatures_has_the_count_of_the_one_that_came_more_often()
    {
        var taken = Create();
        Assert.All(Enumerable.Range(0, 4), _ => Assert.True(Accept(taken, [1])));
        Assert.False(Accept(taken, [2, 1]));
        Assert.True(Accept(taken, [2]));
    }

    [Fact]
    public void Repetitions_of_many_messages_have_a_limit_for_the_day()
    {
        var taken = Create();
        Assert.All(Enumerable.Range(1, 100), message => Assert.True(Accept(taken, [(UInt128)message])));
        Assert.Equal(10, Enumerable.Range(1, 100).Count(message => Accept(taken, [(UInt128)message])));

        // New messages are no repetitions, and the next day has its own.
        Assert.True(Accept(taken, [500]));
        var tomorrow = taken.Take([7], Day + 1, 3, 10);
        Assert.NotNull(tomorrow);
    }

    [Fact]
    public void Memory_ends_and_is_bounded_and_a_copy_renews_it()
    {
        var taken = Create(entries: 1000);
        Assert.All(Enumerable.Range(0, 4), _ => Assert.True(Accept(taken, [1])));
        for (var day = 0; day < 60; day += 6)
        {
            time.Advance(TimeSpan.FromDays(6));
            Assert.False(Accept(taken, [1]));
        }

        time.Advance(2 * Memory);
        Assert.True(Accept(taken, [1]));

        for (var i = 0; i < 5000; i++)
        {
            Accept(taken, [(UInt128)(10_000 + i)]);
            Assert.InRange(taken.Count, 1, 1001);
        }
    }

    [Fact]
    public void Others_are_told_of_repetitions_alone()
    {
        var taken = Create();
        Accept(taken, [1]);
        Accept(taken, [2]);
        Assert.Empty(taken.Unwritten(100));
        Accept(taken, [1]);
        Assert.Equal([((UInt128)1, 2)], taken.Unwritten(100));
        taken.Written(1, 2);
        Assert.Empty(taken.Unwritten(100));

        // One was taken here, and three elsewhere.
        taken.Learn(2, 3);
        Assert.False(Accept(taken, [2]));
        Assert.Equal([((UInt128)2, 1)], taken.Unwritten(100));
    }

    private TakenSignatures Create(int entries = 100_000) => new(entries, Memory, time);

    private static bool Accept(TakenSignatures taken, UInt128[] signatures, int repetitions = 3)
    {
        if (taken.Take(signatures, Day, repetitions, 10) is not { } one)
        {
            return false;
        }

        taken.Settle(one, accepted: true);
        return true;
    }
}
