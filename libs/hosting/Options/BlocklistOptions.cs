using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>DNS blocklists and allowlists (RFC 5782).</summary>
public sealed class BlocklistOptions
{
    [Description("Zones that are asked about a client, all at once. None: no blocklists.")]
    public List<BlocklistZoneOptions> Zones { get; set; } = [];

    [Description("Time for all zones together, texts included; what has not answered then counts as unknown, and the verdict does not wait for it.")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(1);
}

/// <summary>One zone that is asked about clients.</summary>
public sealed class BlocklistZoneOptions
{
    [Required, Description("The zone, such as bl.example.org.")]
    public string Name { get; set; } = "";

    [Description("block: who is listed is bad; allow: who is listed is good.")]
    public string Kind { get; set; } = "block";

    [Description("Answers that mean listed: an address (127.0.0.2), a network (127.0.0.0/28), or bits of the last octet of which one must be set (127.0.0.0/24&6). None: every answer in 127.0.0.0/8 but 127.255.255.0/24, with which lists refuse to answer.")]
    public List<string> Codes { get; set; } = [];
}
