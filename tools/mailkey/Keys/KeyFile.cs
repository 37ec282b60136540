using System.Diagnostics.CodeAnalysis;
using Mailkey.Authentication.Crypto;

namespace Mailkey.Tool.Keys;

/// <summary>A private key of the operator, and the name it is published under.</summary>
internal static class KeyFile
{
    // PKCS #8 of RSA with 4096 bits takes 3.3 kB.
    private const int MaxLength = 64 * 1024;

    /// <summary>Reads a PEM file.</summary>
    public static bool TryRead(string path, [NotNullWhen(true)] out SigningKey? key, [NotNullWhen(false)] out string? error)
    {
        key = null;
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            error = $"{file.FullName} does not exist. Make a key with: mailkey keygen {path}";
            return false;
        }

        if (file.Length > MaxLength)
        {
            error = $"{file.FullName} is too large to be a key.";
            return false;
        }

        if (!SigningKey.TryImportPem(File.ReadAllText(file.FullName), out key, out var reason))
        {
            error = $"{file.FullName} can't be used: {reason}.";
            return false;
        }

        error = null;
        return true;
    }

    /// <summary>Whether a text is a key name: 1 to 63 of a-z 0-9 and hyphen.</summary>
    public static bool IsName(string name) => name.Length is > 0 and <= 63 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
