using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>Every key of the configuration, under the section <c>Mailkey</c>.</summary>
public sealed class MailkeyOptions
{
    public const string Section = "Mailkey";

    [Required, Description("Name of this mail host: in the banner, EHLO, Received, and as authserv-id of Authentication-Results.")]
    public string Hostname { get; set; } = "localhost";

    [Required, Description("Folder for message content and for the embedded maildirs. All services of one host share it.")]
    public string DataFolder { get; set; } = "/var/lib/mailkey";

    [Description("Domains whose mail is taken here.")]
    public List<HostedDomainOptions> Domains { get; set; } = [];

    [Required, Description("Where mail of a hosted domain goes when the domain names nothing else: maildir, lmtp://host:port or smtp://host:port.")]
    public string NextHop { get; set; } = "maildir";

    public SmtpOptions Smtp { get; set; } = new();
    public RecipientsOptions Recipients { get; set; } = new();
    public VerdictOptions Verdict { get; set; } = new();
    public DnsOptions Dns { get; set; } = new();
    public KeyHostOptions KeyHost { get; set; } = new();
    public DkimOptions Dkim { get; set; } = new();
    public SpfOptions Spf { get; set; } = new();
    public BlocklistOptions Blocklists { get; set; } = new();
    public PolicyOptions Policy { get; set; } = new();
    public StatusPageOptions StatusPage { get; set; } = new();
    public DeliveryOptions Delivery { get; set; } = new();
    public AgreementsOptions Agreements { get; set; } = new();
    public BouncesOptions Bounces { get; set; } = new();
    public StorageOptions Storage { get; set; } = new();
    public JournalOptions Journal { get; set; } = new();
    public RabbitMqOptions RabbitMq { get; set; } = new();
    public PostgresOptions Postgres { get; set; } = new();
    public HttpOptions Http { get; set; } = new();
}
