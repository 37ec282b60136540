using System.Diagnostics;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

/// <summary>The command <c>mailkey</c>, as a process with the configuration of a running system.</summary>
internal static class Operator
{
    /// <summary>Runs one command line.</summary>
    public static async Task<(int Exit, string Output, string Error)> RunAsync(MailkeySystem system, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add(Repository.Program("tools/mailkey", "Mailkey.Tool"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (key, value) in system.Environment)
        {
            start.Environment[key] = value;
        }

        using var process = Process.Start(start) ?? throw new InvalidOperationException("mailkey did not start");
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var error = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, await output, await error);
    }

    /// <summary>What <c>mailkey trace</c> tells of a message, as soon as the journal knows it.</summary>
    /// <param name="reply">The reply to the message; its queue id is in brackets.</param>
    public static async Task<string> TraceAsync(MailkeySystem system, string reply, CancellationToken cancellationToken)
    {
        var queueId = reply[(reply.LastIndexOf('[') + 1)..reply.LastIndexOf(']')];
        var (_, output, _) = await Eventually.GetAsync(
            () => RunAsync(system, ["trace", queueId], cancellationToken), run => run.Exit == 0, TimeSpan.FromSeconds(30), () => system.Logs());
        return output;
    }
}
