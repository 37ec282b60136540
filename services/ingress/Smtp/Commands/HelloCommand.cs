using Mailkey.Smtp;

namespace Mailkey.Ingress.Smtp.Commands;

/// <summary>EHLO and HELO (RFC 5321 §4.1.1.1).</summary>
internal sealed class HelloCommand(bool isExtended) : SmtpCommand
{
    public override bool IsIdle => true;

    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        if (!ClientName.TryParse(arguments, out var name))
        {
            return new(session.Error(Replies.ClientNameExpected));
        }

        // RFC 5321 §4.1.4: EHLO in the middle of a transaction has the effect of RSET.
        session.EndTransaction();
        return new(session.Greet(name, isExtended));
    }
}
