namespace Mailkey.Agreements.Accounts;

/// <summary>What became of a password.</summary>
internal enum PasswordCheck
{
    Right,
    Wrong,

    /// <summary>Nobody could say.</summary>
    Unavailable,
}

/// <summary>Where passwords are checked. Limits are somebody else's work.</summary>
internal interface IPasswords
{
    /// <param name="address">In its normal form.</param>
    Task<PasswordCheck> CheckAsync(string address, string password, CancellationToken cancellationToken);

    /// <summary>The account as it is known now; null when there is none.</summary>
    /// <exception cref="AccountsUnavailableException">Nobody can say.</exception>
    Account? Find(string address);
}
