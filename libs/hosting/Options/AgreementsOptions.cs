using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>Forwarding agreements: the port of their API and portal, and what is agreed to. Used by the service agreements.</summary>
public sealed class AgreementsOptions
{
    [Description("Whether the service agreements serves its API and portal. Without it the service keeps the ledger and answers its health checks.")]
    public bool Enabled { get; set; } = true;

    [Description("Address of the API and the portal. They speak HTTP; put a proxy with TLS before them to show them to the world.")]
    public string Listen { get; set; } = "127.0.0.1";

    [Range(0, 65535), Description("Port of the API and the portal, never that of Mailkey:Http; 0: any free one.")]
    public int Port { get; set; } = 8026;

    [Description("URL under which the world sees them, without a slash at its end, such as https://agreements.example.org. Signatures of forwarders are bound to it. Empty: as the request says.")]
    public string PublicUrl { get; set; } = "";

    [Description("Addresses and networks of proxies before them, whose X-Forwarded-For is believed, such as 127.0.0.1 or 10.0.0.0/8.")]
    public List<string> TrustedProxies { get; set; } = [];

    [Range(1, 100_000), Description("Connections to the port at the same time.")]
    public int MaxConnections { get; set; } = 500;

    public AgreementsSmtpOptions Smtp { get; set; } = new();
    public AccountsOptions Accounts { get; set; } = new();
    public PortalOptions Portal { get; set; } = new();
    public AgreementsApiOptions Api { get; set; } = new();
    public AgreementsPolicyOptions Policy { get; set; } = new();
    public AgreementsNegotiationOptions Negotiation { get; set; } = new();
    public AgreementsCallbacksOptions Callbacks { get; set; } = new();
}
