using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Mailkey.Smtp;

/// <summary>The argument of MAIL FROM: a mailbox, or the null reverse-path of a notification (RFC 5321 §4.1.2, §4.5.5).</summary>
public sealed class ReversePath
{
    private ReversePath(Mailbox? mailbox) => Mailbox = mailbox;

    /// <summary><c>&lt;&gt;</c></summary>
    public static ReversePath Null { get; } = new(null);

    /// <summary>Null for <c>&lt;&gt;</c>.</summary>
    public Mailbox? Mailbox { get; }

    [MemberNotNullWhen(false, nameof(Mailbox))]
    public bool IsNull => Mailbox is null;

    /// <summary>The path without its brackets and without a source route; empty for <c>&lt;&gt;</c>.</summary>
    public string Text => Mailbox?.Text ?? "";

    public static ReversePath Of(Mailbox mailbox) => new(mailbox);

    /// <summary>Reads the form of <see cref="Text"/>: no brackets, empty for the null reverse-path.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ReversePath? path, out SyntaxError error)
    {
        path = null;
        error = default;
        if (text.Length == 0)
        {
            path = Null;
            return true;
        }

        if (!Mailbox.TryParse(text, out var mailbox, out error))
        {
            return false;
        }

        path = new(mailbox);
        return true;
    }

    public override string ToString() => $"<{Text}>";
}

/// <summary>The argument of RCPT TO: a mailbox, or <c>Postmaster</c> without a domain (RFC 5321 §4.1.1.3, §4.5.1).</summary>
public sealed class ForwardPath
{
    private ForwardPath(Mailbox? mailbox, string text) => (Mailbox, Text) = (mailbox, text);

    /// <summary>Null for the bare <c>Postmaster</c>.</summary>
    public Mailbox? Mailbox { get; }

    /// <summary><c>Postmaster</c> without a domain: the postmaster of this host.</summary>
    [MemberNotNullWhen(false, nameof(Mailbox))]
    public bool IsPostmaster => Mailbox is null;

    /// <summary>The path without its brackets and without a source route.</summary>
    public string Text { get; }

    public static ForwardPath Of(Mailbox mailbox) => new(mailbox, mailbox.Text);

    /// <summary>Reads the form of <see cref="Text"/>: no brackets.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ForwardPath? path, out SyntaxError error)
    {
        error = default;
        path = IsPostmasterWord(Encoding.UTF8.GetBytes(text)) ? new(null, text)
            : Mailbox.TryParse(text, out var mailbox, out error) ? Of(mailbox!)
            : null;
        return path is not null;
    }

    public override string ToString() => $"<{Text}>";

    internal static ForwardPath Postmaster(ReadOnlySpan<byte> word) => new(null, Encoding.ASCII.GetString(word));

    // RFC 5321 §4.1.1.3: "RCPT TO:<Postmaster>", in any case of letters
    internal static bool IsPostmasterWord(ReadOnlySpan<byte> text) => Ascii.EqualsIgnoreCase(text, "postmaster"u8);
}
