using System.Diagnostics;

namespace Mailkey.Testkit.Infrastructure;

/// <summary>Runs <c>deploy/local/infrastructure.sh</c>, which starts and stops the private servers.</summary>
internal static class InfrastructureScript
{
    public static ProcessStartInfo Command(params string[] arguments)
    {
        var start = new ProcessStartInfo("bash")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        start.ArgumentList.Add(Repository.PathOf("deploy/local/infrastructure.sh"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }

    /// <summary>Runs a command to its end and gives its standard output.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has what it wrote to standard error.</exception>
    public static async Task<string> RunAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        // The servers it starts inherit nothing: output goes to files, so that reading here ends with the script.
        using var process = Process.Start(Command(arguments)) ?? throw new InvalidOperationException("bash did not start");
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0
            ? await output
            : throw new InvalidOperationException($"infrastructure.sh {string.Join(' ', arguments)} ended with {process.ExitCode}: {await errors}");
    }

    /// <summary>The <c>NAME='value'</c> lines of the script's output.</summary>
    public static Dictionary<string, string> Parse(IEnumerable<string> lines)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in lines)
        {
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                values[line[..equals]] = line[(equals + 1)..].Trim('\'');
            }
        }

        return values;
    }
}
