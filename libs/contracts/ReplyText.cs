namespace Mailkey.Contracts;

/// <summary>An SMTP reply as it crosses the bus.</summary>
public sealed record ReplyText
{
    /// <summary>Reply code, 200 to 599 (RFC 5321 §4.2).</summary>
    public required int Code { get; init; }

    /// <summary>Enhanced status code such as <c>5.7.20</c> (RFC 3463).</summary>
    public required string EnhancedCode { get; init; }

    /// <summary>One line, ASCII, no control characters.</summary>
    public required string Text { get; init; }
}
