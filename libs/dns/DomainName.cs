using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Mailkey.Dns;

/// <summary>The one form in which domain names are compared, looked up and signed: lower-case A-labels without the final dot.</summary>
public static class DomainName
{
    /// <summary>Most characters of a name without the final dot: 255 octets on the wire (RFC 1035 §2.3.4).</summary>
    public const int MaxLength = 253;

    /// <summary>Most characters of a label (RFC 1035 §2.3.4).</summary>
    public const int MaxLabelLength = 63;

    private static readonly SearchValues<char> Normal = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_.");
    private static readonly IdnMapping Idna = new() { AllowUnassigned = false, UseStd3AsciiRules = false };

    /// <summary>
    /// Brings a name into the normal form. False when it is no domain name: an empty or too long label or name, a character
    /// outside letters, digits, hyphen and underscore, a hyphen at the edge of a label, or a U-label that IDNA refuses.
    /// </summary>
    /// <remarks>A name that is normal already is returned as the same instance.</remarks>
    public static bool TryNormalize([NotNullWhen(true)] string? name, [NotNullWhen(true)] out string? ascii)
    {
        if (name is not null && name.Length is > 0 and <= MaxLength && !name.AsSpan().ContainsAnyExcept(Normal) && HasValidLabels(name))
        {
            ascii = name;
            return true;
        }

        return TryNormalize(name.AsSpan(), out ascii);
    }

    /// <inheritdoc cref="TryNormalize(string?, out string?)"/>
    public static bool TryNormalize(ReadOnlySpan<char> name, [NotNullWhen(true)] out string? ascii)
    {
        ascii = null;
        if (name is [.., '.'])
        {
            name = name[..^1];
        }

        // An A-label is never shorter than its U-label, so this also bounds the work of IDNA.
        if (name.Length is 0 or > MaxLength)
        {
            return false;
        }

        string candidate;
        if (System.Text.Ascii.IsValid(name))
        {
            Span<char> lower = stackalloc char[name.Length];
            System.Text.Ascii.ToLower(name, lower, out _);
            if (lower.ContainsAnyExcept(Normal))
            {
                return false;
            }

            candidate = lower.ToString();
        }
        else
        {
            try
            {
                candidate = Idna.GetAscii(name.ToString()).ToLowerInvariant();
            }
            catch (ArgumentException)
            {
                return false;
            }

            if (candidate is [.., '.'])
            {
                candidate = candidate[..^1];
            }

            if (candidate.Length is 0 or > MaxLength || candidate.AsSpan().ContainsAnyExcept(Normal))
            {
                return false;
            }
        }

        if (!HasValidLabels(candidate))
        {
            return false;
        }

        ascii = candidate;
        return true;
    }

    /// <summary>Whether a name is the domain itself or lies below it; both in normal form.</summary>
    public static bool IsWithin(string name, string domain) =>
        name.Length == domain.Length
            ? string.Equals(name, domain, StringComparison.Ordinal)
            : name.Length > domain.Length && name[^(domain.Length + 1)] == '.' && name.EndsWith(domain, StringComparison.Ordinal);

    /// <summary>The name without its first label, or null when it has only one.</summary>
    public static string? Parent(string name)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 || dot == name.Length - 1 ? null : name[(dot + 1)..];
    }

    // RFC 5321 §4.1.2: a label begins and ends with a letter or digit. Underscores are let pass: names of the DNS have them.
    private static bool HasValidLabels(ReadOnlySpan<char> name)
    {
        foreach (var range in name.Split('.'))
        {
            var label = name[range];
            if (label.Length is 0 or > MaxLabelLength || label[0] == '-' || label[^1] == '-')
            {
                return false;
            }
        }

        return true;
    }
}
