using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Mailkey.Dns;

/// <summary>Writes queries and recognises their answers.</summary>
public static class DnsQuery
{
    /// <summary>Octets of UDP payload that we take: no fragments on any path that carries IPv6.</summary>
    public const int UdpPayload = 1232;

    /// <summary>Room for any query: header, name, type and class, OPT.</summary>
    public const int MaxLength = DnsResponse.HeaderLength + 255 + 4 + 11;

    private const int QuestionTail = 4;

    /// <summary>Writes a query with a random id.</summary>
    /// <param name="message">At least <see cref="MaxLength"/> octets.</param>
    /// <param name="name">Labels in any case, octets that are not printable as \DDD; false when it is not a name that fits on the wire.</param>
    /// <param name="mixCase">Randomises the case of the letters: an answer that repeats it was made by who saw the query.</param>
    /// <param name="edns">Adds OPT (RFC 6891 §6.1.2).</param>
    public static bool TryWrite(Span<byte> message, ReadOnlySpan<char> name, DnsRecordType type, bool mixCase, bool edns, out int length, out int questionLength)
    {
        length = questionLength = 0;
        Span<byte> random = stackalloc byte[2 + 32];
        RandomNumberGenerator.Fill(random);
        message[..DnsResponse.HeaderLength].Clear();
        random[..2].CopyTo(message);
        message[2] = 0x01; // RD
        message[5] = 1; // QDCOUNT
        var at = DnsResponse.HeaderLength;
        var bits = random[2..];
        if (name is not ".")
        {
            var bit = 0;
            foreach (var range in name.Split('.'))
            {
                var label = name[range];
                var lengthAt = at++;
                while (!label.IsEmpty)
                {
                    // The label itself, its length, and the root label at the end have to fit.
                    if (!TryReadOctet(ref label, out var octet) || at - lengthAt > DomainName.MaxLabelLength || at + 2 > DnsResponse.HeaderLength + 255)
                    {
                        return false;
                    }

                    var flip = mixCase && char.IsAsciiLetter((char)octet) && (bits[(bit >> 3) % bits.Length] >> (bit & 7) & 1) != 0;
                    message[at++] = (byte)(flip ? octet ^ 0x20 : octet);
                    bit++;
                }

                if (at - lengthAt == 1)
                {
                    return false;
                }

                message[lengthAt] = (byte)(at - lengthAt - 1);
            }
        }

        message[at++] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(message[at..], (ushort)type);
        BinaryPrimitives.WriteUInt16BigEndian(message[(at + 2)..], 1);
        at += QuestionTail;
        questionLength = at - DnsResponse.HeaderLength;
        if (edns)
        {
            message[11] = 1; // ARCOUNT
            message.Slice(at, 11).Clear();
            message[at + 2] = 41;
            BinaryPrimitives.WriteUInt16BigEndian(message[(at + 3)..], UdpPayload);
            at += 11;
        }

        length = at;
        return true;
    }

    // The text form that DnsResponse reads names into, and no other: each name has one text (RFC 1035 §5.1).
    private static bool TryReadOctet(ref ReadOnlySpan<char> label, out byte octet)
    {
        octet = 0;
        if (label[0] != '\\')
        {
            octet = (byte)label[0];
            var plain = char.IsBetween(label[0], '!', '~');
            label = label[1..];
            return plain;
        }

        if (label.Length < 4 || !char.IsAsciiDigit(label[1]) || !char.IsAsciiDigit(label[2]) || !char.IsAsciiDigit(label[3]))
        {
            return false;
        }

        var value = ((label[1] - '0') * 100) + ((label[2] - '0') * 10) + (label[3] - '0');
        octet = (byte)value;
        label = label[4..];
        return value <= 255 && !(char.IsBetween((char)value, '!', '~') && value is not ('.' or '\\'));
    }

    /// <summary>Whether a message answers a query: same id and same question.</summary>
    /// <param name="sameCase">The question came back octet for octet.</param>
    public static bool IsAnsweredBy(ReadOnlySpan<byte> query, int questionLength, ReadOnlySpan<byte> message, out bool sameCase)
    {
        sameCase = false;
        var end = DnsResponse.HeaderLength + questionLength;
        if (message.Length < end || !message[..2].SequenceEqual(query[..2]) || (message[2] & 0x80) == 0)
        {
            return false;
        }

        var asked = query[DnsResponse.HeaderLength..end];
        var echoed = message[DnsResponse.HeaderLength..end];
        sameCase = asked.SequenceEqual(echoed);
        return sameCase
            || (asked[^QuestionTail..].SequenceEqual(echoed[^QuestionTail..])
                && System.Text.Ascii.EqualsIgnoreCase(asked[..^QuestionTail], echoed[..^QuestionTail]));
    }
}
