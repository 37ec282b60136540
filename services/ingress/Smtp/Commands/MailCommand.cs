using Mailkey.Ingress.Agreements;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Smtp.Commands;

/// <summary>MAIL (RFC 5321 §4.1.1.2): begins a transaction.</summary>
internal sealed class MailCommand : SmtpCommand
{
    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        if (!MailArguments.TryParse(arguments, session.IsExtended, session.Offered, out var mail, out var error))
        {
            return new(session.Error(Refusals.Of(error, Replies.BadSenderAddress)));
        }

        // RFC 9422 §3: what LIMITS told as MAILMAX.
        if (++session.Transactions > session.Server.Options.MaxTransactions)
        {
            return new(session.Close(Replies.TooManyTransactions));
        }

        var transaction = session.BeginTransaction(mail);

        // RFC 1870 §6.1: told in time, no octet of it has to be sent.
        if (mail.Size > session.Server.Options.MaxMessageSize)
        {
            return new(session.RefuseTransaction(transaction, Replies.MessageTooLarge));
        }

        return mail.Agreement is null && session.Login is null ? new(Accept(session)) : ChooseAsync(session, transaction);
    }

    // RFC 4954 §5 and the EHLO answer: whose agreement, and which. It holds for this transaction alone.
    private static async ValueTask<NextStep> ChooseAsync(SmtpSession session, Transaction transaction)
    {
        var choice = HatChoice.AtMailAsync(session, transaction);
        if (!choice.IsCompleted)
        {
            await session.FlushAsync();
        }

        transaction.Login = session.Login;
        return await choice is { } refusal ? session.RefuseHat(transaction, refusal)
            : session.TryWear(transaction.Hat!) ? Accept(session)
            : session.RefuseSweep(transaction);
    }

    private static NextStep Accept(SmtpSession session)
    {
        session.State = SessionState.Mail;
        session.Reply(Replies.SenderOk);
        return NextStep.Command;
    }
}
