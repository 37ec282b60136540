using System.Diagnostics.CodeAnalysis;

namespace Mailkey.Spf;

/// <summary>A record that was read to its end without an error: only such a one may be evaluated (RFC 7208 §4.6).</summary>
/// <remarks><code>
/// record  = version terms *SP
/// version = "v=spf1"
/// terms   = *( 1*SP ( directive / modifier ) )
/// </code></remarks>
public sealed class SpfRecord
{
    /// <summary>What a record begins with.</summary>
    public const string Version = "v=spf1";

    private SpfRecord(string text) => Text = text;

    /// <summary>The record as it was published.</summary>
    public string Text { get; }

    /// <summary>The modifier redirect; null without one.</summary>
    public SpfTerm? Redirect { get; private set; }

    /// <summary>The modifier exp; null without one.</summary>
    public SpfTerm? Explanation { get; private set; }

    /// <summary>Whether a TXT record is meant to be SPF: the version, and then a space or nothing (RFC 7208 §4.5).</summary>
    public static bool IsSpf(ReadOnlySpan<char> text) =>
        text.StartsWith(Version, StringComparison.OrdinalIgnoreCase) && (text.Length == Version.Length || text[Version.Length] == ' ');

    /// <summary>Reads a record. Time is linear in its length, and the only allocation is the result.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out SpfRecord? record, out SpfSyntaxError error)
    {
        ArgumentNullException.ThrowIfNull(text);
        record = null;
        if (!IsSpf(text))
        {
            error = new(0, "no version");
            return false;
        }

        var parsed = new SpfRecord(text);
        var at = Version.Length;
        while (SpfTermReader.TryRead(text, ref at, out var term, out error))
        {
            // RFC 7208 §6: each of the two at most once.
            if (term.Kind == SpfTermKind.Redirect)
            {
                if (parsed.Redirect is not null)
                {
                    error = new(term.Start, "second redirect");
                    return false;
                }

                parsed.Redirect = term;
            }
            else if (term.Kind == SpfTermKind.Explanation)
            {
                if (parsed.Explanation is not null)
                {
                    error = new(term.Start, "second exp");
                    return false;
                }

                parsed.Explanation = term;
            }
        }

        if (error.Message is not null)
        {
            return false;
        }

        record = parsed;
        return true;
    }

    /// <summary>Reads the next term.</summary>
    /// <param name="position">Where to read; 0 for the first term.</param>
    /// <returns>False at the end.</returns>
    public bool TryReadTerm(ref int position, out SpfTerm term)
    {
        position = Math.Max(position, Version.Length);
        return SpfTermReader.TryRead(Text, ref position, out term, out _);
    }

    /// <summary>The text of a term of this record.</summary>
    public ReadOnlySpan<char> TextOf(in SpfTerm term) => Text.AsSpan(term.Start, term.Length);

    /// <summary>The domain-spec of a term of this record; empty without one.</summary>
    public ReadOnlySpan<char> DomainOf(in SpfTerm term) => Text.AsSpan(term.DomainStart, term.DomainLength);
}
