using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>The pages on which users and operators see and decide about agreements.</summary>
public sealed class PortalOptions
{
    [Description("Whether the portal is served, on the port of the API.")]
    public bool Enabled { get; set; } = true;

    [Description("Time without a request after which a session ends.")]
    public TimeSpan SessionIdle { get; set; } = TimeSpan.FromHours(1);

    [Description("Time after which a session ends in any case.")]
    public TimeSpan SessionLifetime { get; set; } = TimeSpan.FromHours(12);

    [Range(1, 1_000_000), Description("Requests that the clients of one network (/24, /48) may make in a minute.")]
    public int RequestsPerClient { get; set; } = 600;
}
