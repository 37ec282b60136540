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

    [Range(0, 1000), Description("How often a message with one DKIM signature is taken again for one recipient under an agreement that the signature alone speaks for: a forwarder that did not get the reply sends it again. Beyond it the message is judged as if there were no agreement. All such repetitions of a day under one agreement are at most ten, or a tenth of its rate if that is less, and never fewer than this.")]
    public int Repetitions { get; set; } = 3;

    [Description("Time that all verifiers remember which DKIM signatures they took for which recipients under agreements. A signature that says by t= that it is older speaks for no agreement; one without t= counts as new after this time.")]
    public TimeSpan ReplayMemory { get; set; } = TimeSpan.FromDays(7);

    [Range(0, 10000000), Description("Signatures taken for a recipient under an agreement that one verifier remembers, 80 octets each. 0: repetitions are not counted, and whoever got a signed message of a forwarder can use up the agreements of others with it.")]
    public int ReplayEntries { get; set; } = 500_000;

    [Description("How often accepted messages are reported to the agreements that they came under.")]
    public TimeSpan ReportInterval { get; set; } = TimeSpan.FromSeconds(10);
}
