using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Hosting.Options;

namespace Mailkey.Agreements.Accounts;

/// <summary>One line of the file of accounts.</summary>
public sealed record AccountEntry(string Address, bool IsOperator, PasswordHash Password)
{
    /// <summary>Changes with the password, and says nothing about it.</summary>
    public string Stamp => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Password.ToString())).AsSpan(0, 16));
}

/// <summary>
/// The file of accounts: for each a line with its address, <c>user</c> or <c>operator</c>, and the hash of its password. The command
/// <c>mailkey accounts</c> writes it, the service reads it whenever it has changed.
/// </summary>
public sealed class AccountFile(string path)
{
    /// <summary>Name of the file in the data folder, where no other is configured.</summary>
    public const string DefaultName = "accounts";

    private const string User = "user";
    private const string Operator = "operator";
    private const string Head = "# Accounts of Mailkey: address, user or operator, hash of the password. Written by: mailkey accounts\n";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Lock _lock = new();
    private (DateTime Written, long Length) _seen;
    private ImmutableSortedDictionary<string, AccountEntry> _entries = Empty;

    private static ImmutableSortedDictionary<string, AccountEntry> Empty { get; } = ImmutableSortedDictionary.Create<string, AccountEntry>(StringComparer.Ordinal);

    public string Path { get; } = path;

    /// <summary>Where the file of accounts is.</summary>
    public static string PathOf(MailkeyOptions options) =>
        options.Agreements.Accounts.File is { Length: > 0 } file ? file : System.IO.Path.Combine(options.DataFolder, DefaultName);

    /// <summary>Holds off everybody else who would change the file, until it is disposed of.</summary>
    /// <exception cref="IOException">Somebody else is at it.</exception>
    public IDisposable Lock() => new FileStream($"{Path}.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);

    /// <summary>The accounts as they stand in the file now, by address; none when there is no file.</summary>
    /// <exception cref="FormatException">A line can't be read; the message says which.</exception>
    public ImmutableSortedDictionary<string, AccountEntry> Read()
    {
        lock (_lock)
        {
            var file = new FileInfo(Path);
            if (!file.Exists)
            {
                return Empty;
            }

            var seen = (file.LastWriteTimeUtc, file.Length);
            if (seen != _seen)
            {
                _entries = Parse(File.ReadAllLines(Path));
                _seen = seen;
            }

            return _entries;
        }
    }

    /// <summary>Replaces the file; whoever reads sees the old one or the new one.</summary>
    public void Write(IEnumerable<AccountEntry> entries)
    {
        var text = new StringBuilder(Head);
        foreach (var entry in entries.OrderBy(entry => entry.Address, StringComparer.Ordinal))
        {
            text.Append(entry.Address).Append(' ').Append(entry.IsOperator ? Operator : User).Append(' ').Append(entry.Password).Append('\n');
        }

        // Those who may read the file now may read the new one: the service need not run as the operator.
        var temporary = $"{Path}.new";
        File.Delete(temporary);
        var mode = !OperatingSystem.IsWindows() && File.Exists(Path) ? File.GetUnixFileMode(Path) : OwnerOnly;
        using (var stream = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OperatingSystem.IsWindows() ? null : mode }))
        {
            stream.Write(Encoding.UTF8.GetBytes(text.ToString()));
            stream.Flush(flushToDisk: true);
        }

        if (!OperatingSystem.IsWindows())
        {
            // Whatever the umask took away.
            File.SetUnixFileMode(temporary, mode);
            KeepOwner(temporary);
        }

        File.Move(temporary, Path, overwrite: true);
    }

    // An operator who is root writes for a service that is not; the framework has no call for it.
    private void KeepOwner(string temporary)
    {
        if (!Environment.IsPrivilegedProcess || !File.Exists(Path))
        {
            return;
        }

        using var chown = System.Diagnostics.Process.Start("chown", ["--reference", Path, "--", temporary]);
        chown.WaitForExit();
        if (chown.ExitCode != 0)
        {
            File.Delete(temporary);
            throw new IOException($"The owner of {Path} can't be kept.");
        }
    }

    private ImmutableSortedDictionary<string, AccountEntry> Parse(string[] lines)
    {
        var entries = Empty.ToBuilder();
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [var name, User or Operator, var text] parts
                || !AccountNames.TryNormalize(name, out var address) || !PasswordHash.TryParse(text, out var hash) || !entries.TryAdd(address, new(address, parts[1] == Operator, hash)))
            {
                throw new FormatException($"{Path}, line {i + 1}: not an account, or one that is there already.");
            }
        }

        return entries.ToImmutable();
    }
}
