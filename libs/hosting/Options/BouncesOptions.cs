using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>Delivery status notifications and their advisory note.</summary>
public sealed class BouncesOptions
{
    [Description("Send the advisory to unauthenticated senders.")]
    public bool AdviseUnauthenticated { get; set; } = true;

    [Description("Time in which one domain and cause get at most one advisory.")]
    public TimeSpan AdvisoryPeriod { get; set; } = TimeSpan.FromDays(7);
}
