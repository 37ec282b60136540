using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Accounts;

/// <summary>Passwords of the file of accounts.</summary>
internal sealed class FilePasswords(IOptions<MailkeyOptions> options, ILogger<FilePasswords> logger) : IPasswords, IDisposable
{
    // A hash keeps a processor busy for a fifth of a second; mail wants processors too.
    private const int AtTheSameTime = 2;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly SemaphoreSlim _turns = new(AtTheSameTime);

    /// <summary>The file that is configured.</summary>
    public AccountFile File { get; } = new(AccountFile.PathOf(options.Value));

    public async Task<PasswordCheck> CheckAsync(string address, string password, CancellationToken cancellationToken)
    {
        if (!await _turns.WaitAsync(Patience, cancellationToken))
        {
            return PasswordCheck.Unavailable;
        }

        try
        {
            var (hash, isKnown) = HashFor(address);
            var matches = await Task.Run(() => hash.Matches(password), cancellationToken);
            return matches && isKnown ? PasswordCheck.Right : PasswordCheck.Wrong;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            logger.LogError("Nobody can sign in: {Reason}", e.Message);
            return PasswordCheck.Unavailable;
        }
        finally
        {
            _turns.Release();
        }
    }

    /// <summary>What a password is tried on: whoever is not known costs as much time as somebody who is.</summary>
    internal (PasswordHash Hash, bool IsKnown) HashFor(string address)
    {
        var entries = File.Read();
        return entries.TryGetValue(address, out var entry) ? (entry.Password, true)
            : (PasswordHash.OfNone(entries.Count == 0 ? PasswordHash.DefaultIterations : entries.Values.Max(other => other.Password.Iterations)), false);
    }

    public Account? Find(string address)
    {
        try
        {
            return File.Read().TryGetValue(address, out var entry) ? new(address, entry.IsOperator, entry.Stamp) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            // Not "no such account": that would sign everybody out for good.
            logger.LogError("Accounts can't be read: {Reason}", e.Message);
            throw new AccountsUnavailableException(e);
        }
    }

    public void Dispose() => _turns.Dispose();
}
