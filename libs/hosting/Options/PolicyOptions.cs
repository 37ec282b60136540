using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>What to do where no mailkey decides.</summary>
public sealed class PolicyOptions
{
    [Description("observe: refuse nothing for mailkey reasons; enforce-published: refuse forged mail of domains with a mailkey host; require-listed: in addition refuse unsigned mail of the listed domains; require-all: refuse all mail without mailkey.")]
    public string Stage { get; set; } = "enforce-published";

    [Description("Domains that must be signed in the stage require-listed.")]
    public List<string> RequiredDomains { get; set; } = [];

    [Description("Page that refusals link to; the sender domain is appended.")]
    public string HelpUrl { get; set; } = "https://mailkey.example/help?domain=";
}
