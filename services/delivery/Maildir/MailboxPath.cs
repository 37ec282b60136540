using System.Buffers;
using System.Globalization;
using System.Text;
using Mailkey.Delivery.Routing;

namespace Mailkey.Delivery.Maildir;

/// <summary>
/// Folder names of mailboxes. A local part is the sender's choice: whatever it is, its folder is one plain name inside the
/// folder of its domain. Two local parts share a folder only when they differ in the case of ASCII letters.
/// </summary>
internal static class MailboxPath
{
    private static readonly SearchValues<byte> Plain = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_+=~."u8);

    /// <summary>Path of a mailbox below the folder of all maildirs.</summary>
    public static string Of(MailboxName mailbox) => Path.Combine(Encode(mailbox.Domain), Encode(mailbox.LocalPart));

    /// <summary>Lower case letters, digits and - _ + = ~ . stay, every other octet and a leading dot become %HH.</summary>
    public static string Encode(string text)
    {
        StringBuilder name = new(text.Length + 8);
        foreach (var octet in Encoding.UTF8.GetBytes(text))
        {
            var lower = octet is >= (byte)'A' and <= (byte)'Z' ? (byte)(octet | 0x20) : octet;
            if (!Plain.Contains(lower) || (lower == (byte)'.' && name.Length == 0))
            {
                name.Append(CultureInfo.InvariantCulture, $"%{lower:x2}");
            }
            else
            {
                name.Append((char)lower);
            }
        }

        return name.Length == 0 ? "%" : name.ToString();
    }
}
