using Mailkey.Agreements.Keys;
using Mailkey.Ingress.Agreements;
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
            return new(Fruitless(session));
        }

        if (session.Server.Agreements is { } agreements)
        {
            if (transaction.Hat is { } hat)
            {
                return ConcludeUnderAsync(session, transaction, recipient, hat);
            }

            if (recipient.ForwardPath.Mailbox is { } mailbox && agreements.IsAddress(mailbox, out var address))
            {
                return FindAddressAsync(session, transaction, recipient, address!);
            }
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

    // A transaction under an agreement has one recipient: that of the agreement.
    private static async ValueTask<NextStep> ConcludeUnderAsync(SmtpSession session, Transaction transaction, RcptArguments recipient, Hat hat)
    {
        if (recipient.ForwardPath.Mailbox is not { } mailbox || !hat.IsFor(mailbox))
        {
            if (hat.Method == Hat.Address && transaction.Recipients.Count > 0)
            {
                // Nobody was told that the first recipient makes the transaction special.
                session.Reply(Replies.TooManyRecipients);
                return Fruitless(session);
            }

            if (transaction.Login is { } login)
            {
                session.Server.Agreements!.Reports.Misused(hat.Agreement.Id, "wrong-reference", transaction.QueueId, session.ClientAddress, login.Forwarder);
            }

            return Refuse(session, transaction, recipient, Replies.AgreementForAnother);
        }

        if (transaction.Recipients.Count > 0)
        {
            // The mailbox and its address are the same recipient.
            session.Reply(Replies.RecipientOk);
            return Fruitless(session);
        }

        transaction.IsToAddress = hat.IsAddress(mailbox);
        var target = ForwardPath.TryParse(hat.Agreement.Recipient, out var path, out _) ? path : recipient.ForwardPath;
        var answer = session.Server.Recipients.FindAsync(target, session.Server.Stopped);
        if (!answer.IsCompleted)
        {
            await session.FlushAsync();
        }

        return Conclude(session, transaction, recipient, await answer);
    }

    private static async ValueTask<NextStep> FindAddressAsync(SmtpSession session, Transaction transaction, RcptArguments recipient, UniqueAddress address)
    {
        if (transaction.Recipients.Count > 0)
        {
            session.Reply(Replies.TooManyRecipients);
            return Fruitless(session);
        }

        var started = session.Server.Time.GetTimestamp();
        await session.FlushAsync();
        if (await HatChoice.AtRcptAsync(session, transaction, address) is not { } refusal)
        {
            if (!session.TryWear(transaction.Hat!))
            {
                return session.RefuseSweep(transaction);
            }

            var next = await ConcludeUnderAsync(session, transaction, recipient, transaction.Hat!);
            transaction.Hat = transaction.Recipients.Count > 0 ? transaction.Hat : null;
            return next;
        }

        // Whoever tries addresses, or has one that was made for somebody else, hears what he would hear of any that does not exist, and no sooner.
        await session.Server.Agreements!.HoldBackAsync(started, session.Server.Stopped);
        return Refuse(session, transaction, recipient, refusal);
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
            var isNew = transaction.TryAccept(recipient);
            session.State = SessionState.Recipients;
            session.Reply(Replies.RecipientOk);
            return isNew ? NextStep.Command : Fruitless(session);
        }

        return Refuse(session, transaction, recipient, refusal);
    }

    private static NextStep Refuse(SmtpSession session, Transaction transaction, RcptArguments recipient, SmtpReply refusal)
    {
        transaction.Refuse(recipient, refusal);
        session.Refuse(refusal);
        if (!refusal.IsPermanent || ++session.UnknownRecipients < session.Server.Options.MaxUnknownRecipients)
        {
            return Fruitless(session);
        }

        session.Server.Networks.NoteTriedNames(session.Network);
        return session.Close(Replies.TooManyUnknownRecipients);
    }

    // Each costs a look at the recipients, or asks the next hop, and moves no mail.
    private static NextStep Fruitless(SmtpSession session) =>
        ++session.FruitlessRecipients >= session.Server.Options.MaxFruitlessRecipients ? session.Close(Replies.TooManyFruitlessRecipients) : NextStep.Command;
}
