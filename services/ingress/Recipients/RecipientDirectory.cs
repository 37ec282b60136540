using Mailkey.Smtp;

namespace Mailkey.Ingress.Recipients;

/// <summary>Answers from the hosted domains and their lists, and asks the next hop where a domain wants that.</summary>
internal sealed class RecipientDirectory(HostedDomains domains, CallOut callOut) : IRecipientDirectory
{
    private const string Postmaster = "postmaster";

    public ValueTask<RecipientAnswer> FindAsync(ForwardPath recipient, CancellationToken cancellationToken)
    {
        // RFC 5321 §4.5.1: the postmaster is always reachable, with each domain and without.
        if (recipient.IsPostmaster)
        {
            return new(RecipientAnswer.Exists);
        }

        var mailbox = recipient.Mailbox;
        if (mailbox.IsAddressLiteral || domains.Find(mailbox.AsciiDomain) is not { } domain || AsksToRelay(mailbox))
        {
            return new(RecipientAnswer.NotHosted);
        }

        if (string.Equals(mailbox.LocalPart, Postmaster, StringComparison.OrdinalIgnoreCase))
        {
            return new(RecipientAnswer.Exists);
        }

        if (domain.LocalParts is { } localParts && !localParts.Contains(mailbox.LocalPart) && !localParts.Contains(WithoutDetail(mailbox.LocalPart)))
        {
            return new(RecipientAnswer.Unknown);
        }

        return domain.CallOut is null ? new(RecipientAnswer.Exists) : callOut.AskAsync(domain.CallOut, mailbox, cancellationToken);
    }

    // user%far@here, "user@far"@here, far!user@here: a hosted domain in front of another address. Some host behind us could
    // still take it as a route, also when this domain takes any local part.
    private static bool AsksToRelay(Mailbox mailbox) => mailbox.LocalPart.AsSpan().ContainsAny('%', '@', '!');

    // RFC 5233 §1: user+detail is a mailbox of user.
    private static string WithoutDetail(string localPart) =>
        localPart.IndexOf('+', StringComparison.Ordinal) is var plus and > 0 ? localPart[..plus] : localPart;
}
