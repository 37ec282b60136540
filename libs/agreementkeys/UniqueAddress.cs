using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Dns;
using Mailkey.Smtp;

namespace Mailkey.Agreements.Keys;

/// <summary>
/// An address made for one forwarder alone: <c>&lt;user&gt;-&lt;token&gt;@&lt;domain&gt;</c>. The user part is there for people who read logs;
/// a user part that leaves no room for the token is cut.
/// </summary>
public sealed class UniqueAddress : IEquatable<UniqueAddress>
{
    /// <summary>Octets that are left for the user part in a local part of 64 (RFC 5321 §4.5.3.1.1).</summary>
    public const int MaxUserLength = Mailbox.MaxLocalPartLength - OpaqueToken.Length - 1;

    private readonly string _text;

    private UniqueAddress(string user, OpaqueToken token, string domain)
    {
        (User, Token, Domain) = (user, token, domain);
        _text = $"{user}-{token}@{domain}";
    }

    /// <summary>The user part, in lower case.</summary>
    public string User { get; }

    public OpaqueToken Token { get; }

    /// <summary>The domain in its normal form.</summary>
    public string Domain { get; }

    /// <summary>Makes a new address for a recipient.</summary>
    /// <exception cref="ArgumentException">No mailbox of a domain, or one with a quoted local part, which nobody could tell from an address with a token.</exception>
    public static UniqueAddress Mint(string recipient)
    {
        if (!Mailbox.TryParse(recipient, out var mailbox, out _) || mailbox!.IsAddressLiteral || mailbox.HasQuotedLocalPart)
        {
            throw new ArgumentException($"\"{recipient}\" cannot get an address of its own.", nameof(recipient));
        }

        return new(Cut(mailbox.LocalPart.ToLowerInvariant()), OpaqueToken.Mint(TokenPurpose.Address), mailbox.AsciiDomain);
    }

    /// <summary>Reads an address in any case.</summary>
    /// <returns>False for whatever is no such address; most mailboxes are none.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, [NotNullWhen(true)] out UniqueAddress? address)
    {
        address = null;
        var at = text.LastIndexOf((byte)'@');

        // The shortest: one octet for the user, the hyphen, the token.
        if (text.Length > Mailbox.MaxLength || at is < OpaqueToken.Length + 2 or > Mailbox.MaxLocalPartLength || text[0] == (byte)'"')
        {
            return false;
        }

        var dash = at - OpaqueToken.Length - 1;
        if (text[dash] != (byte)'-' || !OpaqueToken.TryParse(text[(dash + 1)..at], TokenPurpose.Address, out var token)
            || !Mailbox.TryParse(text, out var mailbox, out _) || !DomainName.TryNormalize(mailbox!.AsciiDomain, out var domain))
        {
            return false;
        }

        address = new(Encoding.UTF8.GetString(text[..dash]).ToLowerInvariant(), token, domain);
        return true;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out UniqueAddress)"/>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out UniqueAddress? address)
    {
        address = null;
        return text is { Length: <= Mailbox.MaxLength } && TryParse(Encoding.UTF8.GetBytes(text), out address);
    }

    /// <summary>Whether it was made for this recipient.</summary>
    public bool IsFor(string recipient) =>
        Mailbox.TryParse(recipient, out var mailbox, out _) && mailbox!.AsciiDomain == Domain && Cut(mailbox.LocalPart.ToLowerInvariant()) == User;

    /// <summary>Compares in a time that depends on the lengths only.</summary>
    public bool Equals(UniqueAddress? other) =>
        other is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(_text), Encoding.UTF8.GetBytes(other._text));

    public override bool Equals(object? obj) => Equals(obj as UniqueAddress);

    public override int GetHashCode() => Token.GetHashCode();

    public override string ToString() => _text;

    // Whole characters only, and no dot at the end: "a.-token" is fine as an atom, yet looks like a mistake.
    private static string Cut(string user)
    {
        var length = 0;
        var octets = 0;
        foreach (var rune in user.EnumerateRunes())
        {
            if ((octets += rune.Utf8SequenceLength) > MaxUserLength)
            {
                return user[..length].TrimEnd('.');
            }

            length += rune.Utf16SequenceLength;
        }

        return user;
    }
}
