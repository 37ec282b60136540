using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;

namespace Mailkey.Dns;

/// <summary>Why a message is malformed.</summary>
/// <param name="Position">Octet of the message where reading stopped.</param>
/// <param name="Message">One ASCII phrase.</param>
public readonly record struct DnsFormatError(int Position, string Message)
{
    public override string ToString() => $"{Message} at octet {Position}";
}

/// <summary>A response as it came from a server: nothing in it is believed yet.</summary>
/// <remarks><code>
/// +---------------------+
/// |        Header       |  12 octets (RFC 1035 §4.1.1)
/// +---------------------+
/// |       Question      |  exactly one
/// +---------------------+
/// |        Answer       |  RRs kept when of a type we know
/// +---------------------+
/// |      Authority      |  SOA (negative TTL) and whether there were NS (a referral)
/// +---------------------+
/// |      Additional     |  OPT (extended RCODE, RFC 6891 §6.1.3)
/// +---------------------+
/// </code></remarks>
public sealed class DnsResponse
{
    internal const int HeaderLength = 12;

    // A name of 255 octets has at most 127 labels; more pointers than this serve only to burn time.
    private const int MaxPointers = 32;
    private const int MaxLabels = 128;
    private const int MaxWireName = 255;
    private const ushort ClassIn = 1;
    private const ushort TypeOpt = 41;

    private readonly List<DnsRecord> _answers = [];
    private readonly List<StartOfAuthority> _authorities = [];

    private DnsResponse()
    {
    }

    /// <summary>RCODE with the upper bits of OPT.</summary>
    public int ResponseCode { get; private set; }

    /// <summary>TC: the rest has to be fetched over TCP. Nothing after the question was read.</summary>
    public bool Truncated { get; private set; }

    /// <summary>Whether the server knows EDNS.</summary>
    public bool HasOpt { get; private set; }

    /// <summary>NS records in the authority section.</summary>
    public bool HasNameServers { get; private set; }

    /// <summary>Records of the answer section, of class IN and a type in <see cref="DnsRecordType"/>.</summary>
    public IReadOnlyList<DnsRecord> Answers => _answers;

    /// <summary>SOA records of the authority section.</summary>
    public IReadOnlyList<StartOfAuthority> Authorities => _authorities;

    /// <summary>The response of a server that sent nothing but an error code.</summary>
    internal static DnsResponse ErrorOnly(int responseCode) => new() { ResponseCode = responseCode };

    /// <summary>Reads a response. Time is linear in the length of the message, whatever it holds.</summary>
    public static bool TryParse(ReadOnlySpan<byte> message, [NotNullWhen(true)] out DnsResponse? response, out DnsFormatError error)
    {
        response = null;
        error = default;
        if (message.Length < HeaderLength)
        {
            error = new(message.Length, "shorter than a header");
            return false;
        }

        var flags = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        if ((flags & 0x8000) == 0 || (flags & 0x7800) != 0)
        {
            error = new(2, "not a response to a standard query");
            return false;
        }

        if (BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1)
        {
            error = new(4, "not one question");
            return false;
        }

        var at = HeaderLength;
        if (!TryReadName(message, ref at, out _, out error))
        {
            return false;
        }

        if (message.Length - at < 4)
        {
            error = new(at, "question cut short");
            return false;
        }

        at += 4;
        var parsed = new DnsResponse { ResponseCode = flags & 0xF, Truncated = (flags & 0x0200) != 0 };
        if (parsed.Truncated)
        {
            response = parsed;
            return true;
        }

        for (var section = Section.Answer; section <= Section.Additional; section++)
        {
            int count = BinaryPrimitives.ReadUInt16BigEndian(message[(4 + (2 * (int)section))..]);
            while (count-- > 0)
            {
                if (!parsed.TryReadRecord(message, ref at, section, out error))
                {
                    return false;
                }
            }
        }

        response = parsed;
        return true;
    }

    // RFC 1035 §4.1.3: NAME TYPE(2) CLASS(2) TTL(4) RDLENGTH(2) RDATA
    private bool TryReadRecord(ReadOnlySpan<byte> message, ref int at, Section section, out DnsFormatError error)
    {
        var start = at;
        if (!TryReadName(message, ref at, out var owner, out error))
        {
            return false;
        }

        if (message.Length - at < 10)
        {
            error = new(at, "record cut short");
            return false;
        }

        var type = BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
        var dnsClass = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 2)..]);
        var ttl = BinaryPrimitives.ReadUInt32BigEndian(message[(at + 4)..]);
        int length = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 8)..]);
        at += 10;
        if (message.Length - at < length)
        {
            error = new(at, "record data cut short");
            return false;
        }

        var data = at;
        at += length;
        if (type == TypeOpt)
        {
            // RFC 6891 §6.1.1: one OPT, of the root, in the additional section.
            if (section != Section.Additional || owner != "." || HasOpt)
            {
                error = new(start, "misplaced OPT");
                return false;
            }

            HasOpt = true;
            ResponseCode |= (int)(ttl >> 24) << 4;
            return true;
        }

        if (dnsClass != ClassIn || section == Section.Additional)
        {
            return true;
        }

        // RFC 2181 §8: a TTL with the most significant bit set is zero.
        var timeToLive = TimeSpan.FromSeconds(ttl > int.MaxValue ? 0 : ttl);
        if (section == Section.Authority)
        {
            HasNameServers |= type == (ushort)DnsRecordType.Ns;
            return type != (ushort)DnsRecordType.Soa || TryReadAuthority(message, data, at, owner, timeToLive, out error);
        }

        return TryReadAnswer(message, data, at, new() { Name = owner, Type = (DnsRecordType)type, TimeToLive = timeToLive }, out error);
    }

    private bool TryReadAnswer(ReadOnlySpan<byte> message, int data, int end, DnsRecord record, out DnsFormatError error)
    {
        error = default;
        var octets = message[data..end];
        switch (record.Type)
        {
            case DnsRecordType.A when octets.Length == 4:
            case DnsRecordType.Aaaa when octets.Length == 16:
                _answers.Add(record with { Address = new IPAddress(octets) });
                return true;
            case DnsRecordType.A or DnsRecordType.Aaaa:
                error = new(data, "address of a wrong length");
                return false;
            case DnsRecordType.Txt:
                return TryReadText(octets, data, record, out error);
            case DnsRecordType.Mx when octets.Length < 3:
                error = new(data, "MX cut short");
                return false;
            case DnsRecordType.Mx:
                var exchange = data + 2;
                if (!TryReadName(message[..end], ref exchange, out var host, out error) || !Ends(exchange, end, ref error))
                {
                    return false;
                }

                _answers.Add(record with { Target = host, Preference = BinaryPrimitives.ReadUInt16BigEndian(octets) });
                return true;
            case DnsRecordType.Cname or DnsRecordType.Ns or DnsRecordType.Ptr:
                var position = data;
                if (!TryReadName(message[..end], ref position, out var target, out error) || !Ends(position, end, ref error))
                {
                    return false;
                }

                _answers.Add(record with { Target = target });
                return true;
            case DnsRecordType.Soa:
                _answers.Add(record);
                return true;
            default:
                return true; // RRSIG, DNAME and what may come: not ours to read
        }
    }

    // RFC 1035 §3.3.14: one or more <character-string>s, joined without anything between.
    private bool TryReadText(ReadOnlySpan<byte> octets, int data, DnsRecord record, out DnsFormatError error)
    {
        error = default;
        Span<byte> joined = octets.Length <= 1024 ? stackalloc byte[octets.Length] : new byte[octets.Length];
        var length = 0;
        for (var i = 0; i < octets.Length; i += octets[i] + 1)
        {
            if (octets.Length - i - 1 < octets[i])
            {
                error = new(data + i, "character-string cut short");
                return false;
            }

            octets.Slice(i + 1, octets[i]).CopyTo(joined[length..]);
            length += octets[i];
        }

        _answers.Add(record with { Text = Encoding.Latin1.GetString(joined[..length]) });
        return true;
    }

    // RFC 1035 §3.3.13: MNAME RNAME SERIAL REFRESH RETRY EXPIRE MINIMUM
    private bool TryReadAuthority(ReadOnlySpan<byte> message, int data, int end, string owner, TimeSpan timeToLive, out DnsFormatError error)
    {
        var at = data;
        if (!TryReadName(message[..end], ref at, out _, out error) || !TryReadName(message[..end], ref at, out _, out error))
        {
            return false;
        }

        if (end - at != 20)
        {
            error = new(at, "SOA of a wrong length");
            return false;
        }

        var minimum = BinaryPrimitives.ReadUInt32BigEndian(message[(at + 16)..]);
        _authorities.Add(new(owner, timeToLive, TimeSpan.FromSeconds(minimum > int.MaxValue ? 0 : minimum)));
        return true;
    }

    private static bool Ends(int at, int end, ref DnsFormatError error)
    {
        if (at == end)
        {
            return true;
        }

        error = new(at, "octets after a name");
        return false;
    }

    /// <summary>Reads a name (RFC 1035 §4.1.4) as lower-case text without the final dot; the root is ".".</summary>
    private static bool TryReadName(ReadOnlySpan<byte> message, ref int at, out string name, out DnsFormatError error)
    {
        // An octet that is no plain printable character becomes \DDD (RFC 1035 §5.1): four times the space.
        Span<char> text = stackalloc char[MaxWireName * 4];
        name = "";
        error = default;
        int length = 0, wire = 0, labels = 0, pointers = 0;
        var position = at;
        var earliest = at; // a pointer goes to a prior place (RFC 1035 §4.1.4): so there is no loop
        var jumped = false;
        while (true)
        {
            if (position >= message.Length)
            {
                error = new(position, "name cut short");
                return false;
            }

            int octet = message[position];
            if ((octet & 0xC0) == 0xC0)
            {
                if (position + 1 >= message.Length)
                {
                    error = new(position, "pointer cut short");
                    return false;
                }

                var target = ((octet & 0x3F) << 8) | message[position + 1];
                if (target >= earliest || target < HeaderLength || ++pointers > MaxPointers)
                {
                    error = new(position, "pointer that does not go back");
                    return false;
                }

                if (!jumped)
                {
                    at = position + 2;
                    jumped = true;
                }

                position = earliest = target;
                continue;
            }

            if ((octet & 0xC0) != 0)
            {
                error = new(position, "unknown kind of label");
                return false;
            }

            wire += octet + 1;
            if (wire > MaxWireName || ++labels > MaxLabels)
            {
                error = new(position, "name of more than 255 octets");
                return false;
            }

            position++;
            if (octet == 0)
            {
                break;
            }

            if (message.Length - position < octet)
            {
                error = new(position, "label cut short");
                return false;
            }

            if (length > 0)
            {
                text[length++] = '.';
            }

            foreach (var b in message.Slice(position, octet))
            {
                Append(text, ref length, b);
            }

            position += octet;
        }

        if (!jumped)
        {
            at = position;
        }

        name = length == 0 ? "." : text[..length].ToString();
        return true;
    }

    private static void Append(Span<char> text, ref int length, byte octet)
    {
        if (octet is >= (byte)'A' and <= (byte)'Z')
        {
            text[length++] = (char)(octet | 0x20);
        }
        else if (octet is > 0x20 and < 0x7F and not (byte)'.' and not (byte)'\\')
        {
            text[length++] = (char)octet;
        }
        else
        {
            text[length++] = '\\';
            text[length++] = (char)('0' + (octet / 100));
            text[length++] = (char)('0' + (octet / 10 % 10));
            text[length++] = (char)('0' + (octet % 10));
        }
    }

    private enum Section
    {
        Answer = 1,
        Authority = 2,
        Additional = 3,
    }
}

/// <summary>What a negative answer needs of an SOA record.</summary>
/// <param name="Zone">Owner of the record.</param>
/// <param name="TimeToLive">Its TTL.</param>
/// <param name="Minimum">Its MINIMUM field.</param>
public sealed record StartOfAuthority(string Zone, TimeSpan TimeToLive, TimeSpan Minimum);
