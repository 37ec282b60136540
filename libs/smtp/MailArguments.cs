using System.Buffers.Text;
using System.Text;

namespace Mailkey.Smtp;

/// <summary>What a server offers beyond what each of ours does.</summary>
/// <param name="AgreementKeyword">Name of the parameter that names a forwarding agreement; null: not offered.</param>
/// <param name="Auth">Whether AUTH was offered: then MAIL takes the parameter of that name (RFC 4954 §5).</param>
public readonly record struct MailExtensions(string? AgreementKeyword, bool Auth);

/// <summary>The arguments of MAIL (RFC 5321 §4.1.1.2) with the parameters of RFC 1870, 6152, 6531, 3461 and 4954, and the name of an agreement.</summary>
public readonly record struct MailArguments
{
    /// <summary>Octets of an envelope id (RFC 3461 §4.4).</summary>
    public const int MaxEnvelopeIdLength = 100;

    /// <summary>Octets of the name of an agreement.</summary>
    public const int MaxAgreementLength = 64;

    /// <summary>Octets of AUTH= (RFC 4954 §3, extension 6).</summary>
    public const int MaxSubmitterLength = 500;

    // RFC 1870 §4: size-value = 1*20DIGIT
    private const int MaxSizeDigits = 20;

    public required ReversePath ReversePath { get; init; }

    /// <summary>SIZE: octets announced; null when not given, <see cref="long.MaxValue"/> when larger than that.</summary>
    public long? Size { get; init; }

    /// <summary>BODY: <c>7BIT</c> or <c>8BITMIME</c>; null when not given.</summary>
    public string? Body { get; init; }

    public bool SmtpUtf8 { get; init; }

    /// <summary>RET: <c>FULL</c> or <c>HDRS</c>; null when not given.</summary>
    public string? Return { get; init; }

    /// <summary>ENVID, still xtext; null when not given.</summary>
    public string? EnvelopeId { get; init; }

    /// <summary>The agreement that the transaction uses, as the client named it; null when not given.</summary>
    public string? Agreement { get; init; }

    /// <summary>AUTH=, still xtext (RFC 4954 §5); null when not given.</summary>
    public string? Submitter { get; init; }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, bool, MailExtensions, out MailArguments, out ArgumentError)"/>
    public static bool TryParse(ReadOnlySpan<byte> text, bool isExtended, out MailArguments arguments, out ArgumentError error) =>
        TryParse(text, isExtended, default, out arguments, out error);

    /// <summary>Reads what follows the verb.</summary>
    /// <param name="text">Such as <c>FROM:&lt;user@example.org&gt; SIZE=1000</c>.</param>
    /// <param name="isExtended">Whether the client said EHLO: without it no parameter was offered.</param>
    /// <param name="offered">What was offered besides.</param>
    /// <param name="arguments">The arguments.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryParse(ReadOnlySpan<byte> text, bool isExtended, MailExtensions offered, out MailArguments arguments, out ArgumentError error)
    {
        // mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF
        arguments = default;
        var position = 0;
        if (!PathParser.TryRead(text, "FROM"u8, ref position, out var mailbox, out var content, out error))
        {
            return false;
        }

        if (mailbox is null && !content.IsEmpty)
        {
            error = new(ArgumentFault.Address, position, "mailbox expected");
            return false;
        }

        var parsed = new MailArguments { ReversePath = mailbox is null ? ReversePath.Null : ReversePath.Of(mailbox) };
        var reader = new ParameterReader(text, position);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryRead(out var keyword, out var value, out var hasValue))
            {
                error = new(ArgumentFault.Syntax, reader.Position, "parameter expected");
                return false;
            }

            if (!isExtended)
            {
                error = new(ArgumentFault.UnknownParameter, reader.Position, "parameters were not offered");
                return false;
            }

            var fault = parsed.Take(keyword, value, hasValue, offered, out parsed);
            if (fault != ArgumentFault.None)
            {
                error = new(fault, reader.Position, "parameter not acceptable");
                return false;
            }
        }

        // RFC 6531 §3.5; only now, because SMTPUTF8 stands behind the path.
        if (!parsed.SmtpUtf8 && mailbox?.IsInternationalized == true)
        {
            error = new(ArgumentFault.NeedsSmtpUtf8, 0, "SMTPUTF8 expected");
            return false;
        }

        arguments = parsed;
        return true;
    }

    private ArgumentFault Take(ReadOnlySpan<byte> keyword, ReadOnlySpan<byte> value, bool hasValue, MailExtensions offered, out MailArguments taken)
    {
        taken = this;
        if (ParameterReader.Is(keyword, "SIZE"u8))
        {
            if (Size is not null || value.Length is 0 or > MaxSizeDigits || value.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            {
                return ArgumentFault.Parameter;
            }

            taken = this with { Size = Utf8Parser.TryParse(value, out long size, out _) ? size : long.MaxValue };
        }
        else if (ParameterReader.Is(keyword, "BODY"u8))
        {
            // BINARYMIME is a value of an extension that is not offered (RFC 3030 §3).
            var body = Ascii.EqualsIgnoreCase(value, "8BITMIME"u8) ? "8BITMIME" : Ascii.EqualsIgnoreCase(value, "7BIT"u8) ? "7BIT" : null;
            if (Body is not null || !hasValue)
            {
                return ArgumentFault.Parameter;
            }

            if (body is null)
            {
                return ArgumentFault.UnknownParameter;
            }

            taken = this with { Body = body };
        }
        else if (ParameterReader.Is(keyword, "SMTPUTF8"u8))
        {
            // RFC 6531 §3.4: the parameter has no value.
            if (SmtpUtf8 || hasValue)
            {
                return ArgumentFault.Parameter;
            }

            taken = this with { SmtpUtf8 = true };
        }
        else if (ParameterReader.Is(keyword, "RET"u8))
        {
            // RFC 3461 §4: a parameter that is given more than once is 501.
            var what = Ascii.EqualsIgnoreCase(value, "FULL"u8) ? "FULL" : Ascii.EqualsIgnoreCase(value, "HDRS"u8) ? "HDRS" : null;
            if (Return is not null || what is null)
            {
                return ArgumentFault.Parameter;
            }

            taken = this with { Return = what };
        }
        else if (ParameterReader.Is(keyword, "ENVID"u8))
        {
            if (EnvelopeId is not null || value.Length is 0 or > MaxEnvelopeIdLength || !ParameterReader.IsPrintableXtext(value))
            {
                return ArgumentFault.Parameter;
            }

            taken = this with { EnvelopeId = Encoding.ASCII.GetString(value) };
        }
        else if (offered.Auth && ParameterReader.Is(keyword, "AUTH"u8))
        {
            if (Submitter is not null || value.Length is 0 or > MaxSubmitterLength || !ParameterReader.IsPrintableXtext(value))
            {
                return ArgumentFault.Parameter;
            }

            taken = this with { Submitter = Encoding.ASCII.GetString(value) };
        }
        else if (offered.AgreementKeyword is { } name && Ascii.EqualsIgnoreCase(keyword, name))
        {
            if (Agreement is not null || value.Length is 0 or > MaxAgreementLength || !IsName(value))
            {
                return ArgumentFault.Parameter;
            }

            taken = this with { Agreement = Encoding.ASCII.GetString(value) };
        }
        else
        {
            return ArgumentFault.UnknownParameter;
        }

        return ArgumentFault.None;
    }

    private static bool IsName(ReadOnlySpan<byte> value)
    {
        foreach (var octet in value)
        {
            if (!char.IsAsciiLetterOrDigit((char)octet) && octet != (byte)'-')
            {
                return false;
            }
        }

        return true;
    }
}
