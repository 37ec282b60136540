using Mailkey.Dns;

namespace Mailkey.Agreements.Organizations;

/// <summary>
/// What an organisation may name to be called at: https on its own port, so that nobody has us call what is inside; and only at home, so
/// that nobody has us call somebody else, who never asked for it.
/// </summary>
public static class CallbackAddress
{
    /// <summary>The longest address, in characters.</summary>
    public const int MaxLength = 500;

    /// <summary>Reads an address.</summary>
    /// <param name="text">What the organisation named.</param>
    /// <param name="domain">Its domain, as A-labels in lower case.</param>
    /// <returns>Null when it is none that is called.</returns>
    public static Uri? Of(string? text, string domain) =>
        text is { Length: > 0 and <= MaxLength } && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps
        && uri.IsDefaultPort && uri.UserInfo.Length == 0 && uri.Fragment.Length == 0 && uri.HostNameType == UriHostNameType.Dns
        && uri.AbsoluteUri.Length <= MaxLength && DomainName.IsWithin(uri.IdnHost.ToLowerInvariant(), domain)
            ? uri
            : null;
}
