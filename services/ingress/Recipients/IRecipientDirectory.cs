using Mailkey.Smtp;

namespace Mailkey.Ingress.Recipients;

/// <summary>What is known of a recipient at RCPT time.</summary>
public enum RecipientAnswer
{
    /// <summary>Hosted here, and exists as far as anybody can tell.</summary>
    Exists,

    /// <summary>Of a hosted domain, but no such mailbox.</summary>
    Unknown,

    /// <summary>Not hosted here, or an address that asks to relay.</summary>
    NotHosted,

    /// <summary>The next hop can't be asked now.</summary>
    Unverifiable,
}

/// <summary>Says which recipients are ours.</summary>
public interface IRecipientDirectory
{
    /// <summary>Looks a recipient up. Completes at once unless the next hop has to be asked.</summary>
    ValueTask<RecipientAnswer> FindAsync(ForwardPath recipient, CancellationToken cancellationToken);
}
