namespace Mailkey.Smtp;

/// <summary>A reply to an SMTP command: code, enhanced code, one or more lines of text (RFC 5321 §4.2, RFC 2034 §4).</summary>
/// <param name="Code">200 to 599.</param>
/// <param name="EnhancedCode">Null where RFC 2034 has none: greeting, EHLO, 3yz.</param>
/// <param name="Lines">At least one line, without CR, LF or the codes.</param>
public sealed record SmtpReply(int Code, EnhancedStatusCode? EnhancedCode, IReadOnlyList<string> Lines)
{
    public SmtpReply(int code, EnhancedStatusCode? enhancedCode, string text)
        : this(code, enhancedCode, [text])
    {
    }

    public bool IsPositive => Code < 400;
}
