namespace Mailkey.Smtp;

/// <summary>Which part of a command's arguments is wrong; each has a reply of its own.</summary>
public enum ArgumentFault
{
    None,

    /// <summary>Not the form of the command: 501 5.5.4.</summary>
    Syntax,

    /// <summary>The path or mailbox: 501 5.1.7 for MAIL, 5.1.3 for RCPT.</summary>
    Address,

    /// <summary>A parameter, or a value of it, that was not offered: 555 5.5.4.</summary>
    UnknownParameter,

    /// <summary>A parameter with a value it can't have, or given twice: 501 5.5.4.</summary>
    Parameter,

    /// <summary>An address beyond ASCII without SMTPUTF8 (RFC 6531 §3.5): 553 5.6.7.</summary>
    NeedsSmtpUtf8,
}

/// <summary>What is wrong with the arguments of a command, and where.</summary>
public readonly record struct ArgumentError(ArgumentFault Fault, SyntaxError At)
{
    public ArgumentError(ArgumentFault fault, int position, string reason)
        : this(fault, new SyntaxError(position, reason))
    {
    }
}
