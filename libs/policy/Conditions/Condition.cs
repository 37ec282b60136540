using System.Globalization;
using Mailkey.Contracts;
using Mailkey.Hosting.Options;
using Mailkey.Networks;

namespace Mailkey.Policy.Conditions;

/// <summary>One thing that a rule asks about a message. Pure: the same input gives the same answer.</summary>
/// <param name="key">As it stands in the policy file.</param>
internal abstract class Condition(string key)
{
    public string Key { get; } = key;

    /// <summary>Whether an answer needs the history of the sender domain.</summary>
    public virtual bool NeedsHistory => false;

    /// <summary>The conditions that this one is made of.</summary>
    public virtual IReadOnlyList<Condition> Parts => [];

    /// <summary>Why nothing can be known of what it asks for under a configuration; null when it can.</summary>
    public virtual string? Unanswerable(MailkeyOptions options) => null;

    public abstract bool Matches(PolicyInput input);

    /// <summary>What the message has there, for a person.</summary>
    public abstract string Actual(PolicyInput input);

    /// <summary>The innermost condition that decides against the message, as text; null when it matches.</summary>
    public virtual string? Obstacle(PolicyInput input) => Matches(input) ? null : $"{Key}: the message has {Actual(input)}";
}

/// <summary>Every one of several conditions; an empty list always matches.</summary>
internal sealed class AllOf(string key, IReadOnlyList<Condition> conditions) : Condition(key)
{
    public bool IsEmpty => conditions.Count == 0;

    public override IReadOnlyList<Condition> Parts => conditions;

    public override bool NeedsHistory => conditions.Any(condition => condition.NeedsHistory);

    public override bool Matches(PolicyInput input)
    {
        foreach (var condition in conditions)
        {
            if (!condition.Matches(input))
            {
                return false;
            }
        }

        return true;
    }

    public override string Actual(PolicyInput input) => string.Join("; ", conditions.Select(condition => $"{condition.Key} {condition.Actual(input)}"));

    public override string? Obstacle(PolicyInput input) => conditions.Select(condition => condition.Obstacle(input)).FirstOrDefault(obstacle => obstacle is not null);
}

/// <summary>At least one of several conditions.</summary>
internal sealed class AnyOf(string key, IReadOnlyList<Condition> conditions) : Condition(key)
{
    public override IReadOnlyList<Condition> Parts => conditions;

    public override bool NeedsHistory => conditions.Any(condition => condition.NeedsHistory);

    public override bool Matches(PolicyInput input)
    {
        foreach (var condition in conditions)
        {
            if (condition.Matches(input))
            {
                return true;
            }
        }

        return false;
    }

    public override string Actual(PolicyInput input) => string.Join("; ", conditions.Select(condition => condition.Actual(input)));

    public override string? Obstacle(PolicyInput input) =>
        Matches(input) ? null : $"{Key}: none of it holds ({string.Join("; ", conditions.Select(condition => condition.Obstacle(input)))})";
}

/// <summary>The opposite.</summary>
internal sealed class Not(Condition condition) : Condition("not")
{
    public override IReadOnlyList<Condition> Parts => [condition];

    public override bool NeedsHistory => condition.NeedsHistory;

    public override bool Matches(PolicyInput input) => !condition.Matches(input);

    public override string Actual(PolicyInput input) => condition.Actual(input);
}

/// <summary>A word that is one of several.</summary>
internal sealed class WordIs(string key, IReadOnlySet<string> words, Func<PolicyInput, string> word) : Condition(key)
{
    public override bool Matches(PolicyInput input) => words.Contains(word(input));

    public override string Actual(PolicyInput input) => word(input);
}

/// <summary>Yes or no.</summary>
internal sealed class FlagIs(string key, bool expected, Func<PolicyInput, bool> flag) : Condition(key)
{
    public override bool Matches(PolicyInput input) => flag(input) == expected;

    public override string Actual(PolicyInput input) => flag(input) ? "true" : "false";
}

/// <summary>A number within bounds.</summary>
/// <param name="atLeast">Null for no lower bound.</param>
/// <param name="below">Null for no upper bound.</param>
internal sealed class NumberIs(string key, double? atLeast, double? below, Func<PolicyInput, double> number, bool ofHistory = false) : Condition(key)
{
    public override bool NeedsHistory => ofHistory;

    public override string? Unanswerable(MailkeyOptions options) =>
        ofHistory && !options.Policy.History ? $"asks for \"{Key}\" of the history, and Mailkey:Policy:History is off" : null;

    public override bool Matches(PolicyInput input)
    {
        var value = number(input);
        return !(value < atLeast) && !(value >= below);
    }

    public override string Actual(PolicyInput input) => number(input).ToString("0.###", CultureInfo.InvariantCulture);
}

internal sealed class SenderDomainIs(DomainPatterns domains) : Condition("sender-domain")
{
    public override bool Matches(PolicyInput input) => domains.Contains(input.SenderDomain);

    public override string Actual(PolicyInput input) => input.SenderDomain.Length == 0 ? "none" : input.SenderDomain;
}

internal sealed class SenderIs(AddressPatterns addresses) : Condition("sender")
{
    public override bool Matches(PolicyInput input) => addresses.Contains(input.Sender);

    public override string Actual(PolicyInput input) => $"<{input.Envelope.ReversePath}>";
}

internal sealed class RecipientIs(string key, AddressPatterns addresses, bool every) : Condition(key)
{
    public override bool Matches(PolicyInput input)
    {
        foreach (var recipient in input.Recipients)
        {
            if (addresses.Contains(recipient) != every)
            {
                return !every;
            }
        }

        return every;
    }

    public override string Actual(PolicyInput input) => string.Join(", ", input.Recipients.Take(5).Select(recipient => $"<{recipient.Text}>"));
}

internal sealed class ClientIs(NetworkSet networks) : Condition("client")
{
    public override bool Matches(PolicyInput input) => input.Client is { } client && networks.Contains(client);

    public override string Actual(PolicyInput input) => input.Connection.ClientAddress;
}

/// <summary>The argument of EHLO: a domain, an address literal, or neither.</summary>
internal sealed class HeloIs(DomainPatterns domains, bool literal, bool invalid) : Condition("helo")
{
    public const string Literal = "[literal]";
    public const string Invalid = "[invalid]";

    public override bool Matches(PolicyInput input)
    {
        var isLiteral = input.Connection.ClientName is ['[', .., ']'];
        return isLiteral ? literal : input.Helo.Length == 0 ? invalid : domains.Contains(input.Helo);
    }

    public override string Actual(PolicyInput input) => input.Connection.ClientName;
}

/// <summary>Bounds of a number; null for none.</summary>
internal readonly record struct NumberBounds(double? AtLeast, double? Below)
{
    /// <summary>False of a number that is not known.</summary>
    public bool Contains(int? number) => number is { } known && !(known < AtLeast) && !(known >= Below);
}

/// <summary>A DKIM signature with all of these properties; or none at all.</summary>
/// <param name="results">Null for any.</param>
/// <param name="domains">Null for any.</param>
/// <param name="aligned">Whether d= covers the judged domain; null for either.</param>
/// <param name="seen">How often it has come, each time for other recipients; null for any.</param>
/// <param name="rsaBits">Bits of its RSA key; null for any key. An Ed25519 key has no such bits, nor has a key that was not found.</param>
internal sealed class DkimIs(IReadOnlySet<string>? results, DomainPatterns? domains, bool? aligned, NumberBounds? seen = null, NumberBounds? rsaBits = null) : Condition("dkim")
{
    /// <summary>The word for a message without a signature.</summary>
    public const string None = "none";

    public override string? Unanswerable(MailkeyOptions options) =>
        seen is not null && options.Dkim.SeenEntries == 0 ? "asks how often a DKIM signature was seen, and Mailkey:Dkim:SeenEntries is 0" : null;

    public override bool Matches(PolicyInput input)
    {
        var signatures = input.Evidence.Dkim;
        if (signatures.Count == 0)
        {
            return domains is null && aligned is null && seen is null && rsaBits is null && results is not null && results.Contains(None);
        }

        foreach (var signature in signatures)
        {
            if (results?.Contains(signature.Result) is not false
                && domains?.Contains(signature.Domain) is not false
                && (aligned is null || aligned == IsAligned(signature, input.SenderDomain))
                && seen?.Contains(signature.Seen) is not false
                && rsaBits?.Contains(IsRsa(signature) ? signature.KeyBits : null) is not false)
            {
                return true;
            }
        }

        return false;
    }

    public override string Actual(PolicyInput input) => input.Evidence.Dkim.Count == 0
        ? None
        : string.Join(", ", input.Evidence.Dkim.Select(signature => $"{signature.Result} of {signature.Domain} ({Properties(signature, input.SenderDomain)})"));

    private static string Properties(DkimEvidence signature, string domain) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(IsAligned(signature, domain) ? "aligned" : "not aligned")}{(IsRsa(signature) && signature.KeyBits is { } bits ? string.Create(CultureInfo.InvariantCulture, $", RSA of {bits} bits") : "")}{(signature.Seen is { } times ? string.Create(CultureInfo.InvariantCulture, $", seen {times} times") : "")}");

    private static bool IsRsa(DkimEvidence signature) => signature.Algorithm?.StartsWith("rsa-", StringComparison.OrdinalIgnoreCase) is true;

    private static bool IsAligned(DkimEvidence signature, string domain) =>
        domain.Length > 0 && signature.Domain.Length > 0
        && (string.Equals(domain, signature.Domain, StringComparison.Ordinal) || Dns.DomainName.IsWithin(domain, signature.Domain));
}

/// <summary>An answer of a DNS blocklist.</summary>
/// <param name="codes">Null for any answer.</param>
internal sealed class BlocklistIs(string zone, string result, NetworkSet? codes) : Condition("blocklist")
{
    public override string? Unanswerable(MailkeyOptions options) =>
        options.Blocklists.Zones.Any(configured => Dns.DomainName.TryNormalize(configured.Name, out var name) && name == zone)
            ? null
            : $"asks for the blocklist {zone}, which is not among Mailkey:Blocklists:Zones";

    public override bool Matches(PolicyInput input)
    {
        foreach (var answer in input.Evidence.Blocklists)
        {
            if (string.Equals(answer.Zone.TrimEnd('.'), zone, StringComparison.OrdinalIgnoreCase)
                && answer.Result == result
                && (codes is null || answer.Codes.Any(code => System.Net.IPAddress.TryParse(code, out var address) && codes.Contains(AddressPrefix.Of(address)))))
            {
                return true;
            }
        }

        return false;
    }

    public override string Actual(PolicyInput input) => input.Evidence.Blocklists.Count == 0
        ? "no answers"
        : string.Join(", ", input.Evidence.Blocklists.Select(answer => $"{answer.Zone} {answer.Result}{(answer.Codes.Count > 0 ? " " + string.Join(' ', answer.Codes) : "")}"));
}
