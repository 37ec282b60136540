using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>Health and metrics of a service.</summary>
public sealed class HttpOptions
{
    [Range(0, 65535), Description("Port of /health/live and /health/ready; 0: any free one, named in the log.")]
    public int Port { get; set; }

    [Description("Address of the health port.")]
    public string Listen { get; set; } = "127.0.0.1";
}
