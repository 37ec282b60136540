using System.Diagnostics.CodeAnalysis;

namespace Mailkey.HttpSignatures;

/// <summary>How a signature names a key of a key set: <c>a.example/2026a</c>, the domain and the name of the key.</summary>
/// <param name="Domain">As it was written.</param>
public sealed record SignatureKeyId(string Domain, string KeyName)
{
    /// <summary>Reads one.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out SignatureKeyId? id)
    {
        id = null;
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (slash <= 0 || slash == text!.Length - 1)
        {
            return false;
        }

        id = new(text[..slash], text[(slash + 1)..]);
        return true;
    }

    public override string ToString() => $"{Domain}/{KeyName}";
}
