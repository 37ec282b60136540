using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Mailkey.Tool;

/// <summary>A command whose help shows how it is used.</summary>
/// <param name="description">One line, as the list of commands shows it.</param>
/// <param name="teaching">What its own help says beyond the options: how to use it, with examples.</param>
public class ToolCommand(string name, string description, string teaching) : Command(name, description)
{
    /// <summary>Paragraphs and examples, with line ends, without indentation.</summary>
    public string Teaching { get; } = teaching;
}

/// <summary>The help of the framework, and after it what the command teaches.</summary>
internal sealed class TeachingHelp(HelpAction framework, string exitCodes) : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        // The framework takes the name of the assembly for that of the command.
        var output = parseResult.InvocationConfiguration.Output;
        using var text = new StringWriter();
        parseResult.InvocationConfiguration.Output = text;
        var result = framework.Invoke(parseResult);
        parseResult.InvocationConfiguration.Output = output;
        output.Write(text.ToString().Replace($"  {parseResult.RootCommandResult.Command.Name} ", "  mailkey ", StringComparison.Ordinal).TrimEnd() + "\n\n");
        if (parseResult.CommandResult.Command is ToolCommand command)
        {
            output.WriteLine(command.Teaching.ReplaceLineEndings("\n").Trim('\n'));
            output.WriteLine();
        }

        output.WriteLine(exitCodes);
        return result;
    }
}
