namespace Mailkey.Testkit;

/// <summary>The clock of this machine, set forward at will.</summary>
public sealed class JumpingTime : TimeProvider
{
    private long _ahead;

    // Caches go by this one.
    public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _ahead) * (TimestampFrequency / TimeSpan.TicksPerSecond);

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _ahead));

    public void Jump(TimeSpan by) => Interlocked.Add(ref _ahead, by.Ticks);
}
