using System.Net;

namespace Mailkey.Agreements.Accounts;

/// <summary>Somebody who has mail here.</summary>
/// <param name="Address">The address of the account: lower case, its domain in the normal form.</param>
/// <param name="IsOperator">Whether it also decides for the system.</param>
/// <param name="Stamp">Changes with the password: what was begun under another stamp is over. Empty where nobody knows.</param>
public sealed record Account(string Address, bool IsOperator, string Stamp);

/// <summary>How an attempt to sign in ended.</summary>
public enum SignInResult
{
    /// <summary>It is the account.</summary>
    Accepted,

    /// <summary>No such account, or another password: nobody is told which.</summary>
    Rejected,

    /// <summary>Too many wrong passwords for this account or from this network; later it may work.</summary>
    Locked,

    /// <summary>Nobody could say: the mailbox host does not answer, or too many ask.</summary>
    Unavailable,
}

/// <summary>How an attempt to sign in ended, and what follows.</summary>
/// <param name="Account">Not null when it was accepted.</param>
/// <param name="RetryAfter">When trying again makes sense, for what is locked or unavailable.</param>
public sealed record SignIn(SignInResult Result, Account? Account = null, TimeSpan? RetryAfter = null);

/// <summary>The accounts of the mail system, as the agreements know them.</summary>
public interface IAccounts
{
    /// <summary>Checks a password, within the limits of wrong ones by account and by network that all replicas share.</summary>
    /// <param name="name">The address of an account; the local part alone where only one domain is hosted.</param>
    /// <param name="client">The client's address, for the limit of its network.</param>
    Task<SignIn> AuthenticateAsync(string name, string password, IPAddress client, CancellationToken cancellationToken);

    /// <summary>An account that has signed in before; null when it is gone or has another password now.</summary>
    /// <param name="stamp">As it was at the sign-in.</param>
    /// <exception cref="AccountsUnavailableException">Nobody can say.</exception>
    ValueTask<Account?> FindAsync(string address, string stamp, CancellationToken cancellationToken);

    /// <summary>The account that mail to a recipient is for: a detail and a unique part are left out. Null when its domain is not hosted here.</summary>
    string? AccountOf(string recipient);
}
