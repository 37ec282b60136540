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

    [Description("Time for looking at a sender's domain; then the notification goes out without a note.")]
    public TimeSpan InspectionTimeout { get; set; } = TimeSpan.FromSeconds(10);
}
