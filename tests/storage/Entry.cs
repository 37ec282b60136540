namespace Mailkey.Storage.Tests;

/// <summary>The test runner, or, with <c>--writer folder</c>, a process that writes content until it is killed.</summary>
internal static class Entry
{
    public static Task<int> Main(string[] args) => args switch
    {
        ["--writer", var folder] => WriterProcess.RunAsync(folder),
        _ when args.Any(arg => arg is "--server" or "--internal-msbuild-node") =>
            Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions),
        _ => Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args),
    };
}
