using Mailkey.Delivery.Accepted;
using Mailkey.Testkit;

namespace Mailkey.Delivery.Tests.Accepted;

public sealed class GatheringTests
{
    private readonly ManualTime _time = new();
    private readonly Gathering _gathering;

    public GatheringTests() => _gathering = new(_time);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void A_few_are_not_held()
    {
        Fill();

        _gathering.Leave();
        Assert.True(_gathering.EnterAsync(Stop).IsCompletedSuccessfully);
    }

    [Fact]
    public async Task More_begin_together_after_a_moment()
    {
        Fill();
        var first = _gathering.EnterAsync(Stop);
        _time.Advance(Gathering.Moment / 2);
        var second = _gathering.EnterAsync(Stop);
        Assert.False(first.IsCompleted || second.IsCompleted);

        _time.Advance(Gathering.Moment / 2);

        await Task.WhenAll(first, second).WaitAsync(TimeSpan.FromSeconds(30), Stop);
        Assert.False(_gathering.EnterAsync(Stop).IsCompleted);
    }

    [Fact]
    public async Task Nobody_is_held_any_more_when_the_others_have_gone()
    {
        Fill();
        var held = _gathering.EnterAsync(Stop);
        _time.Advance(Gathering.Moment);
        await held.WaitAsync(TimeSpan.FromSeconds(30), Stop);
        Enumerable.Range(0, Gathering.Few + 1).ToList().ForEach(_ => _gathering.Leave());

        Assert.True(_gathering.EnterAsync(Stop).IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Who_stops_does_not_wait_for_the_moment()
    {
        Fill();
        using var stopping = new CancellationTokenSource();
        var held = _gathering.EnterAsync(stopping.Token);

        await stopping.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held);
    }

    private void Fill() => Assert.All(Enumerable.Range(0, Gathering.Few), _ => Assert.True(_gathering.EnterAsync(Stop).IsCompletedSuccessfully));
}
