using System.Text;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Smtp.Commands;

/// <summary>RSET (RFC 5321 §4.1.1.5).</summary>
internal sealed class RsetCommand : SmtpCommand
{
    public override bool IsIdle => true;

    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        if (!arguments.IsEmpty)
        {
            return new(session.Error(Replies.NoArguments));
        }

        session.EndTransaction();
        session.Reply(Replies.Reset);
        return new(NextStep.Command);
    }
}

/// <summary>NOOP (RFC 5321 §4.1.1.9).</summary>
internal sealed class NoopCommand : SmtpCommand
{
    public override bool IsIdle => true;

    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        session.Reply(Replies.Nothing);
        return new(NextStep.Command);
    }
}

/// <summary>VRFY (RFC 5321 §3.5.3, §7.3): tells nobody who exists.</summary>
internal sealed class VrfyCommand : SmtpCommand
{
    public override bool IsIdle => true;

    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        if (arguments.IsEmpty)
        {
            return new(session.Error(Replies.SyntaxError));
        }

        // RFC 6531 §3.7.4.2: an internationalized argument needs the SMTPUTF8 parameter behind it.
        if (!Ascii.IsValid(arguments) && !arguments.EndsWith(" SMTPUTF8"u8))
        {
            return new(session.Error(Replies.NeedsSmtpUtf8));
        }

        session.Reply(Replies.CannotVerify);
        return new(NextStep.Command);
    }
}

/// <summary>HELP (RFC 5321 §4.1.1.8).</summary>
internal sealed class HelpCommand : SmtpCommand
{
    public override bool IsIdle => true;

    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        session.Reply(Replies.Help);
        return new(NextStep.Command);
    }
}

/// <summary>QUIT (RFC 5321 §4.1.1.10).</summary>
internal sealed class QuitCommand : SmtpCommand
{
    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        if (!arguments.IsEmpty)
        {
            return new(session.Error(Replies.NoArguments));
        }

        session.EndTransaction();
        return new(session.Close(Replies.Closing));
    }
}

/// <summary>STARTTLS (RFC 3207).</summary>
internal sealed class StartTlsCommand : SmtpCommand
{
    public override bool IsIdle => true;

    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        // RFC 3207 §4: 501 with arguments; §4.2: not offered, and not to be used, inside of TLS.
        return session.IsSecure ? new(session.Error(Replies.TlsTwice))
            : session.Server.Certificate is null ? new(session.Error(Replies.TlsNotOffered))
            : !arguments.IsEmpty ? new(session.Error(Replies.NoArguments))
            : new(NextStep.Tls);
    }
}
