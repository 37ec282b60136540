using System.Globalization;
using Mailkey.Agreements.Agreements;

namespace Mailkey.Agreements.Portal;

/// <summary>Terms as fields of a form, and back.</summary>
internal static class TermsForm
{
    private const double Megabyte = 1 << 20;

    /// <summary>The fields and their values for terms.</summary>
    public static IReadOnlyList<(string Name, string Value)> FieldsOf(Terms terms) =>
    [
        ("rate", terms.Rate.ToString(CultureInfo.InvariantCulture)),
        ("size", MegabytesOf(terms)),
        ("dnsbl", Word(terms.Dnsbl)),
        ("spf", Word(terms.Spf)),
        ("mailkey", Word(terms.Mailkey)),
        ("feedback", Word(terms.Feedback.Format)),
        ("expires", DayOf(terms)),
    ];

    /// <summary>The size as the form shows it.</summary>
    public static string MegabytesOf(Terms terms) => (terms.Size / Megabyte).ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>The last day as the form shows it; empty for none.</summary>
    public static string DayOf(Terms terms) => terms.Expires is { } end ? end.UtcDateTime.AddTicks(-1).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : "";

    /// <summary>The word of a value.</summary>
    public static string Word<T>(T value)
        where T : struct, Enum => Decisions.KebabCase<T>.Word(value);

    /// <summary>Reads the fields; what a form cannot say stays as it is in the terms that were shown.</summary>
    /// <param name="problem">What is wrong.</param>
    public static Terms? Read(IFormCollection form, Terms shown, out string problem)
    {
        problem = "";
        if (!int.TryParse(One("rate"), NumberStyles.None, CultureInfo.InvariantCulture, out var rate) || rate < 1)
        {
            problem = "Messages a day must be a whole number from 1 on.";
            return null;
        }

        var size = shown.Size;
        if (One("size") != MegabytesOf(shown))
        {
            if (!double.TryParse(One("size"), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var megabytes) || megabytes is not (> 0 and < 100_000))
            {
                problem = "The size must be a number of megabytes, such as 10 or 0.5.";
                return null;
            }

            size = Math.Max(1, (long)(megabytes * Megabyte));
        }

        var expires = shown.Expires;
        if (One("expires") != DayOf(shown))
        {
            expires = null;
            if (One("expires").Length > 0)
            {
                if (!DateOnly.TryParseExact(One("expires"), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) || day.Year > 9998)
                {
                    problem = "The end must be a day such as 2027-01-31.";
                    return null;
                }

                expires = new(day.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
            }
        }

        if (!TryWord<DnsblTerm>(One("dnsbl"), out var dnsbl) || !TryWord<SpfTerm>(One("spf"), out var spf) || !TryWord<MailkeyTerm>(One("mailkey"), out var mailkey)
            || !TryWord<FeedbackFormat>(One("feedback"), out var feedback))
        {
            problem = "Choose one of the values that are offered.";
            return null;
        }

        return shown with
        {
            Rate = rate,
            Size = size,
            Expires = expires,
            Dnsbl = dnsbl,
            DnsblZones = dnsbl == DnsblTerm.SkipZones ? shown.DnsblZones : null,
            Spf = spf,
            Mailkey = mailkey,
            Feedback = feedback == FeedbackFormat.Off ? Feedback.Off : shown.Feedback,
        };

        string One(string name) => form[name] is [{ } value] ? value.Trim() : "";
    }

    public static bool TryWord<T>(string text, out T value)
        where T : struct, Enum
    {
        foreach (var candidate in Enum.GetValues<T>())
        {
            if (Word(candidate) == text)
            {
                value = candidate;
                return true;
            }
        }

        value = default;
        return false;
    }
}
