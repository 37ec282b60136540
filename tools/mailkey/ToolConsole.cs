using System.Text;
using System.Text.Json;

namespace Mailkey.Tool;

/// <summary>Where a command reads and writes. Messages are octets, so that standard input and output are streams.</summary>
public sealed class ToolConsole(Stream input, Stream output, TextWriter error) : IAsyncDisposable
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private bool _isOfProcess;

    public Stream Input { get; } = input;

    public Stream Output { get; } = output;

    /// <summary>Text on standard output; written through at once.</summary>
    public TextWriter Text { get; } = new StreamWriter(output, Utf8, leaveOpen: true) { AutoFlush = true, NewLine = "\n" };

    public TextWriter Error { get; } = error;

    /// <summary>The console of this process.</summary>
    public static ToolConsole OfProcess() => new(Console.OpenStandardInput(), Console.OpenStandardOutput(), Console.Error) { _isOfProcess = true };

    /// <summary>Says what is wrong and what to do, and gives the exit code for it.</summary>
    public int Fail(string message, int exitCode = ExitCode.NotDone)
    {
        Error.WriteLine($"mailkey: {message}");
        return exitCode;
    }

    /// <summary>Writes one JSON object to standard output, when all of it is there.</summary>
    /// <param name="write">Writes its properties.</param>
    public async Task WriteJsonAsync(Func<Utf8JsonWriter, Task> write, CancellationToken cancellationToken)
    {
        using var buffer = new MemoryStream();
        await using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            await write(writer);
            writer.WriteEndObject();
        }

        await Output.WriteAsync(buffer.ToArray(), cancellationToken);
        await Output.WriteAsync("\n"u8.ToArray(), cancellationToken);
    }

    /// <summary>A line that nobody may see: from the keyboard without echo, else from standard input. Null when there is none.</summary>
    public async Task<string?> ReadSecretAsync(string prompt, CancellationToken cancellationToken)
    {
        if (!_isOfProcess || Console.IsInputRedirected)
        {
            using var reader = new StreamReader(Input, Utf8, leaveOpen: true);
            return await reader.ReadLineAsync(cancellationToken);
        }

        await Error.WriteAsync(prompt);
        var line = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                line.Length = Math.Max(0, line.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar))
            {
                line.Append(key.KeyChar);
            }
        }

        await Error.WriteLineAsync();
        return line.ToString();
    }

    public async ValueTask DisposeAsync() => await Text.DisposeAsync();
}

/// <summary>What the command tells its caller.</summary>
public static class ExitCode
{
    /// <summary>Done, and the answer is yes.</summary>
    public const int Yes = 0;

    /// <summary>Done, and the answer is no: the signature is bad, the domain has a problem, the configuration is wrong.</summary>
    public const int No = 1;

    /// <summary>Not done: wrong usage, an unreadable file, no answer from the network.</summary>
    public const int NotDone = 2;
}
