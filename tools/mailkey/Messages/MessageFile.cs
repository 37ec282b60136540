using System.Diagnostics.CodeAnalysis;
using Mailkey.Authentication.Signatures;
using Mailkey.Mime;

namespace Mailkey.Tool.Messages;

/// <summary>A message from standard input, with the line ends that it would have on the wire.</summary>
internal sealed class MessageFile
{
    /// <summary>Largest message that is read into memory.</summary>
    private const int MaxLength = 100 * 1024 * 1024;

    private readonly byte[] octets;
    private readonly int bodyStart;

    private MessageFile(byte[] octets, bool hasBareLf)
    {
        this.octets = octets;
        HasBareLf = hasBareLf;
        Headers = HeaderBlock.Parse(octets.AsMemory(0, HeaderBlock.Measure(octets, out bodyStart)));
    }

    public HeaderBlock Headers { get; }

    /// <summary>Whether it came with the line ends of a Unix file.</summary>
    public bool HasBareLf { get; }

    public ReadOnlySpan<byte> Body => octets.AsSpan(bodyStart);

    public static async Task<(MessageFile? Message, string? Error)> ReadAsync(Stream input, CancellationToken cancellationToken)
    {
        using var copy = new MemoryStream();
        var buffer = new byte[81920];
        for (int read; (read = await input.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            copy.Write(buffer, 0, read);
            if (copy.Length > MaxLength)
            {
                return (null, $"the message is larger than {MaxLength} octets.");
            }
        }

        if (copy.Length == 0)
        {
            return (null, "no message on standard input. Give one with: < message.eml");
        }

        var message = copy.ToArray();
        var unix = !message.AsSpan().Contains((byte)'\r') && message.AsSpan().Contains((byte)'\n');
        return (new MessageFile(unix ? ToWire(message) : message, unix), null);
    }

    /// <summary>SHA-256 of the body.</summary>
    public byte[] HashBody(Canonicalization canonicalization)
    {
        using var hasher = new BodyHasher(canonicalization);
        hasher.Append(Body);
        return hasher.Finish();
    }

    /// <summary>The hashes that the signatures of the message ask for.</summary>
    public BodyDigests HashBody()
    {
        var asked = SignatureFields.CanonicalizationsAskedFor(Headers);
        return new BodyDigests(
            asked.HasFlag(Canonicalizations.Simple) ? HashBody(Canonicalization.Simple) : default,
            asked.HasFlag(Canonicalizations.Relaxed) ? HashBody(Canonicalization.Relaxed) : default);
    }

    /// <summary>Writes the message with a field on top, in the line ends it came with.</summary>
    public async Task WriteWithAsync(byte[] field, Stream output, CancellationToken cancellationToken)
    {
        await output.WriteAsync(HasBareLf ? FromWire(field) : field, cancellationToken);
        await output.WriteAsync(HasBareLf ? FromWire(octets) : octets, cancellationToken);
        await output.FlushAsync(cancellationToken);
    }

    private static byte[] ToWire(byte[] octets)
    {
        var wire = new byte[octets.Length + octets.AsSpan().Count((byte)'\n')];
        var length = 0;
        foreach (var octet in octets)
        {
            if (octet == '\n')
            {
                wire[length++] = (byte)'\r';
            }

            wire[length++] = octet;
        }

        return wire;
    }

    private static byte[] FromWire(byte[] octets) => Array.FindAll(octets, octet => octet != '\r');
}

/// <summary>The envelope of a message as options give it.</summary>
internal static class EnvelopeOptions
{
    /// <summary>Takes off the brackets that an address may come with.</summary>
    public static string WithoutBrackets(string path) => path is ['<', .., '>'] ? path[1..^1] : path;

    /// <summary>The part after the last at sign; null when there is none.</summary>
    public static string? DomainOf(string path) => path.LastIndexOf('@') is >= 0 and var at && at < path.Length - 1 ? path[(at + 1)..] : null;
}
