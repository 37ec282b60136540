using System.CommandLine;
using System.Globalization;
using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;

namespace Mailkey.Tool.Configuration;

/// <summary><c>mailkey config</c></summary>
internal static class ConfigCommand
{
    public static Command Create(ToolConsole console) => new ToolCommand(
        "config",
        "Check, show and describe the configuration.",
        """
        The configuration is what the services would read in this place: appsettings.json beside the program, the file
        that MAILKEY_CONFIG names, the environment. Every key is described in docs/configuration.md.

        Examples:
          mailkey config check
          MAILKEY_SMTP_PORT=25 mailkey config show
        """)
    {
        Check(console),
        Show(console),
        Print("docs", "Print docs/configuration.md, made from the option classes.", ConfigurationDocument.Markdown, console),
        Print("defaults", "Print appsettings.json: every key with its default.", ConfigurationDocument.Defaults, console),
    };

    private static Option<FileInfo?> FileOption() => new("--file") { Description = "JSON file to read over the one that MAILKEY_CONFIG names." };

    private static ToolCommand Check(ToolConsole console)
    {
        var file = FileOption();
        var command = new ToolCommand(
            "check",
            "Check the whole configuration and name every mistake.",
            """
            Reads every source, then checks each value, how values go together, that files can be read, that the
            certificate fits its key, and that the data folder can be written. Names that are in no option class are
            mistakes too. Nothing is contacted.

            Examples:
              mailkey config check
              mailkey config check --file /etc/mailkey/mailkey.json
            """)
        { file };
        command.SetAction(result =>
        {
            if (!TryRead(console, result.GetValue(file), out var configuration))
            {
                return ExitCode.No;
            }

            var check = new ConfigurationCheck(configuration);
            check.Run();
            foreach (var warning in check.Warnings)
            {
                console.Text.WriteLine($"warning: {warning}");
            }

            foreach (var failure in check.Failures)
            {
                console.Text.WriteLine($"wrong:   {failure}");
            }

            if (check.Failures.Count > 0)
            {
                return console.Fail(string.Create(CultureInfo.InvariantCulture, $"{check.Failures.Count} mistakes. No service starts before they are mended."), ExitCode.No);
            }

            console.Text.WriteLine("The configuration is good.");
            return ExitCode.Yes;
        });
        return command;
    }

    private static ToolCommand Show(ToolConsole console)
    {
        var file = FileOption();
        var command = new ToolCommand(
            "show",
            "Print the configuration as the services see it.",
            """
            Prints JSON with every key, defaults included. Passwords are hidden.

            Examples:
              mailkey config show
              mailkey config show | jq .Mailkey.Smtp
            """)
        { file };
        command.SetAction(result =>
        {
            if (!TryRead(console, result.GetValue(file), out var configuration))
            {
                return ExitCode.No;
            }

            var check = new ConfigurationCheck(configuration);
            var options = check.Bind();
            foreach (var failure in check.Failures)
            {
                console.Fail($"{failure} The default is shown.");
            }

            Secrets.Hide(options);
            console.Text.Write(ConfigurationDocument.Render(options));
            return check.Failures.Count == 0 ? ExitCode.Yes : ExitCode.No;
        });
        return command;
    }

    private static ToolCommand Print(string name, string description, Func<string> text, ToolConsole console)
    {
        var command = new ToolCommand(name, description, $"Examples:\n  mailkey config {name} > {(name == "docs" ? "docs/configuration.md" : "libs/hosting/appsettings.json")}");
        command.SetAction(_ => console.Text.Write(text()));
        return command;
    }

    private static bool TryRead(ToolConsole console, FileInfo? file, out IConfigurationRoot configuration)
    {
        configuration = null!;
        try
        {
            var builder = new ConfigurationBuilder();
            MailkeyConfiguration.AddSources(builder, []);
            if (file is not null)
            {
                // Above the defaults and the file that MAILKEY_CONFIG names, below the environment.
                var above = builder.Sources.Count(source => source is JsonConfigurationSource);
                builder.Sources.Insert(above, new ConfigurationBuilder().AddJsonFile(file.FullName, optional: false).Sources[0]);
            }

            configuration = builder.Build();
            return true;
        }
        catch (Exception e) when (e is InvalidDataException or FileNotFoundException or FormatException)
        {
            console.Fail($"{e.Message} {e.InnerException?.Message}".Trim(), ExitCode.No);
            return false;
        }
    }
}
