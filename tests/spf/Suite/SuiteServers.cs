using System.Globalization;
using System.Text;
using Mailkey.Dns;
using Mailkey.Testkit;
using Mailkey.Testkit.Dns;

namespace Mailkey.Spf.Tests.Suite;

/// <summary>
/// Name servers with the zones of the suite, one for each scenario, started when the first case asks. Unbound where it can say what the
/// scenario wants; a scripted server where something has to stay silent.
/// </summary>
public sealed class SuiteServers : IAsyncDisposable
{
    // Far more than a look-up on loopback takes: only a broken test waits for it.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Dictionary<SuiteScenario, SpfEvaluator> _evaluators = [];
    private readonly List<IAsyncDisposable> _servers = [];

    internal async Task<SpfEvaluator> EvaluatorAsync(SuiteScenario scenario)
    {
        if (!_evaluators.TryGetValue(scenario, out var evaluator))
        {
            evaluator = scenario.HasSilence ? StartScripted(scenario) : await StartUnboundAsync(scenario);
            _evaluators.Add(scenario, evaluator);
        }

        return evaluator;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }
    }

    private async Task<SpfEvaluator> StartUnboundAsync(SuiteScenario scenario)
    {
        var server = await UnboundServer.StartAsync(scenario.Records.Select(Line), null);
        _servers.Add(server);
        var resolver = new DnsResolver(new() { Servers = [server.Endpoint], AttemptTimeout = Patience, Timeout = Patience }, TimeProvider.System);
        return new(resolver, Patience, TimeProvider.System);
    }

    // The time of the resolver moves only when a question is left without an answer: so silence is waited for, and nothing else is.
    private SpfEvaluator StartScripted(SuiteScenario scenario)
    {
        var time = new ManualTime();
        var server = HostileDnsServer.Start(query =>
        {
            var ofName = scenario.Records.Where(record => string.Equals(record.Name, query.Name, StringComparison.OrdinalIgnoreCase)).ToList();
            var ofType = ofName.Where(record => record.Type == TypeName(query.Type)).ToList();
            if (ofType.Count == 0 && ofName.Exists(record => record.Type == SuiteRecord.Silence))
            {
                time.Advance(Patience);
                return HostileReply.Silence;
            }

            return ofType.Count > 0 ? query.Answer([.. ofType.Select(record => Wire(query.Name, record))])
                : ofName.Count > 0 ? query.NoData() : query.NameError();
        });
        _servers.Add(server);
        var resolver = new DnsResolver(new() { Servers = [server.Endpoint], Attempts = 1, AttemptTimeout = Patience, Timeout = Patience }, time);
        return new(resolver, TimeSpan.FromHours(1), time);
    }

    private static string TypeName(int type) => ((DnsRecordType)type).ToString().ToUpperInvariant();

    private static HostileRecord Wire(string name, SuiteRecord record) => record.Type switch
    {
        "TXT" => new(name, 16, 300, [.. record.Data.Append("").SelectMany(Chunks)]),
        "A" => HostileRecord.A(name, record.Data[0]),
        "AAAA" => new(name, 28, 300, System.Net.IPAddress.Parse(record.Data[0]).GetAddressBytes()),
        _ => throw new NotSupportedException($"{record.Type} in a scenario with silence"),
    };

    private static IEnumerable<byte> Chunks(string text) =>
        Encoding.Latin1.GetBytes(text).Chunk(255).SelectMany(chunk => (byte[])[(byte)chunk.Length, .. chunk]).DefaultIfEmpty((byte)0);

    private static string Line(SuiteRecord record) => $"{Name(record.Name)} 300 IN {record.Type} " + record.Type switch
    {
        "TXT" => string.Join(' ', record.Data.DefaultIfEmpty("").Select(text => $"\"{Escaped(text, " ")}\"")),
        "MX" => $"{record.Data[0]} {Name(record.Data[1])}",
        "PTR" or "CNAME" => Name(record.Data[0]),
        _ => record.Data[0],
    };

    private static string Name(string name) => $"{Escaped(name.TrimEnd('.'), "")}.";

    // The form of a zone file within an unbound.conf: everything odd as \DDD.
    private static string Escaped(string text, string plain) => string.Concat(text.Select(c =>
        char.IsAsciiLetterOrDigit(c) || "-_.:/%=+~?,@!&<>()[]{}".Contains(c, StringComparison.Ordinal) || plain.Contains(c, StringComparison.Ordinal)
            ? c.ToString()
            : string.Create(CultureInfo.InvariantCulture, $"\\{(int)c:000}")));
}
