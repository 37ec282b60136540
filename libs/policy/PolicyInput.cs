using System.Globalization;
using System.Net;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Contracts.Journal;
using Mailkey.Dns;
using Mailkey.Networks;

namespace Mailkey.Policy;

/// <summary>
/// All that a decision may look at. It is what the journal keeps of every judged message and nothing else, so that each
/// decision can be made again later, under the same policy or under another one.
/// </summary>
public sealed class PolicyInput
{
    // Networks that one host or one customer has: RFC 6177 hands out /64 and more; greylisting has long gone by /24.
    private const int ClientPrefixIPv4 = 24;
    private const int ClientPrefixIPv6 = 64;

    private string? _helo;
    private AddressPrefix? _client;
    private RecipientAddress[]? _recipients;

    /// <param name="evidence">The verdict as far as it does not come from policy itself: mailkey, SPF, DKIM, blocklists, header, history.</param>
    /// <param name="size">Octets of the message without our trace fields.</param>
    /// <param name="receivedAt">When the message came; the time that greylisting and rate limits go by.</param>
    public PolicyInput(ConnectionFacts connection, Envelope envelope, Verdict evidence, long size, DateTimeOffset receivedAt)
    {
        Connection = connection;
        Envelope = envelope;
        Evidence = UnderAgreement(evidence);
        Size = size;
        ReceivedAt = receivedAt;
    }

    public ConnectionFacts Connection { get; }

    public Envelope Envelope { get; }

    /// <summary>The evidence as a forwarding agreement lets it weigh: what it skips is not there.</summary>
    public Verdict Evidence { get; }

    public long Size { get; }

    public DateTimeOffset ReceivedAt { get; }

    /// <summary>The judged domain, as lower-case A-labels; empty when there is none.</summary>
    public string SenderDomain => Evidence.Domain;

    /// <summary>The client's address; null when it is unreadable.</summary>
    internal AddressPrefix? Client => _client ??= IPAddress.TryParse(Connection.ClientAddress, out var address) ? AddressPrefix.Of(address) : null;

    /// <summary>
    /// What the client counts as where state is kept, such as <c>4:c0000200</c>; <c>?</c> when its address is unreadable. Stored keys are
    /// made of it, so it stays as it is.
    /// </summary>
    internal string ClientNetwork => Client is not { } client
        ? "?"
        : string.Create(CultureInfo.InvariantCulture, $"{(client.IsIPv4 ? 4 : 6)}:{client.Shortened(client.IsIPv4 ? ClientPrefixIPv4 : ClientPrefixIPv6).Bits:x}");

    /// <summary>The argument of EHLO as lower-case A-labels; empty when it is no domain name.</summary>
    internal string Helo => _helo ??= DomainName.TryNormalize(Connection.ClientName, out var ascii) ? ascii : "";

    internal IReadOnlyList<RecipientAddress> Recipients => _recipients ??= [.. Envelope.Recipients.Select(recipient => RecipientAddress.Of(recipient.ForwardPath))];

    internal RecipientAddress Sender => RecipientAddress.Of(Envelope.ReversePath);

    private static Verdict UnderAgreement(Verdict evidence)
    {
        if (evidence.Agreement is not { Result: "pass" } agreement)
        {
            return evidence;
        }

        return agreement.Skipped.Contains(AgreementEvidence.Spf) ? evidence with { Spf = null }
            : agreement.Skipped.Contains(AgreementEvidence.SpfOfSender) ? evidence with { Spf = agreement.ForwarderSpf }
            : evidence;
    }

    /// <summary>The input of a message that was accepted; null when no verifier had judged it.</summary>
    public static PolicyInput? From(AcceptedForDelivery accepted) =>
        accepted.Verdict is { } verdict ? new(accepted.Connection, accepted.Envelope, verdict, verdict.Size ?? accepted.Size, accepted.ReceivedAt) : null;

    /// <summary>The input of a transaction that was refused; null when no verifier had judged it.</summary>
    /// <param name="at">Time of the event, for those that don't say when the message came.</param>
    public static PolicyInput? From(TransactionRefused refused, DateTimeOffset at) =>
        refused.Verdict is { } verdict ? new(refused.Connection, refused.Envelope, verdict, verdict.Size ?? refused.Size, refused.ReceivedAt ?? at) : null;

    /// <summary>The same message with what is known about its sender.</summary>
    public PolicyInput With(SenderHistory? history) => new(Connection, Envelope, Evidence with { History = history }, Size, ReceivedAt);
}

/// <summary>An address of the envelope in the form in which rules compare it.</summary>
/// <param name="Text">Local part in lower case and without quotes, and the domain as lower-case A-labels; what can't be read stays as it is, in lower case.</param>
/// <param name="Domain">Empty when there is none.</param>
internal readonly record struct RecipientAddress(string Text, string Domain)
{
    // Local parts are compared without case, against RFC 5321 §2.4: a rule that a forger escapes by a capital letter is none.
    public static RecipientAddress Of(string path)
    {
        var at = path.LastIndexOf('@');
        return at >= 0 && DomainName.TryNormalize(path.AsSpan(at + 1), out var domain)
            ? new($"{Unquoted(path[..at]).ToLowerInvariant()}@{domain}", domain)
            : new(path.ToLowerInvariant(), "");
    }

    // RFC 5321 §4.1.2: "bob", "b\ob" and bob name one mailbox. Nor is a rule one that is escaped by quotes.
    private static string Unquoted(string localPart)
    {
        if (localPart is not ['"', .. var content, '"'])
        {
            return localPart;
        }

        if (!content.Contains('\\', StringComparison.Ordinal))
        {
            return content;
        }

        var text = new System.Text.StringBuilder(content.Length);
        for (var i = 0; i < content.Length; i++)
        {
            text.Append(content[i] == '\\' && i + 1 < content.Length ? content[++i] : content[i]);
        }

        return text.ToString();
    }
}
