using System.Text;

namespace Mailkey.Contracts;

/// <summary>Where the content store keeps a message.</summary>
public sealed record ContentReference
{
    /// <summary>Octets of <see cref="Prefix"/> that a content store gives at most.</summary>
    public const int MaxPrefix = 8192;

    /// <summary>Opaque to everybody but the content store.</summary>
    public required string Locator { get; init; }

    /// <summary>Octets of the content, those of <see cref="Prefix"/> included.</summary>
    public required long Length { get; init; }

    /// <summary>
    /// Whole header fields, each with its CRLF, that stand in front of what is stored: what became known after the content was stored. The store
    /// gives them with the content, so nobody else needs to look. Null: none.
    /// </summary>
    public string? Prefix { get; init; }

    /// <summary>The same content with fields in front of it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">All fields together have more than <see cref="MaxPrefix"/> octets: nobody could read that again.</exception>
    public ContentReference After(string prefix)
    {
        var all = prefix + Prefix;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Encoding.UTF8.GetByteCount(all), MaxPrefix, nameof(prefix));
        return this with { Prefix = all, Length = Length + Encoding.UTF8.GetByteCount(prefix) };
    }
}
