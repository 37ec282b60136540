using System.Globalization;

namespace Mailkey.Spf;

/// <summary>What the macro letters stand for in one evaluation (RFC 7208 §7.2). Texts that few records ask for are made on demand.</summary>
internal sealed class MacroValues(SpfQuestion question, ClientAddress client, string localPart, string senderDomain, TimeProvider time)
{
    private string? _sender;
    private string? _dotted;
    private string? _clientText;
    private string? _clientName;

    /// <summary>The domain that is being evaluated.</summary>
    public string Domain { get; set; } = "";

    /// <summary>The validated name of the client; has to be set before a text that uses p is expanded.</summary>
    public string ValidatedName { get; set; } = "unknown";

    /// <summary>Whether the local part can stand in the DNS at all (RFC 8616 §4).</summary>
    public bool HasAsciiLocalPart => System.Text.Ascii.IsValid(localPart);

    public string Of(char letter) => letter switch
    {
        's' => _sender ??= $"{localPart}@{senderDomain}",
        'l' => localPart,
        'o' => senderDomain,
        'd' => Domain,
        'i' => _dotted ??= client.Dotted(),
        'p' => ValidatedName,
        'v' => client.IsIp4 ? "in-addr" : "ip6",
        'h' => _clientName ??= AsALabels(question.ClientName),
        'c' => _clientText ??= client.ToString(),
        'r' => question.ReceiverName,
        't' => time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        _ => "",
    };

    // RFC 8616 §4: U-labels become A-labels. What is no domain name stays as it came.
    private static string AsALabels(string name) =>
        !System.Text.Ascii.IsValid(name) && Dns.DomainName.TryNormalize(name, out var ascii) ? ascii : name;
}
