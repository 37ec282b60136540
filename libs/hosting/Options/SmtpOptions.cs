using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>The SMTP listener and its limits.</summary>
public sealed class SmtpOptions
{
    [Description("Addresses to listen on; * means every IPv4 and IPv6 address.")]
    public List<string> Listen { get; set; } = ["*"];

    [Range(0, 65535), Description("Port of the SMTP listener; 0: any free one.")]
    public int Port { get; set; } = 2525;

    [Description("PEM file with the certificate chain for STARTTLS. Empty: STARTTLS is not offered.")]
    public string? Certificate { get; set; }

    [Description("PEM file with the private key of the certificate.")]
    public string? CertificateKey { get; set; }

    [Range(65536, long.MaxValue), Description("Largest message in octets (SIZE, RFC 1870; RFC 5321 §4.5.3.1.7 asks for at least 65536).")]
    public long MaxMessageSize { get; set; } = 50 * 1024 * 1024;

    [Range(100, 10000), Description("Recipients of one transaction (RFC 5321 §4.5.3.1.8 asks for at least 100); announced as RCPTMAX (RFC 9422).")]
    public int MaxRecipients { get; set; } = 1000;

    [Range(1, 100000), Description("Transactions of one connection; announced as MAILMAX (RFC 9422).")]
    public int MaxTransactions { get; set; } = 1000;

    [Range(1, 1000), Description("Erroneous commands after which a connection is closed with 421.")]
    public int MaxErrors { get; set; } = 20;

    [Range(1, 1000000), Description("Commands that move no mail (NOOP, RSET, VRFY, HELP, EHLO) after which a connection is closed.")]
    public int MaxIdleCommands { get; set; } = 200;

    [Range(1, 100000), Description("Unknown recipients after which a connection is closed: somebody tries names. Each time it costs the network a tenth of MaxConnectionRatePerNetwork.")]
    public int MaxUnknownRecipients { get; set; } = 20;

    [Range(1000, 100000000), Description("RCPT commands of a connection that add no recipient (no room, not verifiable now, named before) after which it is closed. A client that sends everything at once needs some: it learns by 452 how many fit.")]
    public int MaxFruitlessRecipients { get; set; } = 10_000;

    [Range(0, 1000000), Description("Transactions of one client network that were refused without a verdict and are written to the journal in a minute; of more only the number is. 0 means no limit.")]
    public int MaxJournalledRefusalsPerNetwork { get; set; } = 300;

    [Range(1024, 1048576), Description("Octets of a header block.")]
    public int MaxHeaderSize { get; set; } = 256 * 1024;

    [Range(10, 1000), Description("Received fields after which a message is refused as looping (RFC 5321 §6.3).")]
    public int MaxReceivedFields { get; set; } = 100;

    [Range(1, 100000), Description("Connections at the same time.")]
    public int MaxConnections { get; set; } = 2000;

    [Range(1, 100000), Description("Connections at the same time from one client network (/24 of IPv4, /48 of IPv6).")]
    public int MaxConnectionsPerNetwork { get; set; } = 100;

    [Range(0, 1000000), Description("New connections a minute from one client network; 0 means no limit.")]
    public int MaxConnectionRatePerNetwork { get; set; } = 6000;

    [Description("Seconds to wait for a command (RFC 5321 §4.5.3.2: 5 minutes).")]
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromMinutes(5);

    [Description("Time to wait for the next octets of content (RFC 5321 §4.5.3.2.5: 3 minutes).")]
    public TimeSpan DataBlockTimeout { get; set; } = TimeSpan.FromMinutes(3);

    [Description("Time in which the whole content of one message must have come.")]
    public TimeSpan DataTotalTimeout { get; set; } = TimeSpan.FromMinutes(30);

    [Range(0, 1000000), Description("Octets a second that content must come with, averaged from the second 30 s on; 0 means no limit.")]
    public int MinimumDataRate { get; set; } = 100;

    [AllowedValues("reject", "normalize"), Description("Refuse bare CR and bare LF in content (the default), or turn each into CRLF: reject or normalize. They are never passed on.")]
    public string BareLineEnds { get; set; } = "reject";

    [Description("Time that sessions have to end by themselves when the service is stopped.")]
    public TimeSpan ShutdownGrace { get; set; } = TimeSpan.FromSeconds(10);
}
