using System.CommandLine;
using System.CommandLine.Help;
using Mailkey.Tool.Accounts;
using Mailkey.Tool.Agreements;
using Mailkey.Tool.Configuration;
using Mailkey.Tool.DeadLetters;
using Mailkey.Tool.Journal;
using Mailkey.Tool.Keys;
using Mailkey.Tool.Ledger;
using Mailkey.Tool.Messages;
using Mailkey.Tool.Policy;

namespace Mailkey.Tool;

/// <summary>The operator's command: all of its subcommands.</summary>
public static class MailkeyTool
{
    private const string ExitCodes = "Exit code: 0 yes or done; 1 the answer is no; 2 not done (usage, files, network). Errors go to standard error.";

    /// <summary>Runs one command line.</summary>
    /// <returns>The exit code; see <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(string[] arguments, ToolConsole console, CancellationToken cancellationToken, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(console);
        time ??= TimeProvider.System;
        var root = new RootCommand("The operator's command of Mailkey: keys, records, signatures, message lives, policy, ledger, agreements, accounts, dead letters, configuration.")
        {
            KeygenCommand.Create(console),
            RecordsCommand.Create(console, time),
            CheckCommand.Create(console, time),
            SignCommand.Create(console, time),
            VerifyCommand.Create(console, time),
            ConfigCommand.Create(console),
            TraceCommand.Create(console, time),
            PolicyCommand.Create(console, time),
            LedgerCommand.Create(console, time),
            AgreementsCommand.Create(console, time),
            AccountsCommand.Create(console),
            DeadLettersCommand.Create(console),
        };
        foreach (var option in root.Options)
        {
            if (option is HelpOption { Action: HelpAction framework } help)
            {
                help.Action = new TeachingHelp(framework, ExitCodes);
            }
        }

        var result = root.Parse(arguments);
        if (result.Errors.Count > 0 && result.Action is not TeachingHelp)
        {
            foreach (var error in result.Errors)
            {
                console.Fail(error.Message);
            }

            await console.Error.WriteLineAsync($"See: {CommandLineOf(result.CommandResult.Command)} --help");
            return ExitCode.NotDone;
        }

        try
        {
            return await result.InvokeAsync(new InvocationConfiguration { Output = console.Text, Error = console.Error, EnableDefaultExceptionHandler = false }, cancellationToken);
        }
        catch (IOException e)
        {
            return console.Fail(e.Message);
        }
        catch (UnauthorizedAccessException e)
        {
            return console.Fail(e.Message);
        }
        catch (OperationCanceledException)
        {
            return console.Fail("interrupted");
        }
    }

    private static string CommandLineOf(Command command)
    {
        List<string> names = [];
        for (Symbol? at = command; at is not null; at = at.Parents.FirstOrDefault())
        {
            names.Insert(0, at is RootCommand ? "mailkey" : at.Name);
        }

        return string.Join(' ', names);
    }
}
