using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>The public page about sender domains, served by the service status.</summary>
public sealed class StatusPageOptions
{
    [Description("Whether the service status serves the page. Without it the service answers its health checks and nothing else.")]
    public bool Enabled { get; set; } = true;

    [Description("Address of the page. It speaks HTTP; put a proxy with TLS before it to show it to the world.")]
    public string Listen { get; set; } = "127.0.0.1";

    [Range(0, 65535), Description("Port of the page, never that of Mailkey:Http; 0: any free one.")]
    public int Port { get; set; } = 8025;

    [Description("URL under which the world sees the page, such as https://mx.example.org/mailkey. When it is set and Mailkey:Policy:HelpUrl is not, refusals link to it.")]
    public string PublicUrl { get; set; } = "";

    [Description("Addresses and networks of proxies before the page, whose X-Forwarded-For is believed, such as 127.0.0.1 or 10.0.0.0/8.")]
    public List<string> TrustedProxies { get; set; } = [];

    [Description("Least time between two looks at the same domain, whoever asks for them.")]
    public TimeSpan CheckInterval { get; set; } = TimeSpan.FromSeconds(30);

    [Range(1, 100_000), Description("Looks at domains that the clients of one network (/24, /56) may ask for in a minute.")]
    public int ChecksPerClient { get; set; } = 6;

    [Range(1, 1_000_000), Description("Looks at domains in a minute, for all clients together. Each costs up to some thirty DNS queries and three HTTPS requests.")]
    public int ChecksPerMinute { get; set; } = 60;

    [Range(1, 10_000), Description("Looks at domains under way at the same time.")]
    public int MaxConcurrentChecks { get; set; } = 8;

    [Range(1, 1_000_000), Description("Pages that the clients of one network may ask for in a minute.")]
    public int ViewsPerClient { get; set; } = 120;

    [Range(1, 100_000), Description("Connections to the page at the same time.")]
    public int MaxConnections { get; set; } = 200;
}
