using System.Diagnostics.CodeAnalysis;
using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Dns;

namespace Mailkey.Authentication.Keys;

/// <summary>What a TXT record turned out to be.</summary>
public enum KeyRecordKind
{
    /// <summary>Does not begin with <c>v=MAILKEY1</c>: it belongs to something else.</summary>
    NotOurs,

    /// <summary>One of ours, but its key can't be used.</summary>
    Malformed,

    /// <summary>A key.</summary>
    Key,
}

/// <summary>
/// One TXT record of a key set: <c>v=MAILKEY1; k=ed25519; s=2026a; p=…; [t=y]; [n=note]; [r=https url]; [d=domain]</c>.
/// </summary>
public sealed record KeyRecord
{
    /// <summary>Longest text of a record: an RSA key of 4096 bits takes 740 characters.</summary>
    public const int MaxLength = 4096;

    /// <summary>Longest key name: it has the syntax of a label in lower case.</summary>
    public const int MaxNameLength = 63;

    private const int MaxNote = 200;
    private const int MaxUrl = 500;

    public required KeyRecordKind Kind { get; init; }

    /// <summary>Set exactly when the kind is <see cref="KeyRecordKind.Key"/>.</summary>
    public PublishedKey? Key { get; init; }

    /// <summary>The domain whose key this is, in normal form; null when the record does not say.</summary>
    public string? Domain { get; init; }

    /// <summary>Where reports are wanted.</summary>
    public string? ReportUrl { get; init; }

    /// <summary>What is wrong; one ASCII line, empty when nothing is.</summary>
    public string Problem { get; init; } = "";

    /// <summary>Reads the joined strings of a TXT record.</summary>
    public static KeyRecord Parse(ReadOnlySpan<byte> text)
    {
        if (!IsOurs(text))
        {
            return new() { Kind = KeyRecordKind.NotOurs };
        }

        if (text.Length > MaxLength)
        {
            return Malformed("longer than 4096 octets");
        }

        if (!TagList.TryParse(text, out var tags, out var error))
        {
            return Malformed(error.ToString());
        }

        string? domain = null;
        if (tags.TryGet("d"u8, out var d) && !DomainName.TryNormalize(Encoding.UTF8.GetString(d.Value), out domain))
        {
            return Malformed("d= is no domain name");
        }

        if (!TryReadName(tags.ValueOf("s"u8), out var name))
        {
            return Malformed("s= has to be 1 to 63 of a-z 0-9 and hyphen") with { Domain = domain };
        }

        var read = new KeyRecord { Kind = KeyRecordKind.Malformed, Domain = domain };
        var type = tags.ValueOf("k"u8);
        var isEd25519 = type.SequenceEqual("ed25519"u8);
        if (!isEd25519 && !type.SequenceEqual("rsa"u8))
        {
            return read with { Problem = $"key {name}: k= has to be ed25519 or rsa" };
        }

        if (!tags.TryGet("p"u8, out var p) || !TagList.TryDecodeBase64(p.Value, out var material))
        {
            return read with { Problem = $"key {name}: p= has to be there, empty or base64" };
        }

        var key = new PublishedKey
        {
            Name = name,
            Type = isEd25519 ? KeyType.Ed25519 : KeyType.Rsa,
            Status = material.Length == 0 ? KeyStatus.Revoked : KeyStatus.Active,
            Test = HasFlag(tags.ValueOf("t"u8), "y"u8),
            Note = tags.TryGet("n"u8, out var note) ? PlainText.From(Encoding.UTF8.GetString(note.Value), MaxNote) : null,
            Material = material,
        };
        if (!IsUsable(key, out var problem))
        {
            return read with { Problem = problem };
        }

        return read with
        {
            Kind = KeyRecordKind.Key,
            Key = key,
            ReportUrl = tags.TryGet("r"u8, out var url) && TryReadReportUrl(Encoding.UTF8.GetString(url.Value), out var report) ? report : null,
            Problem = url.Value.Length > 0 && !TryReadReportUrl(Encoding.UTF8.GetString(url.Value), out _) ? $"key {name}: r= is no https URL" : "",
        };
    }

    /// <summary>Whether the material of an active key can be imported; the rules of sizes are those of <see cref="VerifyKey"/>.</summary>
    internal static bool IsUsable(PublishedKey key, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        if (key.Status == KeyStatus.Revoked || VerifyKey.TryImport(key.Type, key.Material.Span, out _, out var error))
        {
            return true;
        }

        problem = $"key {key.Name}: {error}";
        return false;
    }

    internal static bool TryReadName(ReadOnlySpan<byte> value, [NotNullWhen(true)] out string? name)
    {
        name = null;
        if (value.Length is 0 or > MaxNameLength)
        {
            return false;
        }

        foreach (var octet in value)
        {
            if (!char.IsAsciiLetterLower((char)octet) && !char.IsAsciiDigit((char)octet) && octet != '-')
            {
                return false;
            }
        }

        name = Encoding.ASCII.GetString(value);
        return true;
    }

    internal static bool TryReadReportUrl(string? text, [NotNullWhen(true)] out string? url)
    {
        url = null;
        if (text is null || text.Length > MaxUrl || !Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttps || uri.UserInfo.Length > 0)
        {
            return false;
        }

        url = uri.AbsoluteUri;
        return true;
    }

    private static KeyRecord Malformed(string problem) => new() { Kind = KeyRecordKind.Malformed, Problem = problem };

    /// <summary>Whether a text begins with the version; said apart from the whole, so that a damaged record of ours is reported and one of others is not.</summary>
    internal static bool IsOurs(ReadOnlySpan<byte> text)
    {
        text = text.TrimStart(" \t"u8);
        if (text.IsEmpty || text[0] != 'v')
        {
            return false;
        }

        text = text[1..].TrimStart(" \t"u8);
        if (text.IsEmpty || text[0] != '=')
        {
            return false;
        }

        text = text[1..].TrimStart(" \t"u8);
        if (!text.StartsWith("MAILKEY1"u8))
        {
            return false;
        }

        text = text[8..].TrimStart(" \t"u8);
        return text.IsEmpty || text[0] == ';';
    }

    // RFC 6376 §3.6.1: flags are separated by colons; unknown ones are ignored.
    private static bool HasFlag(ReadOnlySpan<byte> flags, ReadOnlySpan<byte> flag)
    {
        foreach (var range in flags.Split((byte)':'))
        {
            if (flags[range].Trim(" \t"u8).SequenceEqual(flag))
            {
                return true;
            }
        }

        return false;
    }
}
