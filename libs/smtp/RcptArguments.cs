using System.Text;

namespace Mailkey.Smtp;

/// <summary>The arguments of RCPT (RFC 5321 §4.1.1.3) with the parameters of RFC 3461.</summary>
public readonly record struct RcptArguments
{
    /// <summary>Octets of an original recipient with its type (RFC 3461 §4.2).</summary>
    public const int MaxOriginalRecipientLength = 500;

    public required ForwardPath ForwardPath { get; init; }

    /// <summary>NOTIFY in upper case: <c>NEVER</c>, or one to three of <c>SUCCESS,FAILURE,DELAY</c>; null when not given.</summary>
    public string? Notify { get; init; }

    /// <summary>ORCPT, still <c>addr-type;xtext</c>; null when not given.</summary>
    public string? OriginalRecipient { get; init; }

    /// <summary>Reads what follows the verb.</summary>
    /// <param name="text">Such as <c>TO:&lt;user@example.org&gt; NOTIFY=NEVER</c>.</param>
    /// <param name="isExtended">Whether the client said EHLO: without it no parameter was offered.</param>
    /// <param name="smtpUtf8">Whether MAIL carried SMTPUTF8.</param>
    /// <param name="arguments">The arguments.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryParse(ReadOnlySpan<byte> text, bool isExtended, bool smtpUtf8, out RcptArguments arguments, out ArgumentError error)
    {
        // rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF
        arguments = default;
        var position = 0;
        if (!PathParser.TryRead(text, "TO"u8, ref position, out var mailbox, out var content, out error))
        {
            return false;
        }

        if (mailbox is null && content.IsEmpty)
        {
            error = new(ArgumentFault.Address, position, "mailbox expected");
            return false;
        }

        var parsed = new RcptArguments { ForwardPath = mailbox is null ? ForwardPath.Postmaster(content) : ForwardPath.Of(mailbox) };
        var reader = new ParameterReader(text, position);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryRead(out var keyword, out var value, out _))
            {
                error = new(ArgumentFault.Syntax, reader.Position, "parameter expected");
                return false;
            }

            if (!isExtended)
            {
                error = new(ArgumentFault.UnknownParameter, reader.Position, "parameters were not offered");
                return false;
            }

            var fault = parsed.Take(keyword, value, smtpUtf8, out parsed);
            if (fault != ArgumentFault.None)
            {
                error = new(fault, reader.Position, "parameter not acceptable");
                return false;
            }
        }

        if (!smtpUtf8 && mailbox?.IsInternationalized == true)
        {
            error = new(ArgumentFault.NeedsSmtpUtf8, 0, "SMTPUTF8 expected");
            return false;
        }

        arguments = parsed;
        return true;
    }

    private ArgumentFault Take(ReadOnlySpan<byte> keyword, ReadOnlySpan<byte> value, bool smtpUtf8, out RcptArguments taken)
    {
        taken = this;
        if (ParameterReader.Is(keyword, "NOTIFY"u8))
        {
            if (Notify is not null || ReadNotify(value) is not { } notify)
            {
                return ArgumentFault.Parameter;
            }

            taken = this with { Notify = notify };
        }
        else if (ParameterReader.Is(keyword, "ORCPT"u8))
        {
            if (OriginalRecipient is not null || !IsOriginalRecipient(value, smtpUtf8))
            {
                return ArgumentFault.Parameter;
            }

            taken = this with { OriginalRecipient = Encoding.UTF8.GetString(value) };
        }
        else
        {
            return ArgumentFault.UnknownParameter;
        }

        return ArgumentFault.None;
    }

    // notify-esmtp-value = "NEVER" / 1#notify-list-element; notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"
    private static string? ReadNotify(ReadOnlySpan<byte> value)
    {
        if (Ascii.EqualsIgnoreCase(value, "NEVER"u8))
        {
            return "NEVER";
        }

        bool success = false, failure = false, delay = false;
        foreach (var range in value.Split((byte)','))
        {
            var element = value[range];
            var isKnown = Note(element, "SUCCESS"u8, ref success) || Note(element, "FAILURE"u8, ref failure) || Note(element, "DELAY"u8, ref delay);
            if (!isKnown)
            {
                return null;
            }
        }

        return (success, failure, delay) switch
        {
            (true, false, false) => "SUCCESS",
            (false, true, false) => "FAILURE",
            (false, false, true) => "DELAY",
            (true, true, false) => "SUCCESS,FAILURE",
            (true, false, true) => "SUCCESS,DELAY",
            (false, true, true) => "FAILURE,DELAY",
            (true, true, true) => "SUCCESS,FAILURE,DELAY",
            _ => null,
        };
    }

    private static bool Note(ReadOnlySpan<byte> element, ReadOnlySpan<byte> name, ref bool seen)
    {
        if (!Ascii.EqualsIgnoreCase(element, name))
        {
            return false;
        }

        seen = true;
        return true;
    }

    // original-recipient-address = addr-type ";" xtext; RFC 6533 §3 adds the type utf-8, as UTF-8 where SMTPUTF8 is in use.
    private static bool IsOriginalRecipient(ReadOnlySpan<byte> value, bool smtpUtf8)
    {
        var semicolon = value.IndexOf((byte)';');
        if (value.Length > MaxOriginalRecipientLength || semicolon <= 0 || semicolon == value.Length - 1)
        {
            return false;
        }

        var type = value[..semicolon];
        foreach (var octet in type)
        {
            if (!char.IsAsciiLetterOrDigit((char)octet) && octet != (byte)'-')
            {
                return false;
            }
        }

        // UTF-8 was checked with the parameter; what is left of it for xtext is its ASCII.
        var address = value[(semicolon + 1)..];
        return Ascii.IsValid(address)
            ? ParameterReader.IsPrintableXtext(address)
            : smtpUtf8 && Ascii.EqualsIgnoreCase(type, "utf-8"u8) && !address.ContainsAny((byte)'+', (byte)'=');
    }
}
