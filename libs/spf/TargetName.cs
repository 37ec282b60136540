using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Mailkey.Dns;

namespace Mailkey.Spf;

/// <summary>Domain names that come out of a record: they may have any octet in them.</summary>
internal static class TargetName
{
    // Twice what a name can hold: half of it is forgotten when it is full (MacroOutput), and the rest still is longer than any name.
    private const int Room = 1024;

    /// <summary>Expands a domain-spec.</summary>
    /// <returns>False when the outcome is a name that no query can ask for (RFC 7208 §4.3, §4.8).</returns>
    public static bool TryExpand(ReadOnlySpan<char> domainSpec, MacroValues values, [NotNullWhen(true)] out string? name)
    {
        if (!domainSpec.Contains('%'))
        {
            return TryTake(domainSpec, out name);
        }

        var output = new MacroOutput(stackalloc char[Room], keepsEnd: true);
        MacroString.Expand(domainSpec, values, ref output);
        return TryTake(output.Written, out name);
    }

    /// <summary>The form in which <see cref="IDnsResolver"/> takes names; most names are in it already.</summary>
    public static string ForQuery(string name)
    {
        if (!name.AsSpan().ContainsAnyExceptInRange('!', '~') && !name.Contains('\\', StringComparison.Ordinal))
        {
            return name;
        }

        var text = new StringBuilder(name.Length + 16);
        foreach (var c in name)
        {
            if (char.IsBetween(c, '!', '~') && c != '\\')
            {
                text.Append(c);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"\\{(int)c:000}");
            }
        }

        return text.ToString();
    }

    private static bool TryTake(ReadOnlySpan<char> expanded, [NotNullWhen(true)] out string? name)
    {
        name = null;
        expanded = expanded is [.., '.'] ? expanded[..^1] : expanded;

        // RFC 7208 §7.3: labels are dropped on the left until the name fits.
        if (expanded.Length > DomainName.MaxLength)
        {
            var dot = expanded[^(DomainName.MaxLength + 1)..].IndexOf('.');
            if (dot < 0)
            {
                return false;
            }

            expanded = expanded[^(DomainName.MaxLength - dot)..];
        }

        // RFC 8616 §4: what is not ASCII is in no name.
        if (!Ascii.IsValid(expanded))
        {
            return false;
        }

        foreach (var label in expanded.Split('.'))
        {
            if (expanded[label].Length is 0 or > DomainName.MaxLabelLength)
            {
                return false;
            }
        }

        name = expanded.ToString();
        return true;
    }
}
