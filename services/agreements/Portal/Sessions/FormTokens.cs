using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Mailkey.Agreements.Portal.Sessions;

/// <summary>
/// Binds a form to the browser that was shown it: the form carries what only those can compute who know the secret of the cookie, which no
/// other site does. Nothing has to be kept, and every replica computes the same.
/// </summary>
public static class FormTokens
{
    /// <summary>Name of the hidden field.</summary>
    public const string Field = "form";

    /// <summary>The value for forms shown to a browser with this secret in its cookie.</summary>
    public static string Of(string secret) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.ASCII.GetBytes(secret), "mailkey portal form"u8));

    /// <summary>Whether a form was shown to the browser that sends it.</summary>
    public static bool Fits(string? secret, string? token) =>
        secret is not null && token is not null
        && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Of(secret)), Encoding.UTF8.GetBytes(token));
}
