using Mailkey.Dns;

namespace Mailkey.Bounces.Reporting;

/// <summary>Reads a reverse-path that ingress has found well-formed.</summary>
public static class ReversePath
{
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
        return at >= 0 && DomainName.TryNormalize(reversePath[(at + 1)..], out var domain) ? domain : null;
    }
}
