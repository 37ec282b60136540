using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Globalization;
using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;

namespace Mailkey.Authentication.Dkim;

/// <summary>One key record of DKIM (RFC 6376 §3.6.1, RFC 8463 §4), as it stands in TXT at <c>selector._domainkey.domain</c>.</summary>
public sealed record DkimKeyRecord
{
    /// <summary>Longest text of a record: an RSA key of 4096 bits takes 740 characters, notes some more.</summary>
    public const int MaxLength = 4096;

    private const string RsaEncryption = "1.2.840.113549.1.1.1";

    /// <summary>k=; RSA without one.</summary>
    public required KeyType Type { get; init; }

    /// <summary>p=: 32 raw octets of Ed25519, or SubjectPublicKeyInfo of RSA; empty when the key is revoked.</summary>
    public ReadOnlyMemory<byte> Material { get; init; }

    public bool IsRevoked => Material.IsEmpty;

    /// <summary>t=y: the domain tests DKIM, and its mail is to be treated as if it was not signed.</summary>
    public bool IsTest { get; init; }

    /// <summary>t=s: the domain of i= must be d= itself.</summary>
    public bool ForbidsSubdomains { get; init; }

    /// <summary>Whether h= is absent or lists sha256, the only hash that RFC 8301 leaves.</summary>
    public bool AllowsSha256 { get; init; } = true;

    /// <summary>Whether s= is absent or lists email or everything.</summary>
    public bool IsForEmail { get; init; } = true;

    /// <summary>The name that is asked for a key (RFC 6376 §3.6.2.1).</summary>
    public static string NameOf(string selector, string domain) => $"{selector}._domainkey.{domain}";

    /// <summary>The text of the record that publishes a key.</summary>
    public static string ToTxt(KeyType type, ReadOnlySpan<byte> publicKey, bool test = false) => string.Create(
        CultureInfo.InvariantCulture, $"v=DKIM1; k={(type == KeyType.Rsa ? "rsa" : "ed25519")};{(test ? " t=y;" : "")} p={Convert.ToBase64String(publicKey)}");

    /// <summary>Reads the joined strings of a TXT record. Total, linear, and without arithmetic on the key.</summary>
    /// <param name="error">One ASCII phrase.</param>
    public static bool TryParse(ReadOnlySpan<byte> text, [NotNullWhen(true)] out DkimKeyRecord? record, [NotNullWhen(false)] out string? error)
    {
        record = null;
        if (text.Length > MaxLength)
        {
            error = "longer than 4096 octets";
            return false;
        }

        if (!TagList.TryParse(text, out var tags, out var syntax))
        {
            error = syntax.ToString();
            return false;
        }

        // RFC 6376 §3.6.1: v= stands first where it stands at all, and a record of another version MUST be discarded.
        for (var i = 0; i < tags.Count; i++)
        {
            if (tags[i].Name.SequenceEqual("v"u8) && (i > 0 || !tags[i].Value.SequenceEqual("DKIM1"u8)))
            {
                error = "v= is not DKIM1 or does not stand first";
                return false;
            }
        }

        var type = KeyType.Rsa;
        if (tags.TryGet("k"u8, out var k) && !k.Value.SequenceEqual("rsa"u8))
        {
            if (!k.Value.SequenceEqual("ed25519"u8))
            {
                error = "k= is not known";
                return false;
            }

            type = KeyType.Ed25519;
        }

        if (!tags.TryGet("p"u8, out var p) || !TagList.TryDecodeBase64(p.Value, out var material))
        {
            error = "p= has to be there, empty or base64";
            return false;
        }

        // RFC 8463 §4.2: the raw key, in no wrapping.
        if (type == KeyType.Ed25519 && material.Length is not (0 or Ed25519PublicKey.Length))
        {
            error = "an Ed25519 key has 32 octets";
            return false;
        }

        error = null;
        record = new()
        {
            Type = type,
            Material = type == KeyType.Rsa ? ToSubjectPublicKeyInfo(material) : material,
            IsTest = Lists(tags.ValueOf("t"u8), "y"u8),
            ForbidsSubdomains = Lists(tags.ValueOf("t"u8), "s"u8),
            AllowsSha256 = !tags.TryGet("h"u8, out var h) || Lists(h.Value, "sha256"u8),
            IsForEmail = !tags.TryGet("s"u8, out var s) || Lists(s.Value, "*"u8) || Lists(s.Value, "email"u8),
        };
        return true;
    }

    // RFC 6376 §3.6.1 has the text of RSAPublicKey, while its examples and nearly everybody publish SubjectPublicKeyInfo. Both are taken.
    private static byte[] ToSubjectPublicKeyInfo(byte[] material)
    {
        if (material.Length == 0)
        {
            return material;
        }

        try
        {
            var key = new AsnReader(material, AsnEncodingRules.DER).ReadSequence();
            if (key.PeekTag() != Asn1Tag.Integer)
            {
                return material;
            }
        }
        catch (AsnContentException)
        {
            return material; // whoever imports it says what is wrong
        }

        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(RsaEncryption);
                writer.WriteNull();
            }

            writer.WriteBitString(material);
        }

        return writer.Encode();
    }

    // Words separated by colons; unknown ones are ignored.
    private static bool Lists(ReadOnlySpan<byte> list, ReadOnlySpan<byte> word)
    {
        foreach (var range in list.Split((byte)':'))
        {
            if (list[range].Trim(" \t\r\n"u8).SequenceEqual(word))
            {
                return true;
            }
        }

        return false;
    }
}
