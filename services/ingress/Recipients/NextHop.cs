using System.Diagnostics.CodeAnalysis;

namespace Mailkey.Ingress.Recipients;

/// <summary>A host that can be asked for recipients.</summary>
internal sealed record NextHop(string Host, int Port, bool IsLmtp)
{
    private const int SmtpPort = 25;
    private const int LmtpPort = 24;

    /// <summary>Reads <c>smtp://host:port</c> or <c>lmtp://host:port</c>.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out NextHop? nextHop)
    {
        nextHop = null;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("smtp" or "lmtp") || uri.Host.Length == 0)
        {
            return false;
        }

        var isLmtp = uri.Scheme == "lmtp";
        nextHop = new(uri.IdnHost, uri.Port > 0 ? uri.Port : isLmtp ? LmtpPort : SmtpPort, isLmtp);
        return true;
    }
}
