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
        if (Annotations(options, MailkeyOptions.Section, failures))
        {
            new MailkeyOptionsRules(options, failures).Check();
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    // False when a value is null that can't be: JSON says null, and what binds it does not mind.
    private static bool Annotations(object options, string path, List<string> failures)
    {
        var defaults = Activator.CreateInstance(options.GetType());
        var complete = true;
        foreach (var property in options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var value = property.GetValue(options);
            var key = $"{path}:{property.Name}";
            if (value is null && property.GetValue(defaults) is not null)
            {
                failures.Add($"{key}: must not be null.");
                complete = false;
                continue;
            }

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
                        complete &= Annotations(item, $"{key}:{i}", failures);
                    }
                }
            }
            else if (value is not null && property.PropertyType.Namespace == typeof(MailkeyOptions).Namespace)
            {
                complete &= Annotations(value, key, failures);
            }
        }

        return complete;
    }
}
