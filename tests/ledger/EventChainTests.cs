using System.Buffers;
using System.Text;
using System.Text.Json;
using Mailkey.Ledger.Chain;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Ledger.Tests;

public sealed class EventChainTests(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    [Theory]
    [InlineData("""{ "b" : 1, "a" : [ true, null, "x" ] }""", """{"a":[true,null,"x"],"b":1}""")]
    [InlineData("""{"\u00e4":"\u00fc\u20ac","a\tb":"\u0001\b\f\n\r\"\\/<>&'"}""", """{"a\tb":"\u0001\b\f\n\r\"\\/<>&'","ä":"ü€"}""")]
    [InlineData("""{"B":1,"a":2,"A":3,"aa":-9007199254740991}""", """{"A":3,"B":1,"a":2,"aa":-9007199254740991}""")]
    [InlineData("\"\\ud83d\\ude00\"", "\"😀\"")]
    [InlineData("{}", "{}")]
    public void CanonicalJson_is_the_same_for_the_same_value(string json, string canonical) => Assert.Equal(canonical, Canonical(json));

    [Theory]
    [InlineData("1.5")]
    [InlineData("1e3")]
    [InlineData("9007199254740992")]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("{")]
    public void CanonicalJson_has_no_form_for_what_programs_read_differently(string json) => Assert.ThrowsAny<JsonException>(() => Canonical(json));

    [Fact]
    public async Task Chain_of_a_stored_stream_holds()
    {
        await using var ledger = await LedgerDatabase.CreateAsync(postgres);
        var stream = LedgerDatabase.NewAccount();
        await ledger.AppendAsync(stream, new Opened("a\0b \u2028 \"quoted\" <ü>"), new Paid(5, "EUR"));
        await ledger.AppendAsync(stream, new Paid(-3, "EUR"));

        Assert.Equal([null, null, null], Verify(await ledger.ReadAsync(stream)));
        Assert.Equal((3L, 2L), ((await ledger.Accounts.LoadAsync(stream, null, TestContext.Current.CancellationToken)) is var s ? (s.Version, s.State.Balance) : default));
    }

    [Theory]
    [InlineData("UPDATE {0}.mt_events SET data = jsonb_set(data, '{{amount}}', '500') WHERE version = 2", 2)]
    [InlineData("UPDATE {0}.mt_events SET timestamp = timestamp + interval '1 microsecond' WHERE version = 2", 2)]
    [InlineData("UPDATE {0}.mt_events SET headers = jsonb_set(headers, '{{actor}}', '\"user:eve\"') WHERE version = 1", 1)]
    [InlineData("UPDATE {0}.mt_events SET type = 'closed' WHERE version = 3", 3)]
    [InlineData("UPDATE {0}.mt_events SET headers = NULL WHERE version = 3", 3)]
    [InlineData("DELETE FROM {0}.mt_events WHERE version = 2", 2)]
    [InlineData("UPDATE {0}.mt_events SET version = 12 - version WHERE version IN (2, 3); UPDATE {0}.mt_events SET version = version - 7 WHERE version > 4", 2)]
    public async Task Chain_breaks_where_history_was_changed(string tampering, int at)
    {
        await using var ledger = await LedgerDatabase.CreateAsync(postgres);
        var stream = LedgerDatabase.NewAccount();
        await ledger.AppendAsync(stream, new Opened("ann"), new Paid(1, "EUR"), new Paid(2, "EUR"), new Paid(3, "EUR"));

        await ledger.ExecuteAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, tampering, ledger.Schema));

        var problems = Verify(await ledger.ReadAsync(stream));
        Assert.All(problems.Take(at - 1), Assert.Null);
        Assert.NotNull(problems[at - 1]);
    }

    private static string Canonical(string json)
    {
        var output = new ArrayBufferWriter<byte>();
        CanonicalJson.Write(Encoding.UTF8.GetBytes(json), output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static List<string?> Verify(IReadOnlyList<StoredEvent> events)
    {
        List<string?> problems = [];
        var previous = EventChain.Origin.ToArray();
        foreach (var stored in events)
        {
            EventChain.TryVerify(previous, stored, out previous, out var problem);
            problems.Add(problem);
        }

        return problems;
    }
}
