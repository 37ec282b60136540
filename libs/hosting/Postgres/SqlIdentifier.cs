namespace Mailkey.Hosting.Postgres;

/// <summary>Names that are put into SQL text, where a parameter cannot stand.</summary>
public static class SqlIdentifier
{
    /// <summary>PostgreSQL cuts longer names silently (NAMEDATALEN - 1).</summary>
    public const int MaxLength = 63;

    /// <summary>Returns the name when it needs no quotes; anything else is a programming error.</summary>
    /// <exception cref="ArgumentException">Not <c>[a-z_][a-z0-9_]*</c>, or longer than <see cref="MaxLength"/>.</exception>
    public static string Require(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var plain = name.Length <= MaxLength && !char.IsAsciiDigit(name[0]);
        foreach (var c in name)
        {
            plain &= char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_';
        }

        return plain ? name : throw new ArgumentException($"\"{name}\" is not a plain SQL name.", nameof(name));
    }

    /// <summary>Writes a .NET type or property name in SQL's manner: <c>DeferredDelivery</c> is <c>deferred_delivery</c>.</summary>
    public static string From(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var text = new System.Text.StringBuilder(name.Length + 8);
        for (var i = 0; i < name.Length; i++)
        {
            if (i > 0 && char.IsAsciiLetterUpper(name[i]) && !char.IsAsciiLetterUpper(name[i - 1]))
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(name[i]));
        }

        return Require(text.ToString());
    }
}
