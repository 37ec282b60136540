using System.Net;
using Mailkey.Dns;
using Mailkey.Testkit.Dns;

namespace Mailkey.Spf.Tests;

/// <summary>A name server on loopback with the records that a test gives it, and a resolver that asks it.</summary>
internal sealed class ScriptedZones : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, List<HostileRecord>> _records = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, Func<HostileQuery, HostileReply>> _odd = new(StringComparer.OrdinalIgnoreCase);
    private readonly HostileDnsServer _server;

    public ScriptedZones()
    {
        _server = HostileDnsServer.Start(Answer);
        Resolver = new(new() { Servers = [_server.Endpoint], AttemptTimeout = Patience, Timeout = Patience }, TimeProvider.System);
    }

    public DnsResolver Resolver { get; }

    /// <summary>What was asked over UDP, as name and type.</summary>
    public IReadOnlyList<string> Questions => [.. _server.Queries.Where(query => !query.Tcp).Select(query => $"{query.Name} {(DnsRecordType)query.Type}")];

    public ScriptedZones Txt(string name, params string[] texts) => Add(name, texts.Select(text => HostileRecord.Txt(name, text)));

    public ScriptedZones Address(string name, params string[] addresses) => Add(name, addresses.Select(IPAddress.Parse).Select(address =>
        new HostileRecord(name, address.GetAddressBytes().Length == 4 ? 1 : 28, 300, address.GetAddressBytes())));

    public ScriptedZones Mx(string name, params string[] exchanges) => Add(name, exchanges.Select((exchange, i) => HostileRecord.Mx(name, i, exchange)));

    public ScriptedZones Ptr(string name, params string[] targets) => Add(name, targets.Select(target => new HostileRecord(name, 12, 300, HostileRecord.EncodeName(target))));

    /// <summary>Lets every question about a name be answered in another way.</summary>
    public ScriptedZones Odd(string name, Func<HostileQuery, HostileReply> answer)
    {
        _odd[name] = answer;
        return this;
    }

    public async Task<SpfResult> AskAsync(string client, string reversePath, string clientName = "client.test", TimeProvider? time = null, TimeSpan? timeLimit = null) =>
        await new SpfEvaluator(Resolver, timeLimit ?? Patience, time ?? TimeProvider.System)
            .EvaluateAsync(new() { Client = IPAddress.Parse(client), ReversePath = reversePath, ClientName = clientName, ReceiverName = "mx.test" }, TestContext.Current.CancellationToken)
            .AsTask().WaitAsync(2 * Patience, TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private ScriptedZones Add(string name, IEnumerable<HostileRecord> records)
    {
        if (!_records.TryGetValue(name, out var ofName))
        {
            _records.Add(name, ofName = []);
        }

        ofName.AddRange(records);
        return this;
    }

    private HostileReply Answer(HostileQuery query)
    {
        if (_odd.TryGetValue(query.Name, out var odd))
        {
            return odd(query);
        }

        if (!_records.TryGetValue(query.Name, out var ofName))
        {
            return query.NameError();
        }

        HostileRecord[] ofType = [.. ofName.Where(record => record.Type == query.Type)];
        if (ofType.Length == 0)
        {
            return query.NoData();
        }

        const int udpPayload = 1232;
        return query.Tcp || ofType.Sum(record => record.Data.Length + record.Name.Length + 12) < udpPayload - 300 ? query.Answer(ofType) : query.Reply(0, truncated: true);
    }
}
