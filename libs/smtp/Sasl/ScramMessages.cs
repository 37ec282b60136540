namespace Mailkey.Smtp.Sasl;

/// <summary>The first message of a client in SCRAM (RFC 5802 §7), where it stands.</summary>
public readonly ref struct ScramClientFirst
{
    /// <summary>Octets of a name.</summary>
    public const int MaxNameLength = 255;

    /// <summary>Octets of a nonce.</summary>
    public const int MaxNonceLength = 256;

    /// <summary>What stands before the message proper; the last message of the client repeats it.</summary>
    public ReadOnlySpan<byte> Header { get; private init; }

    /// <summary>The message proper, which enters the proof.</summary>
    public ReadOnlySpan<byte> Bare { get; private init; }

    /// <summary>Who the client wants to act as, escaped; empty for itself.</summary>
    public ReadOnlySpan<byte> Authorization { get; private init; }

    /// <summary>Who the client is; <c>=2C</c> and <c>=3D</c> stand for comma and equals sign.</summary>
    public ReadOnlySpan<byte> Name { get; private init; }

    public ReadOnlySpan<byte> Nonce { get; private init; }

    /// <summary>Reads a message, base64 decoded. One that asks for channel binding is none: it is not offered.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out ScramClientFirst message)
    {
        // client-first-message = gs2-cbind-flag "," [ authzid ] "," [reserved-mext ","] username "," nonce ["," extensions]
        message = default;
        if (text.Length < 3 || text[0] is not ((byte)'n' or (byte)'y') || text[1] != (byte)',')
        {
            return false;
        }

        var comma = text[2..].IndexOf((byte)',');
        if (comma < 0)
        {
            return false;
        }

        var authorization = text.Slice(2, comma);
        if (!authorization.IsEmpty && !(authorization.StartsWith("a="u8) && ScramAttributes.IsName(authorization[2..])))
        {
            return false;
        }

        // A reserved "m=" before the name is an extension that we would have to know (RFC 5802 §5.1).
        var bare = text[(comma + 3)..];
        var rest = bare;
        if (!ScramAttributes.TryTake(ref rest, (byte)'n', out var name) || !ScramAttributes.IsName(name)
            || !ScramAttributes.TryTake(ref rest, (byte)'r', out var nonce) || nonce.Length is 0 or > MaxNonceLength || !ScramAttributes.IsPrintable(nonce))
        {
            return false;
        }

        message = new()
        {
            Header = text[..(comma + 3)],
            Bare = bare,
            Authorization = authorization.IsEmpty ? default : authorization[2..],
            Name = name,
            Nonce = nonce,
        };
        return true;
    }
}

/// <summary>The last message of a client in SCRAM (RFC 5802 §7), where it stands.</summary>
public readonly ref struct ScramClientFinal
{
    /// <summary>The header of the first message again, in base64.</summary>
    public ReadOnlySpan<byte> ChannelBinding { get; private init; }

    /// <summary>The nonces of both sides.</summary>
    public ReadOnlySpan<byte> Nonce { get; private init; }

    /// <summary>The message as far as it enters the proof.</summary>
    public ReadOnlySpan<byte> WithoutProof { get; private init; }

    /// <summary>The proof, in base64.</summary>
    public ReadOnlySpan<byte> Proof { get; private init; }

    /// <summary>Reads a message, base64 decoded.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out ScramClientFinal message)
    {
        // client-final-message = channel-binding "," nonce ["," extensions] "," proof
        message = default;
        var rest = text;
        var proofAt = text.LastIndexOf(",p="u8);
        if (proofAt < 0 || !ScramAttributes.TryTake(ref rest, (byte)'c', out var binding) || !ScramAttributes.TryTake(ref rest, (byte)'r', out var nonce)
            || nonce.IsEmpty || text.Length - rest.Length > proofAt + 1)
        {
            return false;
        }

        message = new() { ChannelBinding = binding, Nonce = nonce, WithoutProof = text[..proofAt], Proof = text[(proofAt + 3)..] };
        return !message.Proof.IsEmpty;
    }
}

internal static class ScramAttributes
{
    // attr-val = ALPHA "=" value; one of them, with the comma behind it.
    public static bool TryTake(scoped ref ReadOnlySpan<byte> rest, byte name, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (rest.Length < 2 || rest[0] != name || rest[1] != (byte)'=')
        {
            return false;
        }

        var comma = rest.IndexOf((byte)',');
        value = comma < 0 ? rest[2..] : rest[2..comma];
        rest = comma < 0 ? default : rest[(comma + 1)..];
        return true;
    }

    // saslname = 1*(value-safe-char / "=2C" / "=3D")
    public static bool IsName(ReadOnlySpan<byte> text)
    {
        if (text.Length is 0 or > ScramClientFirst.MaxNameLength || text.Contains((byte)0))
        {
            return false;
        }

        for (var at = text.IndexOf((byte)'='); at >= 0; at = text.IndexOf((byte)'='))
        {
            text = text[(at + 1)..];
            if (!text.StartsWith("2C"u8) && !text.StartsWith("3D"u8))
            {
                return false;
            }
        }

        return true;
    }

    // printable = %x21-2B / %x2D-7E
    public static bool IsPrintable(ReadOnlySpan<byte> text) => !text.ContainsAnyExceptInRange((byte)'!', (byte)'~') && !text.Contains((byte)',');
}
