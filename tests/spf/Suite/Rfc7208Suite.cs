using Mailkey.Testkit.Infrastructure;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Mailkey.Spf.Tests.Suite;

/// <summary>The public test suite of RFC 7208: scenarios, each with its zones and its cases.</summary>
internal static class Rfc7208Suite
{
    private static readonly Lazy<IReadOnlyList<SuiteScenario>?> Loaded = new(Load);

    /// <summary>Where the suite should be.</summary>
    public static string File { get; } = Path.Combine(Environment.GetEnvironmentVariable("MAILKEY_CORPORA") ?? Path.Combine(Repository.Root, "..", "shared", "corpora"), "spf", "rfc7208-tests.yml");

    /// <summary>Null when the suite is not on this machine.</summary>
    public static IReadOnlyList<SuiteScenario>? Scenarios => Loaded.Value;

    private static List<SuiteScenario>? Load()
    {
        if (!System.IO.File.Exists(File))
        {
            return null;
        }

        var yaml = new YamlStream();
        using var reader = System.IO.File.OpenText(File);
        yaml.Load(reader);
        return [.. yaml.Documents.Select(document => Scenario((YamlMappingNode)document.RootNode))];
    }

    private static SuiteScenario Scenario(YamlMappingNode node) => new(
        Text(node["description"]),
        [.. ((YamlMappingNode)node["tests"]).Select(test => Case(Text(test.Key), (YamlMappingNode)test.Value))],
        [.. ((YamlMappingNode)node["zonedata"]).SelectMany(zone => Records(Text(zone.Key), (YamlSequenceNode)zone.Value))]);

    private static SuiteCase Case(string name, YamlMappingNode node) => new(
        name,
        Text(node["helo"]),
        Text(node["host"]),
        Text(node["mailfrom"]),
        Texts(node["result"]),
        node.Children.TryGetValue("explanation", out var explanation) ? Text(explanation) : null);

    // SPF entries stand for TXT where a name has no TXT of its own; "TXT: NONE" means that it has none at all.
    private static IEnumerable<SuiteRecord> Records(string name, YamlSequenceNode entries)
    {
        var pairs = entries.OfType<YamlMappingNode>().SelectMany(entry => entry.Select(pair => (Type: Text(pair.Key), Data: Texts(pair.Value), Value: pair.Value))).ToList();
        foreach (var (type, data, value) in pairs)
        {
            if (type == "SPF" ? pairs.TrueForAll(pair => pair.Type != "TXT") : type != "TXT" || value is not YamlScalarNode { Value: "NONE", Style: ScalarStyle.Plain })
            {
                yield return new(name, type == "SPF" ? "TXT" : type, data);
            }
        }

        if (entries.Any(entry => entry is YamlScalarNode { Value: "TIMEOUT" }))
        {
            yield return new(name, SuiteRecord.Silence, []);
        }
    }

    private static string[] Texts(YamlNode node) => node is YamlSequenceNode list ? [.. list.Select(Text)] : [Text(node)];

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value ?? "";
}

/// <summary>Cases that share zones.</summary>
public sealed record SuiteScenario(string Description, IReadOnlyList<SuiteCase> Cases, IReadOnlyList<SuiteRecord> Records)
{
    /// <summary>Whether a name server of the scenario has to be silent.</summary>
    public bool HasSilence => Records.Any(record => record.Type == SuiteRecord.Silence);
}

/// <summary>One question and the results that conform.</summary>
/// <param name="Explanation">Null: not tested. DEFAULT: none of the domain.</param>
public sealed record SuiteCase(string Name, string Helo, string Host, string MailFrom, IReadOnlyList<string> Results, string? Explanation);

/// <summary>One record, as fields of its data.</summary>
public sealed record SuiteRecord(string Name, string Type, IReadOnlyList<string> Data)
{
    /// <summary>Type of an entry that means: no answer to what there is no record of.</summary>
    public const string Silence = "TIMEOUT";
}
