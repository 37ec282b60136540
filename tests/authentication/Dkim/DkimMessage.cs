using System.Net;
using System.Text;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Signatures;
using Mailkey.Authentication.Tests.Signatures;
using Mailkey.Dns;
using Mailkey.Mime;

namespace Mailkey.Authentication.Tests.Dkim;

/// <summary>A message as it is judged: a header block and the hashes of the body that ingress makes for it, never the body.</summary>
internal sealed record DkimMessage(HeaderBlock Headers, BodyDigests Body)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>Reads a message with line ends of any kind, and hashes its body as ingress does: once, in the forms asked for.</summary>
    public static DkimMessage Parse(ReadOnlySpan<byte> text)
    {
        var octets = Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(text).ReplaceLineEndings("\r\n"));
        var length = HeaderBlock.Measure(octets, out var start);
        var block = HeaderBlock.Parse(octets.AsMemory(0, length));
        var asked = SignatureFields.CanonicalizationsAskedFor(block);
        var body = Encoding.Latin1.GetString(octets.AsSpan(start));
        return new(block, new BodyDigests(
            asked.HasFlag(Canonicalizations.Simple) ? SignedMessage.HashBody(body, Canonicalization.Simple) : default,
            asked.HasFlag(Canonicalizations.Relaxed) ? SignedMessage.HashBody(body, Canonicalization.Relaxed) : default));
    }

    public static DkimMessage Parse(string text) => Parse(Encoding.Latin1.GetBytes(text));

    /// <summary>A resolver that asks one server, and keeps nothing.</summary>
    public static DnsResolver Resolver(IPEndPoint server) =>
        new(new() { Servers = [server], CacheEntries = 0, AttemptTimeout = TimeSpan.FromSeconds(10), Timeout = TimeSpan.FromSeconds(20) }, TimeProvider.System);

    /// <summary>A line for the server that publishes a key record.</summary>
    public static string Record(string name, string text) =>
        $"{name}. 300 IN TXT {string.Join(' ', (text.Length == 0 ? [""] : text.Chunk(255).Select(part => new string(part))).Select(part => $"\"{part}\""))}";

    public async Task<DkimFindings> VerifyAsync(IDnsResolver resolver, TimeProvider? time = null, TimeSpan? limit = null) =>
        await new DkimVerifier(resolver, time ?? TimeProvider.System).VerifyAsync(Headers, Body, limit ?? Limit, TestContext.Current.CancellationToken);
}
