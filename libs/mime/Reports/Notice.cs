namespace Mailkey.Mime.Reports;

/// <summary>A message of this system to one person: a text, and nothing else.</summary>
public sealed record Notice
{
    /// <summary>Address of the author; a person reads it.</summary>
    public required string From { get; init; }

    /// <summary>What mail programs show for the author.</summary>
    public required string FromName { get; init; }

    public required string To { get; init; }

    /// <summary>ASCII; what is not becomes a question mark.</summary>
    public required string Subject { get; init; }

    public required DateTimeOffset Date { get; init; }

    /// <summary>With its angle brackets.</summary>
    public required string MessageId { get; init; }

    /// <summary>Lines for a person. Long ones are wrapped, those that begin with two blanks are not.</summary>
    public required IReadOnlyList<string> Text { get; init; }

    /// <summary>Whether the addresses go as UTF-8 (RFC 6532).</summary>
    public bool SmtpUtf8 { get; init; }
}
