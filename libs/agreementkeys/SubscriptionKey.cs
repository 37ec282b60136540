using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Dns;
using Mailkey.Smtp;

namespace Mailkey.Agreements.Keys;

/// <summary>
/// What there is exactly one agreement for: this recipient gets that subscription from that forwarder. At the forwarder it names the recipe.
/// </summary>
public sealed record SubscriptionKey
{
    /// <summary>Characters of a subscription: a List-Id has 255 at most (RFC 2919 §3), and a recipe's name needs no more.</summary>
    public const int MaxSubscriptionLength = 255;

    private SubscriptionKey(string forwarder, string recipient, string subscription) => (Forwarder, Recipient, Subscription) = (forwarder, recipient, subscription);

    /// <summary>The forwarder's domain in its normal form.</summary>
    public string Forwarder { get; }

    /// <summary>The recipient in lower case, its domain in the normal form.</summary>
    public string Recipient { get; }

    /// <summary>The List-Id or the recipe's name, in lower case: List-Ids compare without regard to case (RFC 2919 §6).</summary>
    public string Subscription { get; }

    /// <summary>A stream name that follows from the key: whoever creates it first has the key.</summary>
    public string StreamId => $"subscription-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ToString())))}";

    /// <summary>Brings the three parts into their normal forms.</summary>
    /// <param name="error">Which part is wrong: <c>forwarder</c>, <c>recipient</c> or <c>subscription</c>.</param>
    public static bool TryCreate(string? forwarder, string? recipient, string? subscription, [NotNullWhen(true)] out SubscriptionKey? key, [NotNullWhen(false)] out string? error)
    {
        key = null;
        error = !DomainName.TryNormalize(forwarder, out var domain) || !domain.Contains('.', StringComparison.Ordinal) ? "forwarder" : null;
        if (error is null)
        {
            var isMailbox = Mailbox.TryParse(recipient ?? "", out var mailbox, out _) && !mailbox!.IsAddressLiteral && !mailbox.HasQuotedLocalPart;
            error = !isMailbox ? "recipient" : subscription is null || !IsSubscription(subscription) ? "subscription" : null;
            if (error is null)
            {
                key = new(domain!, $"{mailbox!.LocalPart.Normalize().ToLowerInvariant()}@{mailbox.AsciiDomain}", subscription!.ToLowerInvariant());
            }
        }

        return key is not null;
    }

    /// <summary>The three parts with tabs between, which none of them contains.</summary>
    public override string ToString() => $"{Forwarder}\t{Recipient}\t{Subscription}";

    // Visible ASCII without blanks: what fits between the angle brackets of a List-Id, and into one ESMTP value as xtext.
    private static bool IsSubscription(string text) =>
        text.Length is > 0 and <= MaxSubscriptionLength && !text.AsSpan().ContainsAnyExceptInRange('!', '~') && !text.AsSpan().ContainsAny('<', '>');
}
