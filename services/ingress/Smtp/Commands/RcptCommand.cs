using Mailkey.Ingress.Recipients;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Smtp.Commands;

/// <summary>RCPT (RFC 5321 §4.1.1.3): adds a recipient that is ours to take.</summary>
internal sealed class RcptCommand : SmtpCommand
{
    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        var transaction = session.Transaction!;
        if (!RcptArguments.TryParse(arguments, session.IsExtended, transaction.Mail.SmtpUtf8, out var recipient, out var error))
        {
            return new(session.Error(Refusals.Of(error, Replies.BadRecipientAddress)));
        }

        // RFC 5321 §4.5.3.1.10: 452, so that the client sends the rest in another transaction.
        if (transaction.Recipients.Count >= session.Server.Options.MaxRecipients || transaction.IsFull)
        {
            session.Reply(Replies.TooManyRecipients);
            return new(NextStep.Command);
        }

        var answer = session.Server.Recipients.FindAsync(recipient.ForwardPath, session.Server.Stopped);
        return answer.IsCompletedSuccessfully
            ? new(Conclude(session, transaction, recipient, answer.Result))
            : WaitAsync(session, transaction, recipient, answer);
    }

    private static async ValueTask<NextStep> WaitAsync(SmtpSession session, Transaction transaction, RcptArguments recipient, ValueTask<RecipientAnswer> answer)
    {
        // Replies of the group that are ready already needn't wait for this one.
        await session.FlushAsync();
        return Conclude(session, transaction, recipient, await answer);
    }

    private static NextStep Conclude(SmtpSession session, Transaction transaction, RcptArguments recipient, RecipientAnswer answer)
    {
        var refusal = answer switch
        {
            RecipientAnswer.Exists => null,
            RecipientAnswer.NotHosted => Replies.RelayDenied,
            RecipientAnswer.Unknown => Replies.UnknownRecipient,
            _ => Replies.RecipientUnverifiable,
        };
        if (refusal is null)
        {
            transaction.Accept(recipient);
            session.State = SessionState.Recipients;
            session.Reply(Replies.RecipientOk);
            return NextStep.Command;
        }

        transaction.Refuse(recipient, refusal);
        session.Refuse(refusal);
        return refusal.IsPermanent && ++session.UnknownRecipients >= session.Server.Options.MaxUnknownRecipients
            ? session.Close(Replies.TooManyUnknownRecipients)
            : NextStep.Command;
    }
}
