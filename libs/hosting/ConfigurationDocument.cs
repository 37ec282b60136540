using System.Collections;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mailkey.Hosting.Options;

namespace Mailkey.Hosting;

/// <summary>The configuration described from the option classes: as a page to read, and as a file to edit.</summary>
public static class ConfigurationDocument
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>All of <c>docs/configuration.md</c>.</summary>
    public static string Markdown()
    {
        var page = new StringBuilder(
            $"""
            # Configuration

            Made from the option classes by `mailkey config docs`; change those, not this page.

            Every service and the command `mailkey` read the same keys, from these places, later ones winning:

            1. `appsettings.json` beside the program: every key with its default.
            2. The JSON file that the variable `MAILKEY_CONFIG` names.
            3. The environment: `MAILKEY_SMTP_PORT=25`, or in the framework's own form `{MailkeyOptions.Section}__Smtp__Port=25`, which wins. `./run` and Compose read a
               file `.env` into it.
            4. The command line of a service: `--{MailkeyOptions.Section}:Smtp:Port=25`.

            A list comes whole from the last place that names it. In a `MAILKEY_` variable its items are separated by commas:
            `MAILKEY_DOMAINS=example.org,example.net`. Times are written `[days.]hours:minutes:seconds`: `00:05:00`, `5.00:00:00`. Secrets have no default and belong
            into the environment. Log levels are under `Logging:LogLevel`, as in every .NET program (`Logging__LogLevel__Default=Debug`).

            `mailkey config check` reads all of it as the services do and names every mistake; a service with a broken configuration does not start.

            """);
        string? section = null;
        foreach (var (key, property, value) in MailkeyConfiguration.Keys())
        {
            var owner = key[..key.LastIndexOf(':')];
            if (owner != section)
            {
                section = owner;
                Head(page, owner, property.DeclaringType!);
            }

            Row(page, key, MailkeyConfiguration.ShortName(key), property, value);
        }

        foreach (var (key, property, _) in MailkeyConfiguration.Keys())
        {
            if (MailkeyConfiguration.ItemOptions(property) is not { } item)
            {
                continue;
            }

            Head(page, $"{key}:0, :1, …", item);
            var defaults = Activator.CreateInstance(item);
            foreach (var ofItem in Properties(item))
            {
                Row(page, $"{key}:0:{ofItem.Name}", $"{key.Replace(":", "__", StringComparison.Ordinal)}__0__{ofItem.Name}", ofItem, ofItem.GetValue(defaults));
            }
        }

        return page.ToString().ReplaceLineEndings("\n");
    }

    /// <summary>All of <c>appsettings.json</c>: every key with its default.</summary>
    public static string Defaults() => Render(new MailkeyOptions());

    /// <summary>Options as a JSON file that the services can read.</summary>
    public static string Render(MailkeyOptions options)
    {
        var root = new JsonObject
        {
            ["Logging"] = new JsonObject { ["LogLevel"] = new JsonObject { ["Default"] = "Information", ["Microsoft.AspNetCore"] = "Warning" } },
            [MailkeyOptions.Section] = Json(options),
        };
        return root.ToJsonString(Indented).ReplaceLineEndings("\n") + "\n";
    }

    private static IEnumerable<PropertyInfo> Properties(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).OrderBy(property => property.MetadataToken);

    private static JsonNode? Json(object? value) => value switch
    {
        null => null,
        TimeSpan span => JsonValue.Create(span.ToString("c", CultureInfo.InvariantCulture)),
        string text => JsonValue.Create(text),
        bool flag => JsonValue.Create(flag),
        int number => JsonValue.Create(number),
        long number => JsonValue.Create(number),
        double number => JsonValue.Create(number),
        IEnumerable list => new JsonArray([.. list.Cast<object?>().Select(Json)]),
        Enum word => JsonValue.Create(word.ToString()),
        _ => new JsonObject(Properties(value.GetType()).Select(property => KeyValuePair.Create(property.Name, Json(property.GetValue(value))))),
    };

    private static void Head(StringBuilder page, string section, Type type)
    {
        page.Append(CultureInfo.InvariantCulture, $"\n## {section}\n\n");
        if (type.GetCustomAttribute<DescriptionAttribute>() is { } description)
        {
            page.Append(CultureInfo.InvariantCulture, $"{description.Description}\n\n");
        }

        page.Append("| key | default | environment | meaning |\n|---|---|---|---|\n");
    }

    private static void Row(StringBuilder page, string key, string environment, PropertyInfo property, object? value)
    {
        var meaning = property.GetCustomAttribute<DescriptionAttribute>()?.Description ?? "";
        if (property.GetCustomAttribute<RangeAttribute>() is { } range)
        {
            meaning += Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture) >= int.MaxValue
                ? string.Create(CultureInfo.InvariantCulture, $" At least {range.Minimum}.")
                : string.Create(CultureInfo.InvariantCulture, $" From {range.Minimum} to {range.Maximum}.");
        }

        page.Append(CultureInfo.InvariantCulture, $"| `{key}` | {Default(value)} | `{environment}` | {meaning.Replace("|", "\\|", StringComparison.Ordinal)} |\n");
    }

    private static string Default(object? value) => value switch
    {
        null or "" => "",
        string or TimeSpan => string.Create(CultureInfo.InvariantCulture, $"`{value}`"),
        bool flag => flag ? "`true`" : "`false`",
        IEnumerable list => string.Join(", ", list.Cast<object?>().Select(Default)),
        _ => string.Create(CultureInfo.InvariantCulture, $"`{value}`"),
    };
}
