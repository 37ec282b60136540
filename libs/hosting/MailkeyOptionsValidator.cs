using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Hosting;

/// <summary>Says all that is wrong with a configuration, each with the key to change.</summary>
public sealed class MailkeyOptionsValidator : IValidateOptions<MailkeyOptions>
{
    public ValidateOptionsResult Validate(string? name, MailkeyOptions options)
    {
        List<string> failures = [];
        Annotations(options, MailkeyOptions.Section, failures);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static void Annotations(object options, string path, List<string> failures)
    {
        foreach (var property in options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var value = property.GetValue(options);
            var key = $"{path}:{property.Name}";
            foreach (var rule in property.GetCustomAttributes<ValidationAttribute>())
            {
                if (!rule.IsValid(value))
                {
                    failures.Add($"{key}: {rule.FormatErrorMessage(property.Name)} It is \"{value}\".");
                }
            }

            if (value is TimeSpan span && span <= TimeSpan.Zero)
            {
                failures.Add($"{key}: must be longer than zero. It is \"{span}\".");
            }

            if (value is System.Collections.IList list)
            {
                for (var i = 0; i < list.Count; i++)
                {
                    if (list[i] is { } item && item.GetType().Namespace == typeof(MailkeyOptions).Namespace)
                    {
                        Annotations(item, $"{key}:{i}", failures);
                    }
                }
            }
            else if (value is not null && property.PropertyType.Namespace == typeof(MailkeyOptions).Namespace)
            {
                Annotations(value, key, failures);
            }
        }
    }
}
