using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Mailkey.Tool.Agreements;

/// <summary>The terms of an agreement as options.</summary>
internal sealed class TermsOptions
{
    private const string None = "none";

    private readonly Option<string?> _dnsbl = new("--dnsbl") { Description = "Blocklists: check or skip." };
    private readonly Option<string?> _spf = new("--spf") { Description = "SPF: enforce, forwarder-domain or ignore." };
    private readonly Option<string?> _mailkey = new("--mailkey") { Description = "The original sender's mailkey signature: enforce, or ignore-recipient-binding." };
    private readonly Option<string?> _feedback = new("--feedback") { Description = "Address for complaint reports (ARF), or none." };
    private readonly Option<int?> _rate = new("--rate") { Description = "Messages a day." };
    private readonly Option<long?> _size = new("--size") { Description = "Octets of a message." };
    private readonly Option<DateTimeOffset?> _expires = new("--expires") { Description = "When it ends by itself, as 2027-11-22." };

    public TermsOptions()
    {
        _dnsbl.AcceptOnlyFromAmong("check", "skip");
        _spf.AcceptOnlyFromAmong("enforce", "forwarder-domain", "ignore");
        _mailkey.AcceptOnlyFromAmong("enforce", "ignore-recipient-binding");
    }

    /// <summary>What a proposal asks for that names nothing: what a forward needs, and no check left out.</summary>
    public static JsonObject Default() => new()
    {
        ["dnsbl"] = "check",
        ["spf"] = "forwarder-domain",
        ["mailkey"] = "ignore-recipient-binding",
        ["feedback"] = new JsonObject { ["format"] = "off" },
        ["rate"] = 100,
        ["size"] = 20 << 20,
    };

    public T AddTo<T>(T command)
        where T : Command
    {
        foreach (var option in (Option[])[_dnsbl, _spf, _mailkey, _feedback, _rate, _size, _expires])
        {
            command.Add(option);
        }

        return command;
    }

    public bool IsAnyGiven(ParseResult result) => ((Option[])[_dnsbl, _spf, _mailkey, _feedback, _rate, _size, _expires]).Any(option => result.GetResult(option) is { Implicit: false });

    /// <summary>Changes terms to what was named.</summary>
    public JsonObject Change(ParseResult result, JsonObject terms)
    {
        if (result.GetValue(_dnsbl) is { } dnsbl)
        {
            terms["dnsbl"] = dnsbl;
            terms.Remove("dnsblZones");
        }

        if (result.GetValue(_spf) is { } spf)
        {
            terms["spf"] = spf;
        }

        if (result.GetValue(_mailkey) is { } mailkey)
        {
            terms["mailkey"] = mailkey;
        }

        if (result.GetValue(_feedback) is { } feedback)
        {
            terms["feedback"] = feedback == None ? new JsonObject { ["format"] = "off" } : new JsonObject { ["format"] = "arf", ["address"] = feedback };
        }

        if (result.GetValue(_rate) is { } rate)
        {
            terms["rate"] = rate;
        }

        if (result.GetValue(_size) is { } size)
        {
            terms["size"] = size;
        }

        if (result.GetValue(_expires) is { } expires)
        {
            terms["expires"] = expires.ToUniversalTime().ToString("O", CultureInfo.InvariantCulture);
        }

        return terms;
    }
}
