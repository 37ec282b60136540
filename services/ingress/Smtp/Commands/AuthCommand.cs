using Mailkey.Smtp;

namespace Mailkey.Ingress.Smtp.Commands;

/// <summary>AUTH (RFC 4954): for forwarders, in TLS, once in a session.</summary>
internal sealed class AuthCommand : SmtpCommand
{
    public override bool IsIdle => true;

    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        if (!session.IsExtended)
        {
            return new(session.Error(Replies.HelloFirst));
        }

        if (!session.IsSecure)
        {
            return new(session.Error(Replies.AuthenticationNeedsTls));
        }

        // RFC 4954 §4: after a success no more AUTH in this session.
        if (session.Login is not null)
        {
            return new(session.Error(Replies.AuthenticatedTwice));
        }

        // AUTH mechanism [initial-response]
        var space = arguments.IndexOf((byte)' ');
        var name = space < 0 ? arguments : arguments[..space];
        var response = space < 0 ? default : arguments[(space + 1)..].TrimStart((byte)' ');
        if (name.IsEmpty || response.Contains((byte)' ') || (space >= 0 && response.IsEmpty))
        {
            return new(session.Error(Replies.SyntaxError));
        }

        if (!LoginMechanisms.TryFind(name, out var mechanism))
        {
            return new(session.Error(Replies.MechanismUnknown));
        }

        session.BeginLogin(mechanism, space < 0 ? null : response.ToArray());
        return new(NextStep.Authentication);
    }
}
