using System.Globalization;
using System.Net;
using Mailkey.Hosting.Options;
using Npgsql;

namespace Mailkey.Hosting;

/// <summary>What must hold beyond the bounds of single values: syntax of names and addresses, and how values go together.</summary>
internal sealed class MailkeyOptionsRules(MailkeyOptions options, List<string> failures)
{
    /// <summary>Values of <c>Policy:Stage</c>.</summary>
    private static readonly string[] Stages = ["observe", "enforce-published", "require-listed", "require-all"];

    /// <summary>Values of <c>Agreements:Smtp:Methods</c>.</summary>
    private static readonly string[] AgreementMethods = ["auth", "address", "reference"];

    private const int MaxUrlLength = 400;

    // RFC 5321 §4.5.3.1.2 and RFC 1035 §2.3.4
    private const int MaxDomainLength = 253;
    private const int MaxLabelLength = 63;
    private const int LmtpForbiddenPort = 25;

    public void Check()
    {
        Domain("Hostname", options.Hostname);
        if (options.DataFolder.Length > 0 && !Path.IsPathFullyQualified(options.DataFolder))
        {
            Fail("DataFolder", "must be an absolute path", options.DataFolder);
        }

        HostedDomains();
        Smtp();
        Dns();
        Policy();
        StatusPage();
        Agreements();
        Blocklists();
        AgreementsSmtp();
        Delivery();
        Accounts();
        Connections();
        TimeLimits();

        if (options.KeyHost.MinAge > options.KeyHost.MaxAge)
        {
            Fail("KeyHost:MinAge", "must not be longer than Mailkey:KeyHost:MaxAge", options.KeyHost.MinAge);
        }

        if (options.Storage.OrphanAge <= options.Delivery.Expiry)
        {
            Fail("Storage:OrphanAge", "must be longer than Mailkey:Delivery:Expiry, else content is removed while delivery still tries", options.Storage.OrphanAge);
        }

        Address("Http:Listen", options.Http.Listen);
    }

    /// <summary>Whether a text is maildir, lmtp://host:port or smtp://host[:port].</summary>
    internal static bool IsNextHop(string text)
    {
        if (string.Equals(text, "maildir", StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        // RFC 2033 §5: LMTP must not be used on port 25, so that it has no default here.
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) &&
            uri is { Scheme: "lmtp" or "smtp", AbsolutePath: "/" or "", UserInfo: "", Query: "", Fragment: "", Host.Length: > 0 } &&
            (uri.Scheme == "smtp" || uri.Port is > 0 and not LmtpForbiddenPort);
    }

    /// <summary>Whether a text is host, host:port, address or [address]:port.</summary>
    internal static bool IsResolver(string text)
    {
        if (IPAddress.TryParse(text, out _))
        {
            return true;
        }

        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? text : text[..colon];
        if (colon >= 0 && (!ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0))
        {
            return false;
        }

        return host is ['[', .., ']'] ? IPAddress.TryParse(host[1..^1], out _) : IsDomain(host);
    }

    internal static bool IsDomain(string text)
    {
        string ascii;
        try
        {
            ascii = new IdnMapping().GetAscii(text);
        }
        catch (ArgumentException)
        {
            return false;
        }

        return ascii.Length is > 0 and <= MaxDomainLength && Array.TrueForAll(
            ascii.Split('.'), label => label is { Length: > 0 and <= MaxLabelLength } and not ['-', ..] and not [.., '-'] && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'));
    }

    private void HostedDomains()
    {
        NextHop("NextHop", options.NextHop);
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < options.Domains.Count; i++)
        {
            var (domain, key) = (options.Domains[i], string.Create(CultureInfo.InvariantCulture, $"Domains:{i}"));
            if (Domain($"{key}:Name", domain.Name) && !names.Add(new IdnMapping().GetAscii(domain.Name)))
            {
                Fail($"{key}:Name", "is listed twice", domain.Name);
            }

            var nextHop = options.NextHop;
            if (domain.NextHop is { Length: > 0 } own)
            {
                nextHop = own;
                NextHop($"{key}:NextHop", own);
            }

            if (domain.CallOut && string.Equals(nextHop, "maildir", StringComparison.OrdinalIgnoreCase))
            {
                Fail($"{key}:CallOut", "needs a next hop that can be asked; a maildir can't", true);
            }

            foreach (var recipient in domain.Recipients.Where(recipient => recipient.Length == 0 || recipient.Contains('@', StringComparison.Ordinal)))
            {
                Fail($"{key}:Recipients", "takes local parts, without @ and domain", recipient);
            }
        }
    }

    private void Smtp()
    {
        var smtp = options.Smtp;
        if (smtp.Listen.Count == 0)
        {
            Fail("Smtp:Listen", "must name an address, or *", "");
        }

        foreach (var address in smtp.Listen.Where(address => address is not ("*" or "localhost")))
        {
            Address("Smtp:Listen", address);
        }

        if (string.IsNullOrEmpty(smtp.Certificate) != string.IsNullOrEmpty(smtp.CertificateKey))
        {
            Fail("Smtp:CertificateKey", "goes together with Mailkey:Smtp:Certificate: give both or none", smtp.CertificateKey);
        }
    }

    private void Dns()
    {
        foreach (var resolver in options.Dns.Resolvers.Where(resolver => !IsResolver(resolver)))
        {
            Fail("Dns:Resolvers", "takes host, host:port, address or [IPv6]:port", resolver);
        }
    }

    private void Policy()
    {
        if (!Stages.Contains(options.Policy.Stage, StringComparer.Ordinal))
        {
            Fail("Policy:Stage", $"must be one of {string.Join(", ", Stages)}", options.Policy.Stage);
        }

        foreach (var domain in options.Policy.RequiredDomains)
        {
            Domain("Policy:RequiredDomains", domain);
        }

        if (options.Policy.Stage == "require-listed" && options.Policy.RequiredDomains.Count == 0)
        {
            Fail("Policy:RequiredDomains", "must list a domain in the stage require-listed", "");
        }

        if (!Uri.TryCreate(options.Policy.HelpUrl, UriKind.Absolute, out var url) || url.Scheme is not ("https" or "http"))
        {
            Fail("Policy:HelpUrl", "must be an http or https URL", options.Policy.HelpUrl);
        }
    }

    private void StatusPage()
    {
        var page = options.StatusPage;
        PublicPort("StatusPage", page.Listen, page.Port, page.PublicUrl, page.TrustedProxies);
    }

    private void Agreements()
    {
        var agreements = options.Agreements;
        PublicPort("Agreements", agreements.Listen, agreements.Port, agreements.PublicUrl, agreements.TrustedProxies);
        if (agreements.PublicUrl.EndsWith('/'))
        {
            Fail("Agreements:PublicUrl", "must not end with a slash", agreements.PublicUrl);
        }

        var negotiation = agreements.Negotiation;
        foreach (var (key, period) in new[]
        {
            ("FirstDnsCheck", negotiation.FirstDnsCheck), ("LongestDnsCheck", negotiation.LongestDnsCheck), ("ProofCheck", negotiation.ProofCheck),
            ("ProposalCheck", negotiation.ProposalCheck), ("Reminder", negotiation.Reminder), ("AskAgain", negotiation.AskAgain), ("TrustReview", negotiation.TrustReview),
        })
        {
            if (period <= TimeSpan.Zero)
            {
                Fail($"Agreements:Negotiation:{key}", "must be longer than nothing", period);
            }
        }

        // As many octets as the hash has, and no message that shows the key.
        var consentKey = new byte[negotiation.ConsentKey.Length];
        if (negotiation.ConsentKey.Length > 0 && (!Convert.TryFromBase64String(negotiation.ConsentKey, consentKey, out var length) || length < 32))
        {
            Fail("Agreements:Negotiation:ConsentKey", "must be base64 of at least 32 octets", "(not shown)");
        }

        if (agreements.Callbacks.SigningKey.Length > 0 && (agreements.Callbacks.KeyId.Length == 0 || agreements.Callbacks.KeyId.AsSpan().ContainsAnyExceptInRange('!', '~')))
        {
            Fail("Agreements:Callbacks:KeyId", "must be the name of the signing key, as selector@domain", agreements.Callbacks.KeyId);
        }

        if (agreements.Callbacks.Timeout <= TimeSpan.Zero)
        {
            Fail("Agreements:Callbacks:Timeout", "must be longer than nothing", agreements.Callbacks.Timeout);
        }
    }

    private void PublicPort(string section, string listen, int port, string publicUrl, List<string> trustedProxies)
    {
        Address($"{section}:Listen", listen);
        if (port != 0 && port == options.Http.Port)
        {
            Fail($"{section}:Port", "must not be the port of Mailkey:Http, which is not for the world", port);
        }

        if (publicUrl.Length > 0 && (!Uri.TryCreate(publicUrl, UriKind.Absolute, out var url) || url is not { Scheme: "https" or "http", Query: "", Fragment: "", UserInfo: "" }))
        {
            Fail($"{section}:PublicUrl", "must be an http or https URL without query", publicUrl);
        }

        foreach (var proxy in trustedProxies)
        {
            if (!IPNetwork.TryParse(proxy, out _) && !IPAddress.TryParse(proxy, out _))
            {
                Fail($"{section}:TrustedProxies", "takes addresses and networks, such as 10.0.0.0/8", proxy);
            }
        }
    }

    private void Blocklists()
    {
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < options.Blocklists.Zones.Count; i++)
        {
            var (zone, key) = (options.Blocklists.Zones[i], string.Create(CultureInfo.InvariantCulture, $"Blocklists:Zones:{i}"));
            if (Domain($"{key}:Name", zone.Name) && !names.Add(zone.Name))
            {
                Fail($"{key}:Name", "is listed twice", zone.Name);
            }

            // RFC 1035 §2.3.4: 32 nibbles and their dots stand before it.
            if (zone.Name.Length > MaxDomainLength - 64)
            {
                Fail($"{key}:Name", "is too long to ask about IPv6 clients", zone.Name);
            }

            if (zone.Kind is not ("block" or "allow"))
            {
                Fail($"{key}:Kind", "must be block or allow", zone.Kind);
            }

            foreach (var code in zone.Codes.Where(code => !BlocklistCode.TryParse(code, out _)))
            {
                Fail($"{key}:Codes", "takes addresses and networks in 127.0.0.0/8, such as 127.0.0.2, 127.0.0.0/28 or 127.0.0.0/24&6", code);
            }
        }
    }

    private void Accounts()
    {
        var accounts = options.Agreements.Accounts;
        switch (accounts.Source)
        {
            case "file":
                break;
            case "imap":
                if (!Uri.TryCreate(accounts.Imap, UriKind.Absolute, out var host) ||
                    host is not { Scheme: "imaps" or "imap", AbsolutePath: "/" or "", UserInfo: "", Query: "", Fragment: "", Host.Length: > 0 })
                {
                    Fail("Agreements:Accounts:Imap", "must be imaps://host[:port] or imap://host[:port]", accounts.Imap);
                }

                break;
            default:
                Fail("Agreements:Accounts:Source", "must be file or imap", accounts.Source);
                break;
        }

        if (accounts.ImapName is not ("address" or "local-part"))
        {
            Fail("Agreements:Accounts:ImapName", "must be address or local-part", accounts.ImapName);
        }

        if (accounts.SubaddressDelimiter.Length > 1 || accounts.SubaddressDelimiter is "@" or "\"" or ".")
        {
            Fail("Agreements:Accounts:SubaddressDelimiter", "must be one character of local parts, such as + or -, or empty", accounts.SubaddressDelimiter);
        }
    }

    private void AgreementsSmtp()
    {
        var smtp = options.Agreements.Smtp;
        foreach (var method in smtp.Methods.Where(method => !AgreementMethods.Contains(method, StringComparer.Ordinal)))
        {
            Fail("Agreements:Smtp:Methods", $"must be of {string.Join(", ", AgreementMethods)}", method);
        }

        // It stands in a line of the EHLO answer, which has 512 octets (RFC 5321 §4.5.3.1.5).
        var text = smtp.Url.Length > 0 ? smtp.Url : options.Agreements.PublicUrl;
        if (smtp.Enabled && (text.Length > MaxUrlLength || !Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("https" or "http")
            || text.AsSpan().ContainsAnyExceptInRange('!', '~')))
        {
            Fail("Agreements:Smtp:Url", "must be an http or https URL, in ASCII and at most 400 characters, or Mailkey:Agreements:PublicUrl such a one", smtp.Url);
        }
    }

    private void Delivery()
    {
        var delivery = options.Delivery;
        if (delivery.Retries.Count == 0)
        {
            Fail("Delivery:Retries", "must hold a wait at least", "");
        }

        foreach (var wait in delivery.Retries.Where(wait => wait <= TimeSpan.Zero))
        {
            Fail("Delivery:Retries", "must be longer than zero", wait);
        }
    }

    // Both may hold a password: what is wrong is said without the value.
    private void Connections()
    {
        if (!Uri.TryCreate(options.RabbitMq.Uri, UriKind.Absolute, out var uri) || uri.Scheme is not ("amqp" or "amqps") || uri.Host.Length == 0)
        {
            failures.Add($"{MailkeyOptions.Section}:RabbitMq:Uri: must be like amqp://user:password@host:5672/vhost.");
        }

        try
        {
            if (string.IsNullOrEmpty(new NpgsqlConnectionStringBuilder(options.Postgres.ConnectionString).Host))
            {
                failures.Add($"{MailkeyOptions.Section}:Postgres:ConnectionString: names no Host.");
            }
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException)
        {
            failures.Add($"{MailkeyOptions.Section}:Postgres:ConnectionString: is no connection string of Npgsql, such as Host=localhost;Database=mailkey;Username=mailkey.");
        }
    }

    // What a verdict waits for has to be over before the client is told that there was none: else mail that could have been judged
    // by the rest gets 451 each time it comes, and nobody sees which of them was late.
    private void TimeLimits()
    {
        // A rule may ask for history, and then for greylisting or a rate limit.
        var state = 2 * options.Policy.StateTimeout;
        (string Key, TimeSpan Limit)[] evidence =
        [
            ("KeyHost:Timeout", options.KeyHost.Timeout),
            ("Dkim:Timeout", options.Dkim.Timeout),
            ("Spf:Timeout", options.Spf.Timeout),
            ("Blocklists:Timeout", options.Blocklists.Timeout),
        ];
        foreach (var (key, limit) in evidence.Where(item => item.Limit + state >= options.Verdict.Timeout))
        {
            Fail(key, string.Create(CultureInfo.InvariantCulture, $"and twice Mailkey:Policy:StateTimeout ({options.Policy.StateTimeout}) must together be shorter than Mailkey:Verdict:Timeout ({options.Verdict.Timeout}), else clients get 451 without a verdict"), limit);
        }

        if (options.KeyHost.FetchTimeout > options.KeyHost.Timeout)
        {
            Fail("KeyHost:FetchTimeout", "must not be longer than Mailkey:KeyHost:Timeout", options.KeyHost.FetchTimeout);
        }

        if (options.Dns.AttemptTimeout > options.Dns.Timeout)
        {
            Fail("Dns:AttemptTimeout", "must not be longer than Mailkey:Dns:Timeout", options.Dns.AttemptTimeout);
        }

        if (options.Dkim.MaxConcurrent >= options.Dns.MaxConcurrent)
        {
            Fail("Dkim:MaxConcurrent", "must be less than Mailkey:Dns:MaxConcurrent, so that other look-ups have room", options.Dkim.MaxConcurrent);
        }
    }

    private bool Domain(string key, string name)
    {
        if (name.Length == 0)
        {
            return false; // [Required] says so
        }

        if (!IsDomain(name))
        {
            Fail(key, "is not a domain name", name);
            return false;
        }

        return true;
    }

    private void NextHop(string key, string text)
    {
        if (!IsNextHop(text))
        {
            Fail(key, "must be maildir, lmtp://host:port (not port 25) or smtp://host:port", text);
        }
    }

    private void Address(string key, string text)
    {
        if (!IPAddress.TryParse(text, out _))
        {
            Fail(key, "is not an IP address", text);
        }
    }

    private void Fail(string key, string what, object? value) =>
        failures.Add(string.Create(CultureInfo.InvariantCulture, $"{MailkeyOptions.Section}:{key}: {what}. It is \"{value}\"."));
}
