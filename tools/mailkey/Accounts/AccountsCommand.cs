using System.Collections.Immutable;
using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Agreements.Accounts;
using Mailkey.Tool.Configuration;

namespace Mailkey.Tool.Accounts;

/// <summary><c>mailkey accounts</c></summary>
internal static class AccountsCommand
{
    /// <summary>Characters of a password that somebody chooses (NIST SP 800-63B §5.1.1.2).</summary>
    private const int MinPasswordLength = 8;

    private const int GeneratedLength = 20;

    private const string Alphabet = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

    public static Command Create(ToolConsole console) => new ToolCommand(
        "accounts",
        "Add, list and remove the accounts by which users and operators sign in.",
        """
        For Mailkey:Agreements:Accounts:Source file. With imap the mailbox host has the accounts, and nothing is to be done here.
        The file keeps hashes, no passwords; the service sees a change at the next sign-in, and sessions of an account that got
        another password, or is gone, end.

        Examples:
          mailkey accounts add alice@example.org
          mailkey accounts add postmaster@example.org --operator --generate
          mailkey accounts password alice@example.org < file-with-one-line
          mailkey accounts list
        """)
    {
        Add(console),
        List(console),
        Remove(console),
        Password(console),
    };

    private static Option<FileInfo?> FileOption() => new("--file") { Description = "The file of accounts, where it is not the configured one." };

    private static Option<bool> GenerateOption() => new("--generate") { Description = "Make a password and print it; else it is read from standard input, one line." };

    private static Argument<string> AddressArgument() => new("address") { Description = "The address of the account, such as alice@example.org." };

    private static ToolCommand Add(ToolConsole console)
    {
        var (address, file, generate) = (AddressArgument(), FileOption(), GenerateOption());
        var isOperator = new Option<bool>("--operator") { Description = "The account also decides for the system: approvals, suspensions." };
        var command = new ToolCommand("add", "Add an account.", "Examples:\n  mailkey accounts add alice@example.org\n  mailkey accounts add postmaster@example.org --operator --generate") { address, isOperator, generate, file };
        command.SetAction((result, cancellationToken) => ChangeAsync(console, result.GetValue(file), result.GetRequiredValue(address), async (entries, name) =>
            entries.ContainsKey(name) ? NotDone(console, $"{name} is there already. Another password: mailkey accounts password {name}")
            : await PasswordAsync(console, name, result.GetValue(generate), cancellationToken) is { } hash ? entries.Add(name, new(name, result.GetValue(isOperator), hash))
            : null));
        return command;
    }

    private static ToolCommand Password(ToolConsole console)
    {
        var (address, file, generate) = (AddressArgument(), FileOption(), GenerateOption());
        var command = new ToolCommand("password", "Give an account another password.", "Examples:\n  mailkey accounts password alice@example.org\n  mailkey accounts password alice@example.org --generate") { address, generate, file };
        command.SetAction((result, cancellationToken) => ChangeAsync(console, result.GetValue(file), result.GetRequiredValue(address), async (entries, name) =>
            !entries.TryGetValue(name, out var entry) ? Unknown(console, name)
            : await PasswordAsync(console, name, result.GetValue(generate), cancellationToken) is { } hash ? entries.SetItem(name, entry with { Password = hash })
            : null));
        return command;
    }

    private static ToolCommand Remove(ToolConsole console)
    {
        var (address, file) = (AddressArgument(), FileOption());
        var command = new ToolCommand("remove", "Remove an account; its agreements stay.", "Examples:\n  mailkey accounts remove alice@example.org") { address, file };
        command.SetAction((result, _) => ChangeAsync(console, result.GetValue(file), result.GetRequiredValue(address), (entries, name) =>
            Task.FromResult(entries.Remove(name) is var left && left.Count < entries.Count ? left : Unknown(console, name))));
        return command;
    }

    private static ToolCommand List(ToolConsole console)
    {
        var file = FileOption();
        var command = new ToolCommand("list", "List the accounts.", "Examples:\n  mailkey accounts list") { file };
        command.SetAction(result =>
        {
            if (!TryOpen(console, result.GetValue(file), out var accounts))
            {
                return ExitCode.NotDone;
            }

            try
            {
                foreach (var entry in accounts.Read().Values)
                {
                    console.Text.WriteLine($"{entry.Address}  {(entry.IsOperator ? "operator" : "user")}");
                }

                return ExitCode.Yes;
            }
            catch (FormatException e)
            {
                return console.Fail(e.Message);
            }
        });
        return command;
    }

    private static bool TryOpen(ToolConsole console, FileInfo? given, out AccountFile file)
    {
        file = new(given?.FullName ?? "");
        if (given is null)
        {
            try
            {
                var options = ServiceOptions.Read();
                file = new(AccountFile.PathOf(options));
                if (options.Agreements.Accounts.Source != "file")
                {
                    console.Fail($"Mailkey:Agreements:Accounts:Source is {options.Agreements.Accounts.Source}: nobody signs in with this file.");
                }
            }
            catch (InvalidOperationException e)
            {
                console.Fail(e.Message);
                return false;
            }
        }

        return true;
    }

    private static async Task<int> ChangeAsync(
        ToolConsole console,
        FileInfo? given,
        string address,
        Func<ImmutableSortedDictionary<string, AccountEntry>, string, Task<ImmutableSortedDictionary<string, AccountEntry>?>> change)
    {
        if (!TryOpen(console, given, out var file))
        {
            return ExitCode.NotDone;
        }

        if (!AccountNames.TryNormalize(address, out var name))
        {
            return console.Fail($"\"{address}\" is no address of an account.");
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file.Path))!);
            using var turn = file.Lock();
            if (await change(file.Read(), name) is not { } entries)
            {
                return ExitCode.NotDone;
            }

            file.Write(entries.Values);
            await console.Text.WriteLineAsync($"{file.Path}: {entries.Count} accounts");
            return ExitCode.Yes;
        }
        catch (FormatException e)
        {
            return console.Fail(e.Message);
        }
    }

    private static async Task<PasswordHash?> PasswordAsync(ToolConsole console, string address, bool generate, CancellationToken cancellationToken)
    {
        string? password;
        if (generate)
        {
            password = RandomNumberGenerator.GetString(Alphabet, GeneratedLength);
            await console.Text.WriteLineAsync($"password of {address}: {password}");
        }
        else
        {
            password = await console.ReadSecretAsync($"password of {address}: ", cancellationToken);
        }

        if (password is null || password.Length < MinPasswordLength || Encoding.UTF8.GetByteCount(password) > PasswordHash.MaxPasswordLength)
        {
            console.Fail($"A password has {MinPasswordLength} characters at least and {PasswordHash.MaxPasswordLength} octets at most.");
            return null;
        }

        return PasswordHash.Of(password);
    }

    private static ImmutableSortedDictionary<string, AccountEntry>? Unknown(ToolConsole console, string name) => NotDone(console, $"There is no account {name}.");

    private static ImmutableSortedDictionary<string, AccountEntry>? NotDone(ToolConsole console, string message)
    {
        console.Fail(message);
        return null;
    }
}
