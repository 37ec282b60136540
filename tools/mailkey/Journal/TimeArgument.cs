using System.Globalization;

namespace Mailkey.Tool.Journal;

/// <summary>A time as an operator types it: <c>2026-11-22</c>, <c>2026-11-22T03:04</c>, with or without a zone (UTC), or an age: <c>90s</c>, <c>10m</c>, <c>2h</c>, <c>3d</c>.</summary>
internal static class TimeArgument
{
    public static bool TryParse(string text, DateTimeOffset now, out DateTimeOffset time)
    {
        time = default;
        if (text.Length > 1 && text.AsSpan(0, text.Length - 1).ContainsAnyExceptInRange('0', '9') is false
            && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && Unit(text[^1]) is { } unit)
        {
            var age = unit * count;
            if (age > now - DateTimeOffset.UnixEpoch)
            {
                return false;
            }

            time = now - age;
            return true;
        }

        return DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal | DateTimeStyles.AllowWhiteSpaces, out time);
    }

    private static TimeSpan? Unit(char unit) => unit switch
    {
        's' => TimeSpan.FromSeconds(1),
        'm' => TimeSpan.FromMinutes(1),
        'h' => TimeSpan.FromHours(1),
        'd' => TimeSpan.FromDays(1),
        _ => null,
    };
}
