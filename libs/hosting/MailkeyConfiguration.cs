using System.Collections;
using System.Reflection;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Configuration;

namespace Mailkey.Hosting;

/// <summary>
/// The sources of the configuration, later ones winning: <c>appsettings.json</c> beside the program, the file that
/// <c>MAILKEY_CONFIG</c> names, the environment (<c>Mailkey__Smtp__Port</c> or <c>MAILKEY_SMTP_PORT</c>), the command line.
/// </summary>
public static class MailkeyConfiguration
{
    public static void AddSources(IConfigurationBuilder configuration, string[] args)
    {
        configuration.AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true);
        if (Environment.GetEnvironmentVariable("MAILKEY_CONFIG") is { Length: > 0 } file)
        {
            configuration.AddJsonFile(Path.GetFullPath(file), optional: false);
        }

        configuration.AddInMemoryCollection(ShortEnvironment(Environment.GetEnvironmentVariables()));
        configuration.AddEnvironmentVariables();
        configuration.AddCommandLine(args);
    }

    /// <summary>All keys of the configuration with the property each is bound to.</summary>
    public static IEnumerable<(string Key, PropertyInfo Property, object? Default)> Keys() =>
        Walk(new MailkeyOptions(), MailkeyOptions.Section);

    /// <summary>Name of the short environment variable of a key: <c>Mailkey:Smtp:Port</c> is <c>MAILKEY_SMTP_PORT</c>.</summary>
    public static string ShortName(string key) => key.Replace(':', '_').ToUpperInvariant();

    /// <summary>
    /// Binds the section <c>Mailkey</c>. A list comes whole from the last source that names it: the framework's own
    /// binding would merge the lists of all sources and the default item by item.
    /// </summary>
    public static void Bind(IConfiguration configuration, MailkeyOptions options)
    {
        configuration.GetSection(MailkeyOptions.Section).Bind(options);
        foreach (var (key, property, _) in Keys())
        {
            if (!property.PropertyType.IsGenericType || configuration is not IConfigurationRoot root)
            {
                continue;
            }

            var last = root.Providers.LastOrDefault(provider => provider.GetChildKeys([], key).Any());
            if (last is null)
            {
                continue;
            }

            object owner = options;
            foreach (var step in key.Split(':')[1..^1])
            {
                owner = owner.GetType().GetProperty(step)!.GetValue(owner)!;
            }

            property.SetValue(owner, new ConfigurationRoot([last]).GetSection(key).Get(property.PropertyType));
        }

        // Who has a page of domains shows it to whom it is for.
        if (options is { StatusPage: { Enabled: true, PublicUrl: { Length: > 0 } page }, Policy.HelpUrl: PolicyOptions.NoHelpUrl } && Uri.TryCreate(page, UriKind.Absolute, out _))
        {
            options.Policy.HelpUrl = $"{page.TrimEnd('/')}/domain/";
        }
    }

    /// <summary>The option class of which a property is a list; null when it is none.</summary>
    internal static Type? ItemOptions(PropertyInfo property) =>
        property.PropertyType.IsGenericType && property.PropertyType.GetGenericArguments() is [{ } item] && item.Namespace == typeof(MailkeyOptions).Namespace ? item : null;

    private static IEnumerable<(string, PropertyInfo, object?)> Walk(object options, string path)
    {
        foreach (var property in options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).OrderBy(p => p.MetadataToken))
        {
            var value = property.GetValue(options);
            if (value is not null && property.PropertyType.Namespace == typeof(MailkeyOptions).Namespace)
            {
                foreach (var inner in Walk(value, $"{path}:{property.Name}"))
                {
                    yield return inner;
                }
            }
            else
            {
                yield return ($"{path}:{property.Name}", property, value);
            }
        }
    }

    // A list is given with commas, and one of domains or zones as their names with commas: MAILKEY_DOMAINS=example.org,example.net
    private static IEnumerable<KeyValuePair<string, string?>> ShortEnvironment(IDictionary environment)
    {
        foreach (var (key, property, _) in Keys())
        {
            if (environment[ShortName(key)] is not string { Length: > 0 } value)
            {
                continue;
            }

            if (!property.PropertyType.IsGenericType || property.PropertyType.GetGenericTypeDefinition() != typeof(List<>))
            {
                yield return new(key, value);
                continue;
            }

            var suffix = ItemOptions(property) is null ? "" : $":{nameof(HostedDomainOptions.Name)}";
            var items = value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            for (var i = 0; i < items.Length; i++)
            {
                yield return new($"{key}:{i}{suffix}", items[i]);
            }
        }
    }
}
