namespace Mailkey.Smtp.Sasl;

/// <summary>The one message of the mechanism PLAIN (RFC 4616 §2), where it stands.</summary>
public readonly ref struct PlainMessage
{
    /// <summary>Octets of each part (RFC 4616 §2).</summary>
    public const int MaxPartLength = 255;

    private PlainMessage(ReadOnlySpan<byte> authorization, ReadOnlySpan<byte> name, ReadOnlySpan<byte> password)
    {
        Authorization = authorization;
        Name = name;
        Password = password;
    }

    /// <summary>Who the client wants to act as; empty for itself.</summary>
    public ReadOnlySpan<byte> Authorization { get; }

    /// <summary>Who the client is.</summary>
    public ReadOnlySpan<byte> Name { get; }

    public ReadOnlySpan<byte> Password { get; }

    /// <summary>Reads a message, base64 decoded.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out PlainMessage message)
    {
        // message = [authzid] UTF8NUL authcid UTF8NUL passwd
        message = default;
        var first = text.IndexOf((byte)0);
        var second = first < 0 ? -1 : text[(first + 1)..].IndexOf((byte)0);
        if (second < 0)
        {
            return false;
        }

        var authorization = text[..first];
        var name = text.Slice(first + 1, second);
        var password = text[(first + second + 2)..];
        message = new(authorization, name, password);
        return authorization.Length <= MaxPartLength && name.Length is > 0 and <= MaxPartLength && password.Length is > 0 and <= MaxPartLength && !password.Contains((byte)0);
    }
}
