using System.Collections.Frozen;
using Mailkey.Hosting.Options;
using Mailkey.Smtp;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Recipients;

/// <summary>A domain whose mail is taken here.</summary>
/// <param name="Name">Lower case A-labels.</param>
/// <param name="LocalParts">Local parts that exist; null when any may.</param>
/// <param name="CallOut">The next hop to ask; null when nobody is asked.</param>
internal sealed record HostedDomain(string Name, FrozenSet<string>? LocalParts, NextHop? CallOut);

/// <summary>The hosted domains of the configuration.</summary>
internal sealed class HostedDomains
{
    private readonly FrozenDictionary<string, HostedDomain> domains;

    public HostedDomains(IOptions<MailkeyOptions> options)
    {
        var found = new Dictionary<string, HostedDomain>(StringComparer.Ordinal);
        for (var i = 0; i < options.Value.Domains.Count; i++)
        {
            var domain = Read(options.Value.Domains[i], options.Value.NextHop, $"{MailkeyOptions.Section}:Domains:{i}");
            if (!found.TryAdd(domain.Name, domain))
            {
                throw Broken($"{MailkeyOptions.Section}:Domains:{i}:Name: \"{domain.Name}\" is given twice.");
            }
        }

        domains = found.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>Gives the hosted domain of a name in lower case A-labels; null when it is not hosted.</summary>
    public HostedDomain? Find(string asciiDomain) => domains.GetValueOrDefault(asciiDomain);

    private static HostedDomain Read(HostedDomainOptions options, string defaultNextHop, string key)
    {
        if (!SmtpDomain.TryParse(options.Name, out var name, out var error))
        {
            throw Broken($"{key}:Name: \"{options.Name}\" is no domain: {error.Reason}.");
        }

        NextHop? callOut = null;
        if (options.CallOut)
        {
            var text = string.IsNullOrEmpty(options.NextHop) ? defaultNextHop : options.NextHop;
            if (!NextHop.TryParse(text, out callOut))
            {
                throw Broken($"{key}:CallOut: the next hop \"{text}\" can't be asked; lmtp://host:port or smtp://host:port can.");
            }
        }

        // Local parts are compared without case, as practically every mailbox host does; the sender's spelling is kept.
        var isAny = options.Recipients.Count == 0 || options.Recipients.Contains("*", StringComparer.Ordinal);
        return new(name, isAny ? null : options.Recipients.ToFrozenSet(StringComparer.OrdinalIgnoreCase), callOut);
    }

    private static OptionsValidationException Broken(string failure) => new(MailkeyOptions.Section, typeof(MailkeyOptions), [failure]);
}
