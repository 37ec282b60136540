using System.Net;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Accounts;

/// <summary>Accounts over the source of passwords that is configured, with the limits.</summary>
internal sealed class AccountDirectory : IAccounts
{
    private const int MaxNameLength = 320;

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    private readonly IPasswords _passwords;
    private readonly SignInLimits _limits;
    private readonly AccountNames _names;
    private readonly HashSet<string> _operators;
    private readonly ILogger _logger;

    public AccountDirectory(IPasswords passwords, SignInLimits limits, AccountNames names, IOptions<MailkeyOptions> options, ILogger<AccountDirectory> logger)
    {
        (_passwords, _limits, _names, _logger) = (passwords, limits, names, logger);
        _operators = new(options.Value.Agreements.Accounts.Operators.Select(name => AccountNames.TryNormalize(name, out var address) ? address : name), StringComparer.Ordinal);
    }

    public async Task<SignIn> AuthenticateAsync(string name, string password, IPAddress client, CancellationToken cancellationToken)
    {
        // What is no name and no password of anybody costs nothing, and says nothing about anybody.
        var isAddress = _names.TryRead(name.Length <= MaxNameLength ? name : "", out var address);
        if (!PasswordHash.IsPossible(password))
        {
            return new(SignInResult.Rejected);
        }

        // By whichever detail it is called: a mailbox host may know them all.
        var subject = address is null ? "" : _names.AccountOf(address) ?? address;
        if (await _limits.TakeAsync(subject, client, cancellationToken) is { } wait)
        {
            return new(SignInResult.Locked, RetryAfter: wait);
        }

        if (!isAddress)
        {
            return new(SignInResult.Rejected);
        }

        var (check, account) = await CheckAsync(address!, password, cancellationToken);
        switch (check)
        {
            case PasswordCheck.Right when account is not null:
                await _limits.GiveBackAsync(subject, client, cancellationToken);
                await _limits.SweepAsync(cancellationToken);
                return new(SignInResult.Accepted, account);
            case PasswordCheck.Unavailable:
                await _limits.ForgetAsync(subject, client, cancellationToken);
                return new(SignInResult.Unavailable, RetryAfter: Soon);
            default:
                _logger.LogInformation("A wrong password from {Network}", Organizations.NetworkPrefix.Of(client));
                return new(SignInResult.Rejected);
        }
    }

    public ValueTask<Account?> FindAsync(string address, string stamp, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Find(address) is { } account && account.Stamp == stamp ? account : null);

    public string? AccountOf(string recipient) => _names.AccountOf(recipient);

    private async Task<(PasswordCheck Check, Account? Account)> CheckAsync(string address, string password, CancellationToken cancellationToken)
    {
        var check = await _passwords.CheckAsync(address, password, cancellationToken);
        try
        {
            return (check, check == PasswordCheck.Right ? Find(address) : null);
        }
        catch (AccountsUnavailableException)
        {
            return (PasswordCheck.Unavailable, null);
        }
    }

    private Account? Find(string address) =>
        _passwords.Find(address) is { } account ? account with { IsOperator = account.IsOperator || _operators.Contains(address) } : null;
}
