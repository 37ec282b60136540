using System.Buffers;
using System.Buffers.Text;

namespace Mailkey.Authentication.Signatures;

/// <summary>Values of base64 in tags, which folding may break anywhere (RFC 6376 §2.10).</summary>
internal static class Base64Value
{
    /// <returns>False when it is not base64, badly padded, or longer than the destination.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> value, Span<byte> destination, out int length) =>
        Base64.DecodeFromUtf8(value, destination, out var consumed, out length) == OperationStatus.Done && consumed == value.Length;
}
