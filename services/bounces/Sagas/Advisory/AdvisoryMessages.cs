using Mailkey.Bounces.Reporting;

namespace Mailkey.Bounces.Sagas.Advisory;

/// <summary>May this sender domain be told of this cause?</summary>
public sealed record AdvisoryRequested
{
    /// <summary>What <see cref="AdvisedDomain"/> counts the sender under: lower-case A-labels, or an address in brackets.</summary>
    public required string Domain { get; init; }
    public required FailureCause Cause { get; init; }
    public required ReportOrder Order { get; init; }

    /// <summary>When it was asked for.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Until when the domain hears no more of this cause if the answer is yes.</summary>
    public required DateTimeOffset QuietUntil { get; init; }
}

/// <summary>It may: make this notification.</summary>
public sealed record AdvisoryGranted
{
    public required ReportOrder Order { get; init; }
}

/// <summary>The time of silence is over.</summary>
public sealed record AdvisoryPeriodEnded
{
    public required Guid CorrelationId { get; init; }
}
