using System.Text;
using Mailkey.Tool;

namespace Mailkey.Tool.Tests;

/// <summary>Runs command lines in this process.</summary>
internal static class Tool
{
    public static async Task<ToolResult> RunAsync(string[] arguments, string input = "", TimeProvider? time = null)
    {
        using var standardInput = new MemoryStream(Encoding.Latin1.GetBytes(input));
        using var output = new MemoryStream();
        await using var error = new StringWriter();
        await using var console = new ToolConsole(standardInput, output, error);
        var code = await MailkeyTool.RunAsync(arguments, console, TestContext.Current.CancellationToken, time);
        return new(code, Encoding.Latin1.GetString(output.ToArray()), error.ToString());
    }

    public static Task<ToolResult> RunAsync(params string[] arguments) => RunAsync(arguments, "");
}

internal sealed record ToolResult(int Code, string Output, string Error)
{
    /// <summary>The output of a command that must have worked.</summary>
    public string Good => Code == 0 ? Output : throw new InvalidOperationException($"exit code {Code}: {Error}{Output}");
}
