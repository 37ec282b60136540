using System.Text.Json;

namespace Mailkey.Agreements.Api;

/// <summary>Reads parameters of queries.</summary>
internal static class ApiQuery
{
    /// <summary>Rows of a page when a request does not say.</summary>
    public const int DefaultLimit = 50;

    /// <summary>Words of an enumeration, separated by commas; none for nothing.</summary>
    public static bool TryReadWords<T>(string? text, out IReadOnlyList<T> values)
        where T : struct, Enum
    {
        values = [];
        if (string.IsNullOrEmpty(text))
        {
            return true;
        }

        List<T> read = [];
        foreach (var word in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var found = Enum.GetValues<T>().Where(value => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString()) == word).ToArray();
            if (found.Length == 0)
            {
                return false;
            }

            read.Add(found[0]);
        }

        values = read;
        return true;
    }
}
