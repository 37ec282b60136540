using System.Security.Cryptography;
using System.Text;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Agreements;

/// <summary>The proof that a user wants it. It stays in the history, whatever becomes of the agreement.</summary>
public sealed record Consent
{
    /// <summary>Characters of the text that was shown.</summary>
    public const int MaxTextLength = 4000;

    /// <summary>Characters of each other part.</summary>
    public const int MaxPartLength = 320;

    /// <summary>The account.</summary>
    public required string Who { get; init; }

    public required DateTimeOffset When { get; init; }

    public required ConsentMeans How { get; init; }

    /// <summary>From where: an IP address, or the path of a message.</summary>
    public required string From { get; init; }

    /// <summary>The text that was shown, word for word.</summary>
    public required string Text { get; init; }

    /// <summary>SHA-256 of the text in UTF-8, in hexadecimal.</summary>
    public required string TextHash { get; init; }

    /// <summary>The hash of a text.</summary>
    public static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}

/// <summary>How a consent was given, as the one who received it says; the decider adds who, when and the hash.</summary>
/// <param name="Text">The text that was shown, word for word.</param>
public sealed record ConsentAnswer(ConsentMeans How, string From, string Text)
{
    /// <summary>The proof; null when a part is missing or beyond its limits.</summary>
    public Consent? By(string who, DateTimeOffset when) =>
        Enum.IsDefined(How) && SingleLine.IsAcceptable(From, Consent.MaxPartLength) && SingleLine.IsAcceptableText(Text, Consent.MaxTextLength)
            ? new() { Who = who, When = when.ToUniversalTime(), How = How, From = From, Text = Text, TextHash = Consent.HashOf(Text) }
            : null;
}

/// <summary>What a forwarder says about a consent that it got itself.</summary>
public sealed record ConsentEvidence(DateTimeOffset When, string From, string Text);
