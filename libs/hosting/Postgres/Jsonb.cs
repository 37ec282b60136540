namespace Mailkey.Hosting.Postgres;

/// <summary>JSON on its way into a <c>jsonb</c> column, and text on its way into a <c>text</c> column.</summary>
public static class Jsonb
{
    /// <summary>
    /// Replaces the escape of U+0000 by that of U+FFFD, in place. RFC 8259 §7 allows it in a string but PostgreSQL has no
    /// place for it in jsonb: without this a NUL in a remote reply would make the statement, and its whole batch, fail.
    /// </summary>
    public static void ReplaceNul(Span<byte> json)
    {
        while (true)
        {
            var found = json.IndexOf(@"\u0000"u8);
            if (found < 0)
            {
                return;
            }

            // An even number of backslashes before this one means that this one begins the escape.
            var start = found;
            while (start > 0 && json[start - 1] == (byte)'\\')
            {
                start--;
            }

            if ((found - start) % 2 == 0)
            {
                "fffd"u8.CopyTo(json[(found + 2)..]);
            }

            json = json[(found + 6)..];
        }
    }

    /// <summary>Replaces U+0000, which no <c>text</c> value can hold, by U+FFFD.</summary>
    public static string ReplaceNul(string text) => text.Replace('\0', '\uFFFD');
}
