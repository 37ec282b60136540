using Mailkey.Bounces.Reporting;
using Mailkey.Messaging.Sagas;

namespace Mailkey.Bounces.Sagas.Advisory;

/// <summary>What one unauthenticated sender domain was told about one cause, until it may be told again.</summary>
public sealed class AdvisoryState : IStoredSaga
{
    public Guid CorrelationId { get; set; }
    public int Version { get; set; }
    public string? CurrentState { get; set; }

    public string Domain { get; set; } = "";
    public FailureCause Cause { get; set; }

    /// <summary>The one notification that was granted.</summary>
    public Guid OrderId { get; set; }
    public DateTimeOffset AdvisedAt { get; set; }

    /// <summary>Notifications that were not made because of this one.</summary>
    public int Suppressed { get; set; }

    /// <summary>Token of the timer that ends the silence.</summary>
    public Guid? PeriodTimer { get; set; }

    /// <summary>The one instance for a domain and a cause.</summary>
    public static Guid IdOf(string domain, FailureCause cause) => NameBasedId.Create("advisory", domain, cause.ToString());
}
