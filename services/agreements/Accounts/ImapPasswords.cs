using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Accounts;

/// <summary>Passwords that the mailbox host knows: whoever can read the mail is the account.</summary>
internal sealed class ImapPasswords : IPasswords, IDisposable
{
    private readonly ImapLogin _login;
    private readonly bool _localPartOnly;
    private readonly AccountNames _names;
    private readonly SemaphoreSlim _connections;
    private readonly TimeSpan _patience;
    private readonly ILogger _logger;

    public ImapPasswords(IOptions<MailkeyOptions> options, AccountNames names, ILogger<ImapPasswords> logger)
    {
        var accounts = options.Value.Agreements.Accounts;
        _login = ImapLogin.Create(new(accounts.Imap), accounts.ImapAuthorities, accounts.ImapTimeout);
        _localPartOnly = accounts.ImapName == "local-part";
        _connections = new(accounts.ImapConnections);
        _patience = accounts.ImapTimeout;
        _names = names;
        _logger = logger;
    }

    public async Task<PasswordCheck> CheckAsync(string address, string password, CancellationToken cancellationToken)
    {
        // The host never hears the domain: under any but a hosted one, everybody could be tried again, past the limit of an account.
        if (_localPartOnly && _names.AccountOf(address) is null)
        {
            return PasswordCheck.Wrong;
        }

        if (!await _connections.WaitAsync(_patience, cancellationToken))
        {
            return PasswordCheck.Unavailable;
        }

        try
        {
            var name = _localPartOnly ? address[..address.LastIndexOf('@')] : address;
            var (check, reason) = await _login.CheckAsync(name, password, cancellationToken);
            if (check == PasswordCheck.Unavailable)
            {
                _logger.LogWarning("The mailbox host does not say whether a password is right: {Reason}", reason);
            }

            return check;
        }
        finally
        {
            _connections.Release();
        }
    }

    // Only the mailbox host knows who exists, and it tells nobody without the password: a session lives until its own end.
    public Account? Find(string address) => new(address, IsOperator: false, Stamp: "");

    public void Dispose() => _connections.Dispose();
}
