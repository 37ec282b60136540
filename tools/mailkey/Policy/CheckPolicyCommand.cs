using System.CommandLine;
using System.Globalization;

namespace Mailkey.Tool.Policy;

/// <summary><c>mailkey policy check</c></summary>
internal static class CheckPolicyCommand
{
    public static Command Create(ToolConsole console)
    {
        var file = new Argument<string>("file") { Description = "The policy file." };
        var command = new ToolCommand(
            "check",
            "Say what is wrong with a policy file, and what its rules do.",
            """
            Every error is printed, with file, line and column. Lists that the file names are read too.

            Examples:
              mailkey policy check /etc/mailkey/policy.json
            """)
        { file };
        command.SetAction(result =>
        {
            var path = result.GetValue(file)!;
            if (!File.Exists(path))
            {
                return console.Fail($"{path}: there is no such file.");
            }

            if (PolicySource.Rules(console, path) is not { } rules)
            {
                return ExitCode.No;
            }

            foreach (var (section, name, line, outcome) in rules.Summary)
            {
                console.Text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{line,5}  {section,-12}  {name,-30}  {outcome}"));
            }

            foreach (var (name, line, behind) in rules.Unreachable())
            {
                console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path}:{line}:1: warning: \"{name}\" is never reached, \"{behind}\" decides about every message"));
            }

            console.Text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path}: {rules.Count} rules, no errors."));
            return ExitCode.Yes;
        });
        return command;
    }
}
