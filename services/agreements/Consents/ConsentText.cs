using System.Globalization;
using Mailkey.Agreements.Agreements;

namespace Mailkey.Agreements.Consents;

/// <summary>
/// The question to a user, word for word: the same text stands in the mail, on the page and in the history. It follows from the agreement
/// alone, so that whoever asks twice asks the same question.
/// </summary>
public static class ConsentText
{
    private const long Mebibyte = 1 << 20;

    /// <summary>The question, its lines separated by U+000A; short enough for <see cref="Consent.MaxTextLength"/>.</summary>
    /// <param name="state">The agreement.</param>
    /// <param name="version">The terms that are asked about.</param>
    /// <param name="round">0 for the first question, 1 for the first reminder.</param>
    public static string Of(AgreementState state, int version, int round)
    {
        ArgumentNullException.ThrowIfNull(state);
        var terms = state.Versions[version - 1].Terms;
        var forwarder = ShownName.OfDomain(state.Forwarder);
        var isChange = state.Consents.Count > 0;
        List<string> lines = [];
        if (round > 0)
        {
            lines.Add(round == 1 ? "You were asked this before; this is a reminder." : $"You were asked this before; this is reminder {round.ToString(CultureInfo.InvariantCulture)}.");
        }

        lines.Add(isChange
            ? $"{forwarder} forwards mail to {state.Recipient}, and wants to do so on other terms. Do you agree?"
            : $"{forwarder} wants to forward mail to {state.Recipient}. Do you want that?");
        lines.Add("");
        lines.Add($"What it is: {CategoryOf(state.Category)}.");
        lines.Add($"What {state.Forwarder} calls it: {ShownName.Quoted(state.Subscription)}{(state.DisplayName is { } name ? $", {ShownName.Quoted(name)}" : "")}. Nobody has checked these words.");
        lines.Add("");
        lines.Add($"If you say yes, for mail that {state.Forwarder} sends under this agreement:");
        lines.AddRange(Effects(terms));
        lines.Add("At first there is a probation with every check and fewer messages.");
        lines.Add("");
        lines.Add("You can say no, and you can end it at any time. If you do nothing, nothing changes.");
        return string.Join('\n', lines);
    }

    private static string CategoryOf(string category) => category switch
    {
        "dot-forward" => "mail of another mailbox, forwarded to you",
        "alias" => "mail to another address, which is forwarded to you",
        "mailing-list" => "a mailing list",
        "newsletter" => "a newsletter",
        "backup-mx" => "mail that another server takes while yours is away",
        _ => $"{category} (its own word)",
    };

    // What would be left out comes first: it is what the question is about.
    private static IEnumerable<string> Effects(Terms terms)
    {
        yield return terms.Dnsbl switch
        {
            DnsblTerm.Skip => "- blocklists are not asked;",
            DnsblTerm.SkipZones => $"- these blocklists are not asked: {string.Join(", ", (terms.DnsblZones ?? []).Take(3))}{(terms.DnsblZones?.Count > 3 ? " and others" : "")};",
            _ => "- blocklists are asked as for all mail;",
        };
        yield return terms.Spf switch
        {
            SpfTerm.Ignore => "- SPF does not refuse it;",
            SpfTerm.ForwarderDomain => "- SPF is checked for the one that forwards instead of the sender;",
            _ => "- SPF is checked as for all mail;",
        };
        yield return terms.Mailkey == MailkeyTerm.IgnoreRecipientBinding
            ? "- a sender's signature may name another recipient, as it does in forwarded mail;"
            : "- a sender's signature must name you;";
        if (terms.Feedback is { Format: not FeedbackFormat.Off, Address: { } address })
        {
            yield return $"- what you report as unwanted is told to {ShownName.Quoted(address)};";
        }

        if (terms.Expires is { } end)
        {
            yield return $"- it ends on {end.ToUniversalTime().ToString("d MMMM yyyy", CultureInfo.InvariantCulture)} (UTC);";
        }

        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"- up to {terms.Rate} messages a day of at most {(terms.Size >= Mebibyte ? $"{terms.Size / Mebibyte} MiB" : $"{terms.Size} octets")} are taken.");
    }
}
