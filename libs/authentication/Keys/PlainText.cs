using System.Text;

namespace Mailkey.Authentication.Keys;

/// <summary>Words of strangers on their way into replies, logs and terminals.</summary>
internal static class PlainText
{
    /// <summary>Printable ASCII on one line; everything else becomes a question mark.</summary>
    public static string From(string text, int maxLength)
    {
        var plain = new StringBuilder(Math.Min(text.Length, maxLength));
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, maxLength)))
        {
            plain.Append(char.IsBetween(c, ' ', '~') ? c : '?');
        }

        return plain.ToString();
    }
}
