using System.Diagnostics;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Testkit.Dns;

namespace Mailkey.Dns.Tests;

public sealed class DnsMessageTests
{
    private static byte[] Query(string name, DnsRecordType type, out int questionLength, bool mixCase = false)
    {
        var message = new byte[DnsQuery.MaxLength];
        Assert.True(DnsQuery.TryWrite(message, name, type, mixCase, edns: true, out var length, out questionLength));
        return message[..length];
    }

    private static HostileQuery Hostile(string name, DnsRecordType type) => new(Query(name, type, out _), tcp: false);

    [Fact]
    public void DnsQuery_is_as_rfc_1035_and_6891_draw_it()
    {
        var message = Query("mail.example", DnsRecordType.Mx, out var questionLength);
        Assert.Equal("0100000100000000000104" + "6D61696C076578616D706C6500" + "000F0001" + "0000 2904D0 0000 0000 0000".Replace(" ", ""), Convert.ToHexString(message.AsSpan(2)));
        Assert.Equal(18, questionLength);
    }

    [Fact]
    public void DnsQuery_counts_octets_and_not_escapes()
    {
        var label = string.Concat(Enumerable.Repeat("\\032", 63));
        var longest = $"{label}.{label}.{label}.{label[..(61 * 4)]}";
        var message = Query(longest, DnsRecordType.A, out var questionLength);
        Assert.Equal(255 + 4, questionLength);
        Assert.Equal(63, message[12]);
        Assert.Equal(' ', (char)message[13]);
        Assert.False(DnsQuery.TryWrite(message, $"x{label}", DnsRecordType.A, mixCase: false, edns: false, out _, out _));
        Assert.False(DnsQuery.TryWrite(message, $"{longest}\\032", DnsRecordType.A, mixCase: false, edns: false, out _, out _));
    }

    [Fact]
    public void DnsQuery_recognises_its_answer()
    {
        var query = Query("mail.example", DnsRecordType.A, out var question, mixCase: false);
        var answer = new HostileQuery(query, tcp: false).NoData().Messages[0];
        Assert.True(DnsQuery.IsAnsweredBy(query, question, answer, out var same));
        Assert.True(same);
        answer[13] ^= 0x20;
        Assert.True(DnsQuery.IsAnsweredBy(query, question, answer, out same));
        Assert.False(same);
        answer[13] ^= 0x01;
        Assert.False(DnsQuery.IsAnsweredBy(query, question, answer, out _));
        Assert.False(DnsQuery.IsAnsweredBy(query, question, query, out _));
    }

    [Fact]
    public void DnsResponse_reads_compressed_names_and_escapes_odd_octets()
    {
        var query = Hostile("a.example", DnsRecordType.Mx);

        // The owner points at the question, the exchange ends in a pointer to "example".
        var record = (byte[])[0xC0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 0, 10, 0, 7, 5, (byte)'M', (byte)'.', 0x1B, (byte)' ', 0xFF, 0xC0, 14];
        byte[] message = [.. query.Reply(0, answerCount: 1).Messages[0], .. record];
        Assert.True(DnsResponse.TryParse(message, out var response, out var error), error.ToString());
        var mx = Assert.Single(response.Answers);
        Assert.Equal("a.example", mx.Name);
        Assert.Equal(7, mx.Preference);
        Assert.Equal("m\\046\\027\\032\\255.example", mx.Target);
    }

    [Fact]
    public void DnsResponse_reads_the_extended_code()
    {
        byte[] message = [.. Hostile("a.example", DnsRecordType.A).Reply(0).Messages[0], 0, 0, 41, 4, 0xD0, 1, 0, 0, 0, 0, 0];
        message[11] = 1;
        Assert.True(DnsResponse.TryParse(message, out var response, out _));
        Assert.Equal(16, response.ResponseCode); // BADVERS looks like NOERROR to who does not read OPT
        Assert.True(response.HasOpt);
    }

    [Theory]
    [InlineData(new byte[] { 0xC0, 29 })] // to itself
    [InlineData(new byte[] { 0xC0, 31 })] // forward
    [InlineData(new byte[] { 0xC0, 0 })] // into the header
    [InlineData(new byte[] { 0x80, 0 })] // unknown kind
    [InlineData(new byte[] { 3, 97 })] // cut short
    public void DnsResponse_refuses_bad_names(byte[] owner)
    {
        byte[] message = [.. Hostile("a.example", DnsRecordType.A).Reply(0, answerCount: 1).Messages[0], .. owner];
        Assert.Equal(27, message.Length - owner.Length);
        Assert.False(DnsResponse.TryParse([.. message, .. new byte[owner.Length == 2 && owner[0] == 3 ? 0 : 20]], out _, out var error));
        Assert.NotEqual(0, error.Position);
    }

    [Theory]
    [InlineData(1, new byte[] { 1, 2, 3 })]
    [InlineData(28, new byte[] { 1, 2, 3, 4 })]
    [InlineData(15, new byte[] { 0, 1 })]
    [InlineData(15, new byte[] { 0, 1, 0, 0 })]
    [InlineData(5, new byte[] { 1, 97 })]
    [InlineData(5, new byte[] { 1, 97, 0, 9 })]
    [InlineData(16, new byte[] { 5, 97 })]
    public void DnsResponse_refuses_bad_data(int type, byte[] data)
    {
        var message = Hostile("a.example", (DnsRecordType)type).Answer(new HostileRecord("a.example", type, 60, data)).Messages[0];
        Assert.False(DnsResponse.TryParse(message, out _, out var error));
        Assert.NotEmpty(error.Message);
    }

    [Fact]
    public void DnsResponse_reads_a_ttl_above_the_limit_as_zero()
    {
        var message = Hostile("a.example", DnsRecordType.A).Answer(HostileRecord.A("a.example", "192.0.2.1", 0x80000000)).Messages[0];
        Assert.True(DnsResponse.TryParse(message, out var response, out _));
        Assert.Equal(TimeSpan.Zero, response.Answers[0].TimeToLive);
    }

    [Fact]
    public void DnsResponse_spends_linear_time_on_the_worst_message()
    {
        // As many records as fit, each owner a chain of pointers.
        List<byte> message = [.. Hostile("a.example", DnsRecordType.A).Reply(0, answerCount: 5000).Messages[0]];
        for (var previous = 12; message.Count < 65_500;)
        {
            var here = message.Count;
            message.AddRange([1, (byte)'a', (byte)(0xC0 | (previous >> 8)), (byte)previous, 0, 99, 0, 1, 0, 0, 0, 0, 0, 0]);
            previous = here < 0x3FFF ? here : previous;
        }

        var watch = Stopwatch.StartNew();
        Assert.False(DnsResponse.TryParse(message.ToArray(), out _, out _));
        Assert.InRange(watch.ElapsedMilliseconds, 0, 500);
    }

    [Fact]
    public void DnsResponse_never_throws_on_noise() => Prop.ForAll<byte[]>(noise =>
    {
        byte[] message = [.. Hostile("a.example", DnsRecordType.Txt).Reply(0, answerCount: 2).Messages[0], .. noise];
        return DnsResponse.TryParse(message, out _, out var error) || error.Position <= message.Length;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void DnsResponse_never_throws_on_damage()
    {
        var query = Hostile("a.example", DnsRecordType.Mx);
        var whole = query.Reply(
            0,
            [HostileRecord.Mx("a.example", 1, "mx.example"), HostileRecord.Txt("a.example", new string('t', 300)), HostileRecord.Cname("b.example", "c.example")],
            [HostileRecord.Soa("example", 60)]).Messages[0];
        var damage = Gen.Choose(0, whole.Length - 1).SelectMany(at => Gen.Choose(0, 255).Select(to => (at, (byte)to))).ArrayOf();
        Prop.ForAll(Arb.From(damage), Arb.From(Gen.Choose(0, whole.Length)), (changes, length) =>
        {
            var message = whole.ToArray();
            foreach (var (at, to) in changes)
            {
                message[at] = to;
            }

            return DnsResponse.TryParse(message.AsSpan(0, length), out _, out var error) || error.Position <= length;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000).WithQuietOnSuccess(true));
    }

    [Fact]
    public void DnsResponse_reads_back_any_text()
    {
        Prop.ForAll<byte[]>(octets =>
        {
            var text = System.Text.Encoding.Latin1.GetString(octets);
            var message = Hostile("a.example", DnsRecordType.Txt).Answer(HostileRecord.Txt("a.example", text)).Messages[0];
            return DnsResponse.TryParse(message, out var response, out _) && response.Answers[0].Text == text;
        }).QuickCheckThrowOnFailure();
    }
}
