using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>What forwarding agreements do in SMTP.</summary>
public sealed class AgreementsSmtpOptions
{
    [Description("Whether ingress offers forwarding agreements in its EHLO answer, and verifiers apply them. Off: mail is judged as if there were none, and nobody is asked.")]
    public bool Enabled { get; set; }

    [Required, RegularExpression("[A-Z0-9][A-Z0-9-]{0,30}"), Description("Keyword of the EHLO answer, and name of the parameter of MAIL.")]
    public string Keyword { get; set; } = "XFWDAGREE";

    [Description("Address of the API that forwarders negotiate at; it follows the keyword. Empty: v1 under Mailkey:Agreements:PublicUrl; one of the two is needed when enabled.")]
    public string Url { get; set; } = "";

    [Description("Ways to say which agreement a transaction uses that are offered: auth, address, reference. auth is offered in TLS only.")]
    public List<string> Methods { get; set; } = ["auth", "address", "reference"];

    [Description("Time to wait for the answer to a look-up; then the client gets a temporary refusal.")]
    public TimeSpan LookupTimeout { get; set; } = TimeSpan.FromSeconds(2);

    [Range(0, 10000000), Description("Answers that one process keeps.")]
    public int CacheEntries { get; set; } = 100_000;

    [Description("Time that an agreement is kept at most. Changes arrive at once; this is for those that got lost.")]
    public TimeSpan CacheTime { get; set; } = TimeSpan.FromMinutes(10);

    [Description("Time that it is kept that there is none.")]
    public TimeSpan NegativeCacheTime { get; set; } = TimeSpan.FromMinutes(1);

    [Range(1, 10000), Description("Look-ups of one process under way at the same time; beyond it clients get a temporary refusal.")]
    public int MaxConcurrent { get; set; } = 200;

    [Range(1, 10000), Description("Different agreements that one session may use.")]
    public int MaxPerSession { get; set; } = 100;

    [Range(1, 1000), Description("Failed logins of one session after which it is closed.")]
    public int MaxLoginFailures { get; set; } = 3;

    [Range(1, 100000), Description("Failed logins an hour from one client network (/24 of IPv4, /48 of IPv6), after which it can't log in.")]
    public int MaxLoginFailuresPerNetwork { get; set; } = 30;

    [Description("Shortest time until a login or an address made for one forwarder is refused, so that the time says nothing.")]
    public TimeSpan RefusalTime { get; set; } = TimeSpan.FromMilliseconds(200);

    [Description("How often accepted messages are reported to the agreements that they came under.")]
    public TimeSpan ReportInterval { get; set; } = TimeSpan.FromSeconds(10);
}
