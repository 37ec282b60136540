using Mailkey.Agreements.Keys;
using Mailkey.Contracts.Agreements;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Ingress.Recipients;
using Mailkey.Messaging.Agreements;
using Mailkey.Smtp;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Agreements;

/// <summary>What sessions need when forwarding agreements are switched on; when they are not, there is none of it.</summary>
internal sealed class ForwardingAgreements
{
    /// <summary>Timers know no shorter one.</summary>
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(1);

    private readonly HostedDomains _hosted;
    private readonly TimeProvider _time;

    public ForwardingAgreements(IOptions<MailkeyOptions> options, IAgreementDirectory directory, HostedDomains hosted, IAgreementReports reports, TimeProvider time)
    {
        (Directory, Reports, _hosted, _time) = (directory, reports, hosted, time);
        Options = options.Value.Agreements.Smtp;
        OffersLogin = Offers(Hat.Auth) && !string.IsNullOrEmpty(options.Value.Smtp.Certificate);
        var methods = new[] { Hat.Auth, Hat.Address, Hat.Reference }.Where(method => method == Hat.Auth ? OffersLogin : Offers(method));
        var url = Options.Url.Length > 0 ? Options.Url : $"{options.Value.Agreements.PublicUrl}/v1";
        EhloLine = $"{Options.Keyword} {url} METHODS={string.Join(',', methods.Select(method => method.ToUpperInvariant()))}";
        WithoutTls = new(Options.Keyword, Auth: false);
        WithTls = new(Options.Keyword, Auth: OffersLogin);
    }

    public AgreementsSmtpOptions Options { get; }

    public IAgreementDirectory Directory { get; }

    public IAgreementReports Reports { get; }

    /// <summary>Whether AUTH is offered, in TLS.</summary>
    public bool OffersLogin { get; }

    /// <summary>The line of the EHLO answer.</summary>
    public string EhloLine { get; }

    /// <summary>What MAIL takes in plaintext, and in TLS.</summary>
    public MailExtensions WithoutTls { get; }

    public MailExtensions WithTls { get; }

    public bool Offers(string method) => Options.Methods.Contains(method);

    /// <summary>Whether a recipient looks like an address that was made for one forwarder. Costs nothing for any other.</summary>
    public bool IsAddress(Mailbox recipient, out UniqueAddress? address)
    {
        address = null;
        var local = recipient.LocalPart;
        return local.Length > OpaqueToken.Length + 1 && local[^(OpaqueToken.Length + 1)] == '-' && Offers(Hat.Address)
            && _hosted.Find(recipient.AsciiDomain) is not null && UniqueAddress.TryParse(recipient.Text, out address);
    }

    /// <summary>
    /// Whether a session may be that of a forwarder, before anything is proven: it calls itself by a name of its domain, or sends mail of it. Who
    /// only has the address from somewhere does neither, and learns nothing.
    /// </summary>
    public static bool MayBe(string forwarder, string clientName, ReversePath reversePath) =>
        IsWithin(clientName, forwarder) || (reversePath.Mailbox is { IsAddressLiteral: false } mailbox && IsWithin(mailbox.AsciiDomain, forwarder));

    /// <summary>Waits until a refusal may be told without its time telling more.</summary>
    /// <param name="started">Time stamp of the command.</param>
    public async ValueTask HoldBackAsync(long started, CancellationToken cancellationToken)
    {
        var left = Options.RefusalTime - _time.GetElapsedTime(started);
        if (left >= ShortestWait)
        {
            await Task.Delay(left, _time, cancellationToken);
        }
    }

    private static bool IsWithin(string name, string domain) =>
        DomainName.TryNormalize(name, out var normal) && (normal == domain || DomainName.IsWithin(normal, domain));
}
