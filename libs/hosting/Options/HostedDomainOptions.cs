using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>One domain whose mail is taken here.</summary>
public sealed class HostedDomainOptions
{
    [Required, Description("The domain, as A-labels or UTF-8.")]
    public string Name { get; set; } = "";

    [Description("Local parts that exist; none or * means any. postmaster always exists.")]
    public List<string> Recipients { get; set; } = [];

    [Description("Ask the next hop at RCPT time whether a recipient exists, and cache the answer. Not for maildir.")]
    public bool CallOut { get; set; }

    [Description("Where this domain's mail goes: maildir, lmtp://host:port or smtp://host:port. Empty: Mailkey:NextHop.")]
    public string? NextHop { get; set; }
}
