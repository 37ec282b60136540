using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mailkey.Agreements.Decisions;

/// <summary>Writes an enumeration as <c>kebab-case</c> words, and reads nothing else: a number would be bound to the order in the source.</summary>
public sealed class KebabCase<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false)
    where T : struct, Enum
{
    /// <summary>The word for one value.</summary>
    public static string Word(T value) => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}
