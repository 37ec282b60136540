namespace Mailkey.Tool.Tests;

public sealed class HelpTests
{
    [Theory]
    [InlineData("keygen")]
    [InlineData("records")]
    [InlineData("check")]
    [InlineData("sign")]
    [InlineData("verify")]
    [InlineData("config")]
    [InlineData("config", "check")]
    [InlineData("config", "show")]
    [InlineData("config", "docs")]
    [InlineData("config", "defaults")]
    [InlineData("trace")]
    [InlineData("policy", "check")]
    [InlineData("policy", "explain")]
    [InlineData("policy", "forecast")]
    [InlineData("policy", "replay")]
    [InlineData("dead-letters")]
    [InlineData("dead-letters", "list")]
    [InlineData("dead-letters", "show")]
    [InlineData("dead-letters", "redeliver")]
    public async Task Help_of_each_command_shows_examples(params string[] command)
    {
        var help = (await Tool.RunAsync([.. command, "--help"])).Good;
        var name = "mailkey " + string.Join(' ', command);

        Assert.Contains($"\n  {name} ", help, StringComparison.Ordinal);
        var examples = help[help.IndexOf("Examples:", StringComparison.Ordinal)..];
        Assert.Contains("\n  " + (command is ["config", ..] ? "mailkey config" : name) + " ", examples, StringComparison.Ordinal);
        Assert.Contains("Exit code: ", help, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_lists_the_commands()
    {
        var help = (await Tool.RunAsync("--help")).Good;
        Assert.All(["keygen", "records", "check", "sign", "verify", "config", "trace", "policy", "dead-letters"], command => Assert.Contains($"\n  {command}", help, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData]
    [InlineData("nonsense")]
    [InlineData("config")]
    [InlineData("check")]
    public async Task Wrong_usage_is_exit_code_2_and_points_to_the_help(params string[] arguments)
    {
        var result = await Tool.RunAsync(arguments);
        Assert.Equal((2, ""), (result.Code, result.Output));
        Assert.Contains("--help", result.Error, StringComparison.Ordinal);
    }
}
