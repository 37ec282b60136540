using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Mailkey.Policy.Conditions;
using Mailkey.Policy.Outcomes;

namespace Mailkey.Policy.Reading;

/// <summary>Makes rules of a policy file, and collects all that is wrong with it.</summary>
internal sealed class PolicyReader(SourceText source, OpenList openList)
{
    private const int MaxNameLength = 40;
    private const int MaxTagValueLength = 128;
    private const int MaxFieldNameLength = 64;

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    private static readonly string[] SpfWords = ["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror", "unchecked"];
    private static readonly string[] DkimWords = ["pass", "fail", "policy", "neutral", "temperror", "permerror", DkimIs.None];
    private static readonly string[] MailkeyWords = ["pass", "fail", "policy", "neutral", "none", "temperror", "permerror"];
    private static readonly string[] AgreementWords = ["none", "probation", "established"];
    private static readonly string[] OutcomeWords = ["accept", "exempt", "tag", "greylist", "rate-limit", "quarantine", "reject", "defer"];

    private readonly Dictionary<string, NamedList> _lists = new(StringComparer.Ordinal);
    private readonly Dictionary<(string List, Type Of), object> _compiled = [];
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);

    public List<PolicyError> Errors { get; } = [];

    public List<string> ListFiles { get; } = [];

    public PolicyRules? Read()
    {
        if (JsonNode.Read(source, Errors) is not { } root || !IsObject(root, "the policy", "lists", "before-stage", "rules"))
        {
            return null;
        }

        // First, wherever they stand: rules name them.
        if (Member(root, "lists") is { } lists)
        {
            Lists(lists);
        }

        var before = Rules(Member(root, "before-stage"), isBeforeStage: true);
        var after = Rules(Member(root, "rules"), isBeforeStage: false);
        if (before.Count + after.Count > PolicyFile.MaxRules)
        {
            Fail(root, string.Create(CultureInfo.InvariantCulture, $"has more than {PolicyFile.MaxRules} rules"));
        }

        return new(before, after);
    }

    private void Lists(JsonNode lists)
    {
        if (lists.Kind != JsonTokenType.StartObject)
        {
            Fail(lists, $"\"lists\" is {lists.KindName}; expected an object of names and lists");
            return;
        }

        foreach (var member in lists.Members)
        {
            if (!IsName(member.Name))
            {
                Errors.Add(source.Error(member.Offset, NameExpected($"the name of the list \"{member.Name}\"")));
            }

            var list = new NamedList();
            _lists[member.Name] = list;
            if (member.Value.Kind == JsonTokenType.StartArray)
            {
                foreach (var item in member.Value.Items)
                {
                    if (IsString(item, "an entry of a list"))
                    {
                        list.Add(item.Text, source, item.Offset);
                    }
                }
            }
            else if (member.Value.Kind == JsonTokenType.StartObject)
            {
                if (IsObject(member.Value, $"the list \"{member.Name}\"", "file") && Required(member.Value, "file", "the list") is { } file && IsString(file, "\"file\""))
                {
                    ListFiles.Add(file.Text);
                    if (openList(file.Text, out var reason) is { } octets)
                    {
                        list.AddLines(new SourceText(file.Text, octets), Errors);
                    }
                    else
                    {
                        Fail(file, $"the list {file.Text} {reason}");
                    }
                }
            }
            else
            {
                Fail(member.Value, $"the list \"{member.Name}\" is {member.Value.KindName}; expected a list of entries, or {{ \"file\": \"name.txt\" }}");
            }
        }
    }

    private List<PolicyRule> Rules(JsonNode? node, bool isBeforeStage)
    {
        List<PolicyRule> rules = [];
        if (node is null)
        {
            return rules;
        }

        if (node.Kind != JsonTokenType.StartArray)
        {
            Fail(node, $"is {node.KindName}; expected a list of rules");
            return rules;
        }

        foreach (var item in node.Items)
        {
            if (Rule(item, isBeforeStage) is { } rule)
            {
                rules.Add(rule);
            }
        }

        return rules;
    }

    private PolicyRule? Rule(JsonNode node, bool isBeforeStage)
    {
        if (!IsObject(node, "a rule", "name", "note", "when", "then"))
        {
            return null;
        }

        if (Member(node, "note") is { } note)
        {
            IsString(note, "\"note\"");
        }

        var name = "";
        if (Required(node, "name", "a rule") is { } given && IsString(given, "\"name\""))
        {
            name = given.Text;
            if (!IsName(name))
            {
                Fail(given, NameExpected($"the name \"{name}\""));
            }
            else if (StagePolicy.DecisionNames.Contains(name))
            {
                Fail(given, $"\"{name}\" is the name of a decision of the stage; expected another one");
            }
            else if (!_names.TryAdd(name, source.LineOf(given.Offset)))
            {
                Fail(given, string.Create(CultureInfo.InvariantCulture, $"another rule is named \"{name}\", on line {_names[name]}; expected a name of its own"));
            }
        }

        var when = Member(node, "when") is { } conditions ? When(conditions, "when") : new AllOf("when", []);
        var then = Required(node, "then", "a rule") is { } outcome ? Then(outcome, name, isBeforeStage) : null;
        return when is null || then is null ? null : new(name, source.LineOf(node.Offset), when, then);
    }

    private AllOf? When(JsonNode node, string key)
    {
        if (!IsObject(
            node, $"\"{key}\"", "agreement", "any", "blocklist", "client", "dkim", "every-recipient", "header-problem", "helo", "history", "mailkey", "mailkey-host",
            "not", "null-sender", "recipient", "recipient-count", "sender", "sender-domain", "size", "spf", "tls"))
        {
            return null;
        }

        List<Condition> conditions = [];
        foreach (var member in node.Members)
        {
            if (Condition(member.Name, member.Value) is { } condition)
            {
                conditions.Add(condition);
            }
        }

        return new(key, conditions);
    }

    private Condition? Condition(string key, JsonNode node) => key switch
    {
        "sender-domain" => new SenderDomainIs(Domains(key, node)),
        "sender" => new SenderIs(Addresses(key, node)),
        "recipient" => new RecipientIs(key, Addresses(key, node), every: false),
        "every-recipient" => new RecipientIs(key, Addresses(key, node), every: true),
        "client" => new ClientIs(Networks(key, node)),
        "helo" => Helo(node),
        "tls" => Flag(key, node, input => input.Connection.Tls is not null),
        "null-sender" => Flag(key, node, input => input.Envelope.ReversePath.Length == 0),
        "header-problem" => Flag(key, node, input => input.Evidence.HeaderProblem is not null),
        "spf" => Words(key, node, SpfWords) is { } words ? new WordIs(key, words, input => input.Evidence.Spf?.Result ?? "unchecked") : null,
        "agreement" => Words(key, node, AgreementWords) is { } words ? new WordIs(key, words, input => input.Evidence.Agreement is { Result: "pass", Trust: { } trust } ? trust : "none") : null,
        "mailkey" => Words(key, node, MailkeyWords) is { } words ? new WordIs(key, words, input => input.Evidence.Result) : null,
        "mailkey-host" => Words(key, node, ["exists", "absent", "unknown"]) is { } words ? new WordIs(key, words, input => input.Evidence.HostState) : null,
        "dkim" => Dkim(node),
        "blocklist" => Blocklists(node),
        "history" => History(node),
        "size" => Bounds(node, "size", Size) is var (atLeast, below) ? new NumberIs(key, atLeast, below, input => input.Size) : null,
        "recipient-count" => Bounds(node, key, Number) is var (atLeast, below) ? new NumberIs(key, atLeast, below, input => input.Envelope.Recipients.Count) : null,
        "not" => When(node, "not") is { } conditions ? new Not(conditions) : null,
        "any" => Any(node),
        _ => null, // said already: an unknown key
    };

    private AnyOf? Any(JsonNode node)
    {
        if (node.Kind != JsonTokenType.StartArray || node.Items.Count == 0)
        {
            Fail(node, $"\"any\" is {(node.Items.Count == 0 && node.Kind == JsonTokenType.StartArray ? "an empty list" : node.KindName)}; expected a list of objects with conditions");
            return null;
        }

        List<Condition> conditions = [];
        foreach (var item in node.Items)
        {
            if (When(item, "any") is { } condition)
            {
                conditions.Add(condition);
            }
        }

        return new("any", conditions);
    }

    private DomainPatterns Domains(string key, JsonNode node) => Patterns(key, node, () => new DomainPatterns(), (patterns, text) => patterns.Add(text));

    private AddressPatterns Addresses(string key, JsonNode node) => Patterns(key, node, () => new AddressPatterns(), (patterns, text) => patterns.Add(text));

    private NetworkSet Networks(string key, JsonNode node) => Patterns(key, node, () => new NetworkSet(), (networks, text) => networks.Add(text));

    // One string or several; "@name" stands for the entries of a list. A list that is the only entry is shared by the rules that name it.
    private T Patterns<T>(string key, JsonNode node, Func<T> create, Func<T, string, string?> add, bool isShared = true)
        where T : class
    {
        var patterns = create();
        var items = Strings(key, node);
        if (isShared && items is [{ Text: ['@', .. var only] }] && _lists.TryGetValue(only, out var single))
        {
            if (_compiled.TryGetValue((only, typeof(T)), out var known))
            {
                return (T)known;
            }

            _compiled[(only, typeof(T))] = patterns;
            AddList(patterns, single, only, add);
            return patterns;
        }

        foreach (var item in items)
        {
            if (item.Text is not ['@', .. var name])
            {
                if (add(patterns, item.Text) is { } problem)
                {
                    Fail(item, $"\"{Shown(item.Text)}\" {problem}, or @name for a list");
                }
            }
            else if (_lists.TryGetValue(name, out var list))
            {
                AddList(patterns, list, name, add);
            }
            else
            {
                Fail(item, $"there is no list \"{Shown(name)}\"; {(_lists.Count == 0 ? "expected it under \"lists\"" : $"expected one of {string.Join(", ", _lists.Keys.Order(StringComparer.Ordinal))}")}");
            }
        }

        return patterns;
    }

    private void AddList<T>(T patterns, NamedList list, string name, Func<T, string, string?> add)
    {
        foreach (var (text, file, offset) in list.Entries)
        {
            if (add(patterns, text) is { } problem)
            {
                Errors.Add(file.Error(offset, $"\"{Shown(text)}\" in the list \"{name}\" {problem}"));
            }
        }
    }

    private HeloIs Helo(JsonNode node)
    {
        var (literal, invalid) = (false, false);
        var domains = Patterns("helo", node, () => new DomainPatterns(), (patterns, text) =>
        {
            literal |= text == HeloIs.Literal;
            invalid |= text == HeloIs.Invalid;
            return text is HeloIs.Literal or HeloIs.Invalid ? null : patterns.Add(text) is { } problem ? $"{problem}, {HeloIs.Literal} for an address literal, {HeloIs.Invalid} for what is no name" : null;
        }, isShared: false);
        return new(domains, literal, invalid);
    }

    private FlagIs? Flag(string key, JsonNode node, Func<PolicyInput, bool> flag)
    {
        if (node.Kind is JsonTokenType.True or JsonTokenType.False)
        {
            return new(key, node.IsTrue, flag);
        }

        Fail(node, $"\"{key}\" is {node.KindName}; expected true or false");
        return null;
    }

    private DkimIs? Dkim(JsonNode node)
    {
        if (node.Kind != JsonTokenType.StartObject)
        {
            return Words("dkim", node, DkimWords) is { } only ? new DkimIs(only, null, null) : null;
        }

        if (!IsObject(node, "\"dkim\"", "result", "domain", "aligned", "seen", "rsa-bits"))
        {
            return null;
        }

        var words = Member(node, "result") is { } result ? Words("result", result, DkimWords) : null;
        var domains = Member(node, "domain") is { } domain ? Domains("domain", domain) : null;
        var aligned = Member(node, "aligned") is { } flag ? Flag("aligned", flag, _ => true) is null ? (bool?)null : flag.IsTrue : null;
        var seen = DkimBounds(node, "seen");
        var rsaBits = DkimBounds(node, "rsa-bits");
        if (words is not null && words.Contains(DkimIs.None) && (domains is not null || aligned is not null || seen is not null || rsaBits is not null))
        {
            Fail(node, "asks for no signature, and for a property of one; expected either");
        }

        return new DkimIs(words, domains, aligned, seen, rsaBits);
    }

    private NumberBounds? DkimBounds(JsonNode node, string key) =>
        Member(node, key) is { } bounds && Bounds(bounds, key, Number) is var (atLeast, below) ? new NumberBounds(atLeast, below) : null;

    private Condition? Blocklists(JsonNode node)
    {
        List<Condition> conditions = [];
        foreach (var item in node.Kind == JsonTokenType.StartArray ? node.Items : [node])
        {
            if (item.Kind == JsonTokenType.String)
            {
                conditions.Add(new BlocklistIs(Zone(item), "listed", null));
            }
            else if (IsObject(item, "an entry of \"blocklist\"", "zone", "result", "code") && Required(item, "zone", "an entry of \"blocklist\"") is { } zone && IsString(zone, "\"zone\""))
            {
                var result = Member(item, "result") is { } given && Words("result", given, ["listed", "clear", "unknown"]) is { Count: 1 } words ? words.Single() : "listed";
                conditions.Add(new BlocklistIs(Zone(zone), result, Member(item, "code") is { } codes ? Networks("code", codes) : null));
            }
        }

        if (node is { Kind: JsonTokenType.StartArray, Items.Count: 0 })
        {
            Fail(node, "\"blocklist\" is an empty list; expected a zone");
        }

        return conditions.Count == 1 ? conditions[0] : new AnyOf("blocklist", conditions);
    }

    private string Zone(JsonNode node)
    {
        if (!Dns.DomainName.TryNormalize(node.Text, out var zone))
        {
            Fail(node, $"\"{Shown(node.Text)}\" is no zone; expected its name, as in Mailkey:Blocklists:Zones");
            return "";
        }

        return zone;
    }

    private AllOf? History(JsonNode node)
    {
        if (!IsObject(node, "\"history\"", "known", "first-seen-days", "accepted", "refused", "refused-share"))
        {
            return null;
        }

        List<Condition> conditions = [];
        foreach (var (key, _, value) in node.Members)
        {
            Func<PolicyInput, double>? number = key switch
            {
                "first-seen-days" => input => input.Evidence.History?.FirstSeen is { } first ? Math.Max(0, (input.ReceivedAt - first).TotalDays) : 0,
                "accepted" => input => input.Evidence.History?.Accepted ?? 0,
                "refused" => input => input.Evidence.History?.Refused ?? 0,
                "refused-share" => input => input.Evidence.History is { } history && history.Accepted + history.Refused > 0
                    ? history.Refused / (double)(history.Accepted + history.Refused)
                    : 0,
                _ => null,
            };
            if (key == "known")
            {
                if (Flag(key, value, _ => true) is not null)
                {
                    var expected = value.IsTrue ? 1 : 0;
                    conditions.Add(new NumberIs("known", expected, expected + 1, input => input.Evidence.History?.FirstSeen is null ? 0 : 1, ofHistory: true));
                }
            }
            else if (number is not null && Bounds(value, key, Number) is var (atLeast, below))
            {
                conditions.Add(new NumberIs(key, atLeast, below, number, ofHistory: true));
            }
        }

        if (node.Members.Count == 0)
        {
            Fail(node, "\"history\" asks for nothing; expected known, first-seen-days, accepted, refused or refused-share");
        }

        return new AllOf("history", conditions);
    }

    private (double? AtLeast, double? Below)? Bounds(JsonNode node, string key, Func<JsonNode, string, double?> value)
    {
        if (!IsObject(node, $"\"{key}\"", "at-least", "below"))
        {
            return null;
        }

        if (node.Members.Count == 0)
        {
            Fail(node, $"\"{key}\" has no bound; expected \"at-least\" or \"below\"");
        }

        return (
            Member(node, "at-least") is { } least ? value(least, "at-least") : null,
            Member(node, "below") is { } most ? value(most, "below") : null);
    }

    private double? Number(JsonNode node, string key)
    {
        if (node.Kind == JsonTokenType.Number && node.Number >= 0)
        {
            return node.Number;
        }

        Fail(node, $"\"{key}\" is {node.KindName}; expected a number that is not negative");
        return null;
    }

    private double? Size(JsonNode node, string key)
    {
        if (node.Kind == JsonTokenType.Number && node.Number >= 0)
        {
            return node.Number;
        }

        if (node.Kind == JsonTokenType.String && node.Text.Length > 1
            && node.Text[^1] is var unit and ('K' or 'M') && uint.TryParse(node.Text.AsSpan(0, node.Text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
        {
            return count * (unit == 'K' ? 1024.0 : 1024.0 * 1024.0);
        }

        Fail(node, $"\"{key}\" is {node.KindName}; expected octets, or \"500K\" or \"10M\"");
        return null;
    }

    private Outcome? Then(JsonNode node, string rule, bool isBeforeStage)
    {
        string word;
        JsonNode? details = null;
        if (node.Kind == JsonTokenType.String)
        {
            word = node.Text;
        }
        else if (node.Kind == JsonTokenType.StartObject && node.Members.Count == 1)
        {
            (word, details) = (node.Members[0].Name, node.Members[0].Value);
        }
        else
        {
            Fail(node, $"\"then\" is {(node.Kind == JsonTokenType.StartObject ? "an object with several members" : node.KindName)}; expected one outcome: {string.Join(", ", OutcomeWords)}");
            return null;
        }

        switch (word)
        {
            case "accept":
                Nothing(details, word);
                return new AcceptOutcome();
            case "quarantine":
                Nothing(details, word);
                return new QuarantineOutcome();
            case "exempt":
                Nothing(details, word);
                if (!isBeforeStage)
                {
                    Fail(node, "\"exempt\" comes too late here, the stage has judged; expected it under \"before-stage\"");
                }

                return new ExemptOutcome();
            case "tag":
                return Tag(node, details, rule);
            case "greylist":
                return Greylist(details);
            case "rate-limit":
                return RateLimit(node, details);
            case "reject" when details is null or { Kind: JsonTokenType.String }:
                return new RejectOutcome(details is null ? null : Line(details, "reject", Refusals.MaxReasonLength), "5.7.1");
            case "reject":
                return IsObject(details, "\"reject\"", "text", "status")
                    ? new RejectOutcome(
                        Member(details, "text") is { } text ? Line(text, "text", Refusals.MaxReasonLength) : null,
                        Member(details, "status") is { } status ? Status(status) : "5.7.1")
                    : null;
            case "defer" when details is null or { Kind: JsonTokenType.String }:
                return new DeferOutcome(details is null ? null : Line(details, "defer", Refusals.MaxReasonLength));
            case "defer":
                return IsObject(details, "\"defer\"", "text") ? new DeferOutcome(Member(details, "text") is { } reason ? Line(reason, "text", Refusals.MaxReasonLength) : null) : null;
            default:
                Fail(node, $"\"{Shown(word)}\" is no outcome{Nearest(word, OutcomeWords)}; expected one of {string.Join(", ", OutcomeWords)}");
                return null;
        }
    }

    private void Nothing(JsonNode? details, string word)
    {
        if (details is not null and not { Kind: JsonTokenType.StartObject, Members.Count: 0 })
        {
            Fail(details, $"\"{word}\" takes nothing; expected \"then\": \"{word}\"");
        }
    }

    private TagOutcome? Tag(JsonNode node, JsonNode? details, string rule)
    {
        if (details is null)
        {
            Fail(node, "\"tag\" needs a field; expected { \"tag\": { \"field\": \"X-Example\", \"value\": \"yes\" } }");
            return null;
        }

        if (!IsObject(details, "\"tag\"", "field", "value") || Required(details, "field", "\"tag\"") is not { } field || !IsString(field, "\"field\""))
        {
            return null;
        }

        // RFC 5322 §3.6.8: printable characters without the colon. Only X- names: others mean something to those who read them.
        var name = field.Text;
        if (!name.StartsWith("X-", StringComparison.OrdinalIgnoreCase) || name.Length is < 3 or > MaxFieldNameLength
            || name.AsSpan().ContainsAnyExceptInRange('!', '~') || name.Contains(':', StringComparison.Ordinal))
        {
            Fail(field, $"\"{Shown(name)}\" is no field for a tag; expected X- and up to {MaxFieldNameLength - 2} printable ASCII characters without space and colon");
        }
        else if (string.Equals(name, PolicyDecision.QuarantineField, StringComparison.OrdinalIgnoreCase))
        {
            Fail(field, $"\"{name}\" is what quarantine writes; expected another field");
        }

        return new(name, (Member(details, "value") is { } value ? Line(value, "value", MaxTagValueLength) : null) ?? rule);
    }

    private GreylistOutcome? Greylist(JsonNode? details)
    {
        if (details is not null && !IsObject(details, "\"greylist\"", "delay", "window", "remember"))
        {
            return null;
        }

        var delay = Duration(details, "delay") ?? TimeSpan.FromMinutes(5);
        var window = Duration(details, "window") ?? TimeSpan.FromDays(2);
        if (window <= delay)
        {
            Fail(details!, "\"window\" is not longer than \"delay\"; expected a time in which the message can come again");
        }

        return new(delay, window, Duration(details, "remember") ?? TimeSpan.FromDays(36));
    }

    private RateLimitOutcome? RateLimit(JsonNode node, JsonNode? details)
    {
        if (details is null)
        {
            Fail(node, "\"rate-limit\" needs its bounds; expected { \"rate-limit\": { \"key\": \"client\", \"count\": 100, \"per\": \"1h\" } }");
            return null;
        }

        if (!IsObject(details, "\"rate-limit\"", "key", "count", "per", "over"))
        {
            return null;
        }

        var key = Required(details, "key", "\"rate-limit\"") is { } given ? Words("key", given, ["client", "sender-domain", "recipient"]) : null;
        if (key is { Count: > 1 })
        {
            Fail(Member(details, "key")!, "\"key\" is a list; expected one of client, sender-domain, recipient");
        }

        var count = 1;
        if (Required(details, "count", "\"rate-limit\"") is { } number)
        {
            if (number.Kind == JsonTokenType.Number && number.Number is >= 1 and <= 1_000_000_000 && number.Number == Math.Floor(number.Number))
            {
                count = (int)number.Number;
            }
            else
            {
                Fail(number, $"\"count\" is {number.KindName}; expected a whole number from 1");
            }
        }

        if (Required(details, "per", "\"rate-limit\"") is null)
        {
            return null;
        }

        var over = Member(details, "over") is { } what ? Words("over", what, ["defer", "reject"]) : null;
        return new(
            key?.First() switch { "sender-domain" => RateLimitKey.SenderDomain, "recipient" => RateLimitKey.Recipient, _ => RateLimitKey.Client },
            count,
            Duration(details, "per") ?? TimeSpan.FromHours(1),
            over?.Contains("reject") is true);
    }

    private TimeSpan? Duration(JsonNode? owner, string key)
    {
        if (owner is null || Member(owner, key) is not { } node)
        {
            return null;
        }

        // At most a year: the row of a key must go some day.
        if (node.Kind == JsonTokenType.String && node.Text.Length > 1
            && uint.TryParse(node.Text.AsSpan(0, node.Text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && node.Text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86_400, _ => 0 } is > 0 and var unit
            && (long)count * unit is > 0 and <= 366L * 86_400 and var seconds)
        {
            return TimeSpan.FromSeconds(seconds);
        }

        Fail(node, $"\"{key}\" is {node.KindName}; expected a time such as \"30s\", \"5m\", \"2h\" or \"7d\", at most \"366d\"");
        return null;
    }

    // One word or several.
    private HashSet<string>? Words(string key, JsonNode node, string[] known)
    {
        var items = Strings(key, node);
        HashSet<string> words = new(StringComparer.Ordinal);
        foreach (var item in items)
        {
            if (Array.IndexOf(known, item.Text) < 0)
            {
                Fail(item, $"\"{Shown(item.Text)}\" is no value of \"{key}\"{Nearest(item.Text, known)}; expected one of {string.Join(", ", known)}");
            }

            words.Add(item.Text);
        }

        return items.Count == 0 ? null : words;
    }

    private List<JsonNode> Strings(string key, JsonNode node)
    {
        if (node.Kind == JsonTokenType.String)
        {
            return [node];
        }

        if (node.Kind != JsonTokenType.StartArray || node.Items.Count == 0)
        {
            Fail(node, $"\"{key}\" is {(node.Kind == JsonTokenType.StartArray ? "an empty list" : node.KindName)}; expected a string, or a list of strings");
            return [];
        }

        return node.Items.FindAll(item => IsString(item, $"an entry of \"{key}\""));
    }

    private string? Line(JsonNode node, string key, int most)
    {
        if (!IsString(node, $"\"{key}\""))
        {
            return null;
        }

        if (node.Text.Length == 0 || node.Text.Length > most || node.Text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            Fail(node, string.Create(CultureInfo.InvariantCulture, $"\"{key}\" is not one line of 1 to {most} printable ASCII characters"));
            return null;
        }

        return node.Text;
    }

    private string Status(JsonNode node)
    {
        // RFC 3463 §3.8: security or policy. The detail has three digits at most (§2).
        if (IsString(node, "\"status\"") && node.Text.StartsWith("5.7.", StringComparison.Ordinal) && node.Text.Length is > 4 and < 8 && !node.Text.AsSpan(4).ContainsAnyExceptInRange('0', '9'))
        {
            return node.Text;
        }

        if (node.Kind == JsonTokenType.String)
        {
            Fail(node, $"\"{Shown(node.Text)}\" is no status of a refusal by policy; expected 5.7.x (RFC 3463), such as 5.7.1");
        }

        return "5.7.1";
    }

    private bool IsObject(JsonNode node, string what, params string[] keys)
    {
        if (node.Kind != JsonTokenType.StartObject)
        {
            Fail(node, $"{what} is {node.KindName}; expected an object with {string.Join(", ", keys)}");
            return false;
        }

        foreach (var member in node.Members)
        {
            if (Array.IndexOf(keys, member.Name) < 0)
            {
                Errors.Add(source.Error(member.Offset, $"\"{Shown(member.Name)}\" is no key of {what}{Nearest(member.Name, keys)}; expected one of {string.Join(", ", keys)}"));
            }
        }

        return true;
    }

    private bool IsString(JsonNode node, string what)
    {
        if (node.Kind == JsonTokenType.String)
        {
            return true;
        }

        Fail(node, $"{what} is {node.KindName}; expected a string");
        return false;
    }

    private static JsonNode? Member(JsonNode node, string key) => node.Members.Find(member => member.Name == key)?.Value;

    private JsonNode? Required(JsonNode node, string key, string what)
    {
        var value = Member(node, key);
        if (value is null)
        {
            Fail(node, $"{what} has no \"{key}\"");
        }

        return value;
    }

    private void Fail(JsonNode node, string message) => Errors.Add(source.Error(node.Offset, message));

    private static bool IsName(string name) =>
        name.Length is > 0 and <= MaxNameLength && char.IsAsciiLetterLower(name[0]) && !name.AsSpan().ContainsAnyExcept(NameCharacters);

    private static string NameExpected(string what) =>
        string.Create(CultureInfo.InvariantCulture, $"{what} is not possible; expected a letter and up to {MaxNameLength - 1} letters, digits and hyphens, all in lower case");

    private static string Shown(string text) => text.Length > 60 ? text[..60] + "…" : text;

    private static string Nearest(string word, string[] known)
    {
        var nearest = known.MinBy(candidate => Distance(word, candidate));
        return nearest is not null && word.Length <= 30 && Distance(word, nearest) <= Math.Max(1, nearest.Length / 4) ? $" (did you mean \"{nearest}\"?)" : "";
    }

    // Letters to change, add or leave out (Levenshtein).
    private static int Distance(string one, string other)
    {
        if (one.Length > 30)
        {
            return int.MaxValue;
        }

        var row = new int[other.Length + 1];
        for (var j = 0; j <= other.Length; j++)
        {
            row[j] = j;
        }

        for (var i = 1; i <= one.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= other.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (one[i - 1] == other[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[^1];
    }
}
