using System.Globalization;
using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>Makes the Mailkey-Signature of one SMTP transaction.</summary>
public sealed record MailkeySigner
{
    private const int LineLength = 76;

    public required SigningKey Key { get; init; }

    /// <summary>Name under which the key is published.</summary>
    public required string KeyName { get; init; }

    /// <summary>Domain of the reverse-path, or of EHLO when that is null.</summary>
    public required string Domain { get; init; }

    public Canonicalization HeaderCanonicalization { get; init; } = Canonicalization.Relaxed;

    public Canonicalization BodyCanonicalization { get; init; } = Canonicalization.Relaxed;

    /// <summary>How long the signature is good; at most <see cref="MailkeyRules.MaxLifetime"/>.</summary>
    public TimeSpan Lifetime
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MailkeyRules.MaxLifetime);
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
            field = value;
        }
    } = MailkeyRules.DefaultLifetime;

    /// <summary>Signs a message for its envelope.</summary>
    /// <param name="block">Its header block; without a <see cref="HeaderBlock.Problem"/>.</param>
    /// <param name="bodyHash">SHA-256 of the body in <see cref="BodyCanonicalization"/>.</param>
    /// <param name="reversePath">MAIL FROM without brackets.</param>
    /// <param name="forwardPaths">Every RCPT TO, without brackets.</param>
    /// <returns>The whole field with its CRLF, to be put on top of the block.</returns>
    public byte[] Sign(HeaderBlock block, ReadOnlySpan<byte> bodyHash, string reversePath, IReadOnlyList<string> forwardPaths, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentNullException.ThrowIfNull(forwardPaths);
        var time = now.ToUnixTimeSeconds();
        var text = new StringBuilder(1024);
        text.Append(CultureInfo.InvariantCulture, $"Mailkey-Signature: v=1; a={(Key.Type == KeyType.Rsa ? "rsa-sha256" : "ed25519-sha256")};")
            .Append(CultureInfo.InvariantCulture, $" c={Word(HeaderCanonicalization)}/{Word(BodyCanonicalization)};\r\n")
            .Append(CultureInfo.InvariantCulture, $"\td={EnvelopeBinding.NormalizeDomain(Domain)}; s={KeyName};\r\n")
            .Append(CultureInfo.InvariantCulture, $"\tt={time}; x={time + (long)Lifetime.TotalSeconds};\r\n\tmf=");
        Fold(text, Convert.ToBase64String(Encoding.UTF8.GetBytes(EnvelopeBinding.Normalize(reversePath))), 3);
        text.Append(";\r\n\trt=");
        var hash = new byte[EnvelopeBinding.HashLength];
        for (var i = 0; i < forwardPaths.Count; i++)
        {
            EnvelopeBinding.Hash(forwardPaths[i], hash);
            text.Append(i == 0 ? "" : ",\r\n\t").Append(Convert.ToBase64String(hash));
        }

        text.Append(";\r\n\th=");
        var names = MailkeyRules.NamesToSign(block).ToArray();
        var column = 3;
        for (var i = 0; i < names.Length; i++)
        {
            if (i > 0)
            {
                text.Append(':');
                if (column + names[i].Length + 2 > LineLength)
                {
                    text.Append("\r\n\t");
                    column = 1;
                }
            }

            text.Append(names[i]);
            column += names[i].Length + 1;
        }

        text.Append(";\r\n\tbh=").Append(Convert.ToBase64String(bodyHash)).Append(";\r\n\tb=");

        var unsigned = Encoding.ASCII.GetBytes(text.ToString());
        var ours = HeaderBlock.Parse(unsigned).Fields[0];
        var h = Encoding.ASCII.GetBytes(string.Join(':', names));
        if (!SignedNames.TryParse(h, new Range[SignedNames.MaxNames], out var signedNames, out var error))
        {
            throw new ArgumentException($"The header block has more fields to sign than a signature can name: {error}.", nameof(block));
        }

        HeaderHasher.Hash(block, signedNames, ours, ours.Value.Length, ours.Value.Length, HeaderCanonicalization, hash);
        Fold(text, Convert.ToBase64String(Key.SignHash(hash)), 3);
        return Encoding.ASCII.GetBytes(text.Append("\r\n").ToString());
    }

    private static string Word(Canonicalization canonicalization) => canonicalization == Canonicalization.Simple ? "simple" : "relaxed";

    private static void Fold(StringBuilder text, string value, int column)
    {
        for (var at = 0; at < value.Length;)
        {
            var length = Math.Min(value.Length - at, LineLength - column);
            text.Append(at == 0 ? "" : "\r\n\t").Append(value, at, length);
            at += length;
            column = 1;
        }
    }
}
