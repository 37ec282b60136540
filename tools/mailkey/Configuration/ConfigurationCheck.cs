using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Mailkey.Policy.Reading;
using Microsoft.Extensions.Configuration;

namespace Mailkey.Tool.Configuration;

/// <summary>Finds all that is wrong with a configuration, not only the first thing.</summary>
internal sealed class ConfigurationCheck(IConfigurationRoot configuration)
{
    // Variables of this prefix that are no keys: see the README and ./run --help.
    private static readonly string[] OtherVariables = ["MAILKEY_CONFIG", "MAILKEY_VERIFIERS", "MAILKEY_CORPORA"];

    public List<string> Failures { get; } = [];

    public List<string> Warnings { get; } = [];

    public void Run()
    {
        var options = Bind();
        UnknownKeys();
        UnknownVariables();
        if (new MailkeyOptionsValidator().Validate(null, options) is { Failed: true } result)
        {
            Failures.AddRange(result.Failures);
        }

        Files(options);
    }

    /// <summary>Binds what can be bound; what can't becomes a failure and keeps its default.</summary>
    public MailkeyOptions Bind()
    {
        // A copy without the values that no type takes, since binding ends at the first of them.
        var bad = MailkeyConfiguration.Keys().SelectMany(key => Unreadable(key.Key, key.Property.PropertyType)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var key in bad.Order(StringComparer.Ordinal))
        {
            Failures.Add($"{key}: \"{configuration[key]}\" is not {Kind(TypeOf(key))}.");
        }

        var options = new MailkeyOptions();
        MailkeyConfiguration.Bind(bad.Count == 0 ? configuration : Without(bad), options);
        return options;
    }

    private static string Kind(Type type) => type == typeof(bool) ? "true or false" : type == typeof(TimeSpan) ? "a time like 00:05:00" : "a whole number in its range";

    private static Type TypeOf(string key)
    {
        var type = typeof(MailkeyOptions);
        foreach (var step in key.Split(':').Skip(1))
        {
            type = int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out _) && type.IsGenericType
                ? type.GetGenericArguments()[0]
                : type.GetProperty(step, BindingFlags.IgnoreCase | BindingFlags.Public | BindingFlags.Instance)?.PropertyType ?? typeof(string);
        }

        return type;
    }

    // Each source as it was, so that a list still comes whole from the last one that names it.
    private IConfigurationRoot Without(HashSet<string> bad)
    {
        var builder = new ConfigurationBuilder();
        foreach (var provider in configuration.Providers)
        {
            var single = new ConfigurationRoot([provider]);
            builder.AddInMemoryCollection(single.AsEnumerable().Where(pair => pair.Value is not null && !bad.Contains(pair.Key)));
        }

        return builder.Build();
    }

    private IEnumerable<string> Unreadable(string key, Type type)
    {
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(List<>))
        {
            return configuration.GetSection(key).GetChildren().SelectMany(item => Unreadable(item.Path, type.GetGenericArguments()[0]));
        }

        if (type.Namespace == typeof(MailkeyOptions).Namespace)
        {
            return type.GetProperties(BindingFlags.Public | BindingFlags.Instance).SelectMany(property => Unreadable($"{key}:{property.Name}", property.PropertyType));
        }

        try
        {
            if (configuration[key] is not null)
            {
                configuration.GetSection(key).Get(type);
            }

            return [];
        }
        catch (InvalidOperationException)
        {
            return [key];
        }
    }

    private void UnknownKeys()
    {
        foreach (var (key, value) in configuration.GetSection(MailkeyOptions.Section).AsEnumerable().Where(pair => pair.Value is not null))
        {
            if (!Exists(typeof(MailkeyOptions), key.Split(':').AsSpan(1)) && !(value == "" && key == MailkeyOptions.Section))
            {
                Failures.Add($"{key}: there is no such key. mailkey config docs lists all of them.");
            }
        }
    }

    private static bool Exists(Type type, ReadOnlySpan<string> path)
    {
        if (path.IsEmpty)
        {
            return true;
        }

        if (type.IsGenericType)
        {
            return Exists(type.GetGenericArguments()[0], path[1..]);
        }

        var property = type.GetProperty(path[0], BindingFlags.IgnoreCase | BindingFlags.Public | BindingFlags.Instance);
        return property is not null && Exists(property.PropertyType, path[1..]);
    }

    private void UnknownVariables()
    {
        var known = MailkeyConfiguration.Keys().Select(key => MailkeyConfiguration.ShortName(key.Key)).Concat(OtherVariables).ToHashSet(StringComparer.Ordinal);
        foreach (var name in Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(entry => (string)entry.Key).Order(StringComparer.Ordinal))
        {
            if (name.StartsWith("MAILKEY_", StringComparison.Ordinal) && !name.Contains("__", StringComparison.Ordinal) && !known.Contains(name))
            {
                Warnings.Add($"the variable {name} is none of ours, or misspelt.");
            }
        }
    }

    private void Files(MailkeyOptions options)
    {
        var certificate = Readable("Smtp:Certificate", options.Smtp.Certificate);
        var key = Readable("Smtp:CertificateKey", options.Smtp.CertificateKey);
        if (certificate && key)
        {
            Certificate(options.Smtp.Certificate!, options.Smtp.CertificateKey!);
        }

        if (Readable("KeyHost:CertificateAuthorities", options.KeyHost.CertificateAuthorities))
        {
            try
            {
                var authorities = new X509Certificate2Collection();
                authorities.ImportFromPemFile(options.KeyHost.CertificateAuthorities!);
                if (authorities.Count == 0)
                {
                    Failures.Add($"{MailkeyOptions.Section}:KeyHost:CertificateAuthorities: {options.KeyHost.CertificateAuthorities} holds no certificate.");
                }
            }
            catch (CryptographicException e)
            {
                Failures.Add($"{MailkeyOptions.Section}:KeyHost:CertificateAuthorities: {e.Message}");
            }
        }

        if (Readable("Policy:File", options.Policy.File))
        {
            Failures.AddRange(PolicyFile.Load(options.Policy.File).Errors.Select(error => $"{MailkeyOptions.Section}:Policy:File: {error}"));
        }

        Folder(options.DataFolder);
    }

    private bool Readable(string key, string? file)
    {
        if (string.IsNullOrEmpty(file))
        {
            return false;
        }

        try
        {
            using var stream = File.OpenRead(file);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            Failures.Add($"{MailkeyOptions.Section}:{key}: {e.Message}");
            return false;
        }
    }

    private void Certificate(string certificate, string key)
    {
        try
        {
            using var pair = X509Certificate2.CreateFromPemFile(certificate, key);
            var now = TimeProvider.System.GetUtcNow().UtcDateTime;
            if (pair.NotAfter.ToUniversalTime() < now)
            {
                Failures.Add(string.Create(CultureInfo.InvariantCulture, $"{MailkeyOptions.Section}:Smtp:Certificate: expired on {pair.NotAfter:yyyy-MM-dd}."));
            }
            else if (pair.NotBefore.ToUniversalTime() > now)
            {
                Failures.Add(string.Create(CultureInfo.InvariantCulture, $"{MailkeyOptions.Section}:Smtp:Certificate: begins on {pair.NotBefore:yyyy-MM-dd} only."));
            }
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            Failures.Add($"{MailkeyOptions.Section}:Smtp:Certificate: {certificate} and {key} are no certificate with its key: {e.Message}");
        }
    }

    // The services make the folder; what counts is that they may.
    private void Folder(string folder)
    {
        if (!Path.IsPathFullyQualified(folder))
        {
            return; // the validator says so
        }

        var existing = folder;
        while (!Directory.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing) ?? "/";
        }

        var probe = Path.Combine(existing, $".mailkey-{Guid.NewGuid():N}");
        try
        {
            using (File.Create(probe, 1, FileOptions.DeleteOnClose))
            {
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Warnings.Add($"{MailkeyOptions.Section}:DataFolder: {existing} can't be written by this user: {e.Message}");
        }
    }
}
