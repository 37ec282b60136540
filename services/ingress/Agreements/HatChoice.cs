using Mailkey.Agreements.Keys;
using Mailkey.Contracts.Agreements;
using Mailkey.Ingress.Smtp;
using Mailkey.Messaging.Agreements;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Agreements;

/// <summary>Finds the agreement of a transaction.</summary>
internal static class HatChoice
{
    /// <summary>By what MAIL says, and who has logged in. One request over the bus at most.</summary>
    /// <returns>A refusal, or null.</returns>
    public static async ValueTask<SmtpReply?> AtMailAsync(SmtpSession session, Transaction transaction)
    {
        var agreements = session.Server.Agreements!;
        var login = session.Login;
        var mail = transaction.Mail;
        if (!TryName(mail, login, out var id))
        {
            return Replies.AgreementsContradict;
        }

        // What nobody ever minted is not asked for.
        if (!AgreementId.TryParse(id, out _))
        {
            return Replies.AgreementNotInForce;
        }

        List<string> keys = [AgreementKey.OfId(id)];
        if (login is not null)
        {
            keys.Add(AgreementKey.OfCredential(login.Credential));
        }

        var found = await agreements.Directory.FindAsync(keys, session.Server.Stopped);
        if (found is null)
        {
            return Replies.AgreementUnverifiable;
        }

        // Withdrawn, replaced, or gone with its agreement, while the session went on.
        if (login is not null && (found[1].Agreement?.Id != login.AgreementId || found[1].Credential?.AgreementId != login.AgreementId))
        {
            return Replies.LoginEnded;
        }

        var agreement = found[0].Agreement;
        if (agreement is not null && login is not null && agreement.Forwarder != login.Forwarder)
        {
            agreements.Reports.Misused(login.AgreementId, "foreign-reference", transaction.QueueId, session.ClientAddress, login.Forwarder);
            agreement = null;
        }

        // Who only has an address may name the agreement as well, and then use the address.
        var methods = login is null ? new[] { Hat.Reference, Hat.Address } : [Hat.Auth];
        var method = Array.Find(methods, method => agreement?.Methods.Contains(method) is true && agreements.Offers(method));
        if (agreement is null || method is null)
        {
            return Replies.AgreementNotInForce;
        }

        if (mail.Size > agreement.Terms.Size)
        {
            return Replies.AgreementTooLarge;
        }

        transaction.Hat = new(agreement, method);
        return null;
    }

    /// <summary>By a recipient that looks like an address made for one forwarder.</summary>
    /// <returns>A refusal, or null: then the transaction wears the hat of the address.</returns>
    public static async ValueTask<SmtpReply?> AtRcptAsync(SmtpSession session, Transaction transaction, UniqueAddress address)
    {
        var agreements = session.Server.Agreements!;
        var found = await agreements.Directory.FindAsync(AgreementKey.OfAddress(address.ToString()), session.Server.Stopped);
        if (found is null)
        {
            return Replies.RecipientUnverifiable;
        }

        if (found.Agreement is not { } agreement || !agreement.Methods.Contains(Hat.Address))
        {
            return Replies.UnknownRecipient;
        }

        if (!ForwardingAgreements.MayBe(agreement.Forwarder, session.ClientName, transaction.Mail.ReversePath))
        {
            agreements.Reports.Misused(agreement.Id, "address-used-by-another", transaction.QueueId, session.ClientAddress, forwarder: null);
            return Replies.UnknownRecipient;
        }

        transaction.Hat = new(agreement, Hat.Address);
        return null;
    }

    // XFWDAGREE=, or AUTH= of who has logged in, or the agreement of the login itself.
    private static bool TryName(in MailArguments mail, ForwarderLogin? login, out string id)
    {
        id = "";
        var named = mail.Agreement is { } agreement ? Normal(agreement) : null;

        // RFC 4954 §5: of somebody who is not trusted for it, AUTH= counts as AUTH=<>; and so does a mailbox that names no agreement.
        var submitter = login is null || mail.Submitter is not { } xtext ? null : IdOf(Xtext.Decode(xtext));
        if (named is not null && submitter is not null && named != submitter)
        {
            return false;
        }

        id = named ?? submitter ?? login?.AgreementId ?? "";
        return true;
    }

    private static string? IdOf(string? submitter)
    {
        var at = submitter?.IndexOf('@', StringComparison.Ordinal) ?? -1;
        var local = at < 0 ? submitter : submitter![..at];
        return AgreementId.TryParse(local, out var id) ? id.ToString() : null;
    }

    private static string Normal(string id) => AgreementId.TryParse(id, out var parsed) ? parsed.ToString() : id.ToLowerInvariant();
}
