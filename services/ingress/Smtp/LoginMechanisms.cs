using System.Text;

namespace Mailkey.Ingress.Smtp;

/// <summary>Ways to log in.</summary>
internal enum LoginMechanism
{
    Plain,
    ScramSha256,
}

/// <summary>The names of the mechanisms (RFC 4616, RFC 7677). None that binds to a channel, and none that needs the secret in clear here.</summary>
internal static class LoginMechanisms
{
    /// <summary>The better one first: clients take what they find.</summary>
    public const string Offered = "SCRAM-SHA-256 PLAIN";

    public static bool TryFind(ReadOnlySpan<byte> name, out LoginMechanism mechanism)
    {
        var isPlain = Ascii.EqualsIgnoreCase(name, "PLAIN"u8);
        mechanism = isPlain ? LoginMechanism.Plain : LoginMechanism.ScramSha256;
        return isPlain || Ascii.EqualsIgnoreCase(name, "SCRAM-SHA-256"u8);
    }
}
