using System.Buffers.Binary;
using System.Text;

namespace Mailkey.Smtp;

/// <summary>The commands that a server tells apart.</summary>
public enum Verb
{
    /// <summary>Nothing that SMTP knows.</summary>
    Unknown,
    Ehlo,
    Helo,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
    StartTls,
    Auth,

    /// <summary>A command of SMTP that this server does not offer: EXPN, TURN, ETRN, SEND, SOML, SAML, LHLO.</summary>
    NotImplemented,

    /// <summary>The first word of another protocol, sent here by a browser or a proxy that somebody tricked: GET, POST and so on.</summary>
    OtherProtocol,
}

/// <summary>A command line taken apart (RFC 5321 §2.4, §4.1.1).</summary>
public static class CommandLine
{
    /// <summary>Octets of a command line with its CRLF (RFC 5321 §4.5.3.1.4).</summary>
    public const int MaxLength = 512;

    /// <summary>
    /// Octets of a MAIL or RCPT line. RFC 3461 §4 lets DSN make them as long as 1036; SIZE, BODY and SMTPUTF8 add 26, 17
    /// and 10 (RFC 1870 §3, RFC 6152 §2, RFC 6531 §3.1); the rest is room for blanks.
    /// </summary>
    public const int MaxExtendedLength = 2048;

    /// <summary>Splits a line into its verb and what follows the blank, without blanks at the end.</summary>
    /// <param name="line">The line without its CRLF.</param>
    /// <param name="arguments">What follows the verb.</param>
    public static Verb Split(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> arguments)
    {
        // RFC 5321 §4.1.1: "receivers SHOULD tolerate trailing white space before the terminating <CRLF>".
        line = line.TrimEnd(" \t"u8);
        var space = line.IndexOf((byte)' ');
        var word = space < 0 ? line : line[..space];
        arguments = space < 0 ? default : line[(space + 1)..].TrimStart((byte)' ');
        return Recognize(word);
    }

    private static Verb Recognize(ReadOnlySpan<byte> word)
    {
        if (word.Length is < 3 or > 8)
        {
            return Verb.Unknown;
        }

        // Verbs are at most eight letters, and equal in any case (RFC 5321 §2.4): one word of the machine, upper case.
        Span<byte> upper = stackalloc byte[8];
        upper.Clear();
        if (Ascii.ToUpper(word, upper, out _) != System.Buffers.OperationStatus.Done)
        {
            return Verb.Unknown;
        }

        return BinaryPrimitives.ReadUInt64BigEndian(upper) switch
        {
            0x45484C4F_00000000 => Verb.Ehlo,
            0x48454C4F_00000000 => Verb.Helo,
            0x4D41494C_00000000 => Verb.Mail,
            0x52435054_00000000 => Verb.Rcpt,
            0x44415441_00000000 => Verb.Data,
            0x42444154_00000000 => Verb.Bdat,
            0x52534554_00000000 => Verb.Rset,
            0x4E4F4F50_00000000 => Verb.Noop,
            0x56524659_00000000 => Verb.Vrfy,
            0x48454C50_00000000 => Verb.Help,
            0x51554954_00000000 => Verb.Quit,
            0x41555448_00000000 => Verb.Auth,
            0x53544152_54544C53 => Verb.StartTls,
            _ => RecognizeOther(word),
        };
    }

    private static Verb RecognizeOther(ReadOnlySpan<byte> word)
    {
        foreach (var name in (ReadOnlySpan<string>)["EXPN", "TURN", "ETRN", "SEND", "SOML", "SAML", "LHLO"])
        {
            if (Ascii.EqualsIgnoreCase(word, name))
            {
                return Verb.NotImplemented;
            }
        }

        // The methods of HTTP that a page can make a browser send, and what proxies take.
        foreach (var name in (ReadOnlySpan<string>)["GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PATCH", "DELETE"])
        {
            if (Ascii.EqualsIgnoreCase(word, name))
            {
                return Verb.OtherProtocol;
            }
        }

        return Verb.Unknown;
    }
}
