using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Mailkey.Ingress.Agreements;
using Mailkey.Ingress.Intake;
using Mailkey.Ingress.Recipients;
using Mailkey.Ingress.Smtp.Tls;
using Mailkey.Smtp;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Smtp;

/// <summary>What all sessions share: options, the parts they call, and the replies that are the same for everybody.</summary>
internal sealed class SmtpServer
{
    public SmtpServer(
        IOptions<MailkeyOptions> options,
        IMessageIntake intake,
        IRecipientDirectory recipients,
        SessionRegistry sessions,
        ClientNetworks networks,
        ServiceIdentity identity,
        QueueId queueIds,
        TimeProvider time,
        ILogger<SmtpServer> logger,
        ForwardingAgreements? agreements = null)
    {
        // In the invariant mode of the runtime every text counts as normalized, and look-alike addresses would pass (RFC 6532 §3.1).
        if ("e\u0301".IsNormalized())
        {
            throw new InvalidOperationException("SMTPUTF8 needs the Unicode data of ICU: install libicu, and leave DOTNET_SYSTEM_GLOBALIZATION_INVARIANT unset.");
        }

        var mailkey = options.Value;
        Options = mailkey.Smtp;
        Hostname = mailkey.Hostname;
        HelpUrl = mailkey.Policy.HelpUrl;
        BareLineEnds = string.Equals(Options.BareLineEnds, "normalize", StringComparison.Ordinal) ? BareLineEnds.Normalize : BareLineEnds.Reject;
        Intake = intake;
        Recipients = recipients;
        Sessions = sessions;
        Networks = networks;
        Instance = identity.Instance;
        QueueIds = queueIds;
        Time = time;
        Logger = logger;
        Agreements = agreements;
        Certificate = ServerCertificate.Load(Options, time, logger);

        Greeting = Replies.Greeting(Hostname);
        Helo = Replies.Helo(Hostname);
        string[] forwarding = agreements is null ? [] : [agreements.EhloLine];
        Ehlo = MakeEhlo(offersTls: false, forwarding);
        EhloWithTls = MakeEhlo(offersTls: true, forwarding);
        EhloInTls = MakeEhlo(offersTls: false, agreements is { OffersLogin: true } ? [.. forwarding, $"AUTH {LoginMechanisms.Offered}"] : forwarding);
    }

    public SmtpOptions Options { get; }

    public string Hostname { get; }

    /// <summary>Page that refusals link to; the sender domain is appended.</summary>
    public string HelpUrl { get; }

    public BareLineEnds BareLineEnds { get; }

    public IMessageIntake Intake { get; }

    public IRecipientDirectory Recipients { get; }

    public SessionRegistry Sessions { get; }

    public ClientNetworks Networks { get; }

    public string Instance { get; }

    public QueueId QueueIds { get; }

    public TimeProvider Time { get; }

    public ILogger Logger { get; }

    /// <summary>Null: STARTTLS is not offered.</summary>
    public ServerCertificate? Certificate { get; }

    public SmtpReply Greeting { get; }

    public SmtpReply Helo { get; }

    public SmtpReply Ehlo { get; }

    public SmtpReply EhloWithTls { get; }

    public SmtpReply EhloInTls { get; }

    /// <summary>Null: forwarding agreements are switched off.</summary>
    public ForwardingAgreements? Agreements { get; }

    /// <summary>Fires when the time that running transactions have at shutdown is over.</summary>
    public CancellationToken Stopped => Sessions.Stopped;

    private SmtpReply MakeEhlo(bool offersTls, string[] more) =>
        Replies.Ehlo(Hostname, Options.MaxMessageSize, Options.MaxRecipients, Options.MaxTransactions, offersTls, more);
}
