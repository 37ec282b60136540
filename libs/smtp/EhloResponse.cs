using System.Globalization;

namespace Mailkey.Smtp;

/// <summary>What a server offers: its name and the service extensions of its EHLO or LHLO reply (RFC 5321 §4.1.1.1).</summary>
public sealed class EhloResponse
{
    private readonly Dictionary<string, string> keywords = new(StringComparer.OrdinalIgnoreCase);

    private EhloResponse(string domain) => Domain = domain;

    /// <summary>A server that only knows HELO.</summary>
    public static EhloResponse None { get; } = new("");

    /// <summary>The name the server gave itself; untrusted.</summary>
    public string Domain { get; }

    public bool Pipelining => Offers("PIPELINING");

    public bool EightBitMime => Offers("8BITMIME");

    public bool SmtpUtf8 => Offers("SMTPUTF8");

    public bool Dsn => Offers("DSN");

    public bool StartTls => Offers("STARTTLS");

    public bool Chunking => Offers("CHUNKING");

    public bool HasSize => Offers("SIZE");

    /// <summary>Largest message in octets (RFC 1870 §4); null when there is no fixed limit.</summary>
    public long? MaxSize => long.TryParse(Parameters("SIZE"), NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size > 0 ? size : null;

    /// <summary>RCPTMAX of RFC 9422; null when not given.</summary>
    public int? MaxRecipients => Limit("RCPTMAX");

    /// <summary>MAILMAX of RFC 9422; null when not given.</summary>
    public int? MaxTransactions => Limit("MAILMAX");

    /// <summary>Reads a 250 reply to EHLO or LHLO. Lines that are not an ehlo-line are skipped.</summary>
    public static EhloResponse Parse(SmtpReply reply)
    {
        // ehlo-ok-rsp: the first line is Domain [ SP ehlo-greet ], each further one ehlo-keyword *( SP ehlo-param ).
        var response = new EhloResponse(FirstWord(reply.Lines[0], out _).ToString());
        foreach (var line in reply.Lines.Skip(1))
        {
            var keyword = FirstWord(line, out var rest);
            if (keyword.Length > 0 && char.IsAsciiLetterOrDigit(keyword[0]) && !keyword.ContainsAnyExceptInRange('!', '~'))
            {
                response.keywords.TryAdd(keyword.ToString(), rest.Trim().ToString());
            }
        }

        return response;
    }

    /// <summary>Whether a keyword was offered.</summary>
    public bool Offers(string keyword) => keywords.ContainsKey(keyword);

    /// <summary>The parameters of a keyword as one text; empty when there are none or it was not offered.</summary>
    public string Parameters(string keyword) => keywords.GetValueOrDefault(keyword, "");

    private static ReadOnlySpan<char> FirstWord(ReadOnlySpan<char> line, out ReadOnlySpan<char> rest)
    {
        var space = line.IndexOf(' ');
        rest = space < 0 ? default : line[(space + 1)..];
        return space < 0 ? line : line[..space];
    }

    private int? Limit(string name)
    {
        var parameters = Parameters("LIMITS").AsSpan();
        foreach (var range in parameters.Split(' '))
        {
            var limit = parameters[range];
            if (limit.Length > name.Length && limit[name.Length] == '=' && limit.StartsWith(name, StringComparison.OrdinalIgnoreCase)
                && int.TryParse(limit[(name.Length + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0)
            {
                return value;
            }
        }

        return null;
    }
}
