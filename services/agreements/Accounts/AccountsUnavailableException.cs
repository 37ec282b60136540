namespace Mailkey.Agreements.Accounts;

/// <summary>Nobody can say at the moment who has an account.</summary>
public sealed class AccountsUnavailableException(Exception inner) : Exception("The accounts can't be read.", inner);
