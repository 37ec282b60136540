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

    [Description("File with the rules of this receiver, see docs/policy.md. It is read anew when it changes. Empty for no rules: the stage decides alone.")]
    public string File { get; set; } = "";

    [Description("How often the policy file and its lists are looked at for changes.")]
    public TimeSpan ReloadInterval { get; set; } = TimeSpan.FromSeconds(2);

    [Description("Time to wait for the database when a rule greylists, limits rates or asks for history; then that rule is skipped.")]
    public TimeSpan StateTimeout { get; set; } = TimeSpan.FromSeconds(1);

    [Range(1000, 1_000_000_000), Description("Rows that greylisting and rate limits may take in the database; beyond it those that expire first go.")]
    public int StateRows { get; set; } = 5_000_000;

    [Description("Whether accepted and refused messages are counted by sender domain, for rules that ask for history.")]
    public bool History { get; set; } = true;

    /// <summary>A page that nobody has: it stands for "not set".</summary>
    public const string NoHelpUrl = "https://mailkey.example/help?domain=";

    [Description("Page that refusals link to; the sender domain is appended. Not set: the page of Mailkey:StatusPage:PublicUrl, where that is set.")]
    public string HelpUrl { get; set; } = NoHelpUrl;
}
