using System.Globalization;

namespace Mailkey.Bounces.Reporting;

/// <summary>Reads a reverse-path that ingress has found well-formed.</summary>
public static class ReversePath
{
    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true };

    /// <summary>The mailbox, without a source route: RFC 5321 §4.1.1.3 and appendix C have a server ignore that.</summary>
    public static string Mailbox(string reversePath)
    {
        if (!reversePath.StartsWith('@'))
        {
            return reversePath;
        }

        var route = reversePath.IndexOf(':', StringComparison.Ordinal);
        return route < 0 ? reversePath : reversePath[(route + 1)..];
    }

    /// <summary>The domain as lower-case A-labels; null when there is none that DNS could know (an address literal).</summary>
    public static string? Domain(string reversePath)
    {
        var at = reversePath.LastIndexOf('@');
        if (at < 0 || at == reversePath.Length - 1 || reversePath[at + 1] == '[')
        {
            return null;
        }

        try
        {
            return Idn.GetAscii(reversePath[(at + 1)..].TrimEnd('.')).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            // No name of the DNS: RFC 5890 has no A-labels for it.
            return null;
        }
    }
}
