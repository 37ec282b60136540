using System.Buffers;
using System.Net;
using System.Text;
using Mailkey.Mime;

namespace Mailkey.Mime.Tests;

public sealed class ReceivedFieldTests
{
    private static readonly DateTimeOffset Date = new(2026, 11, 22, 2, 43, 5, TimeSpan.Zero);

    private static string Write(ReceivedField field)
    {
        var output = new ArrayBufferWriter<byte>();
        field.WriteTo(output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static ReceivedField Field(string client = "client.example") => new()
    {
        ClientName = client,
        ClientAddress = IPAddress.Parse("192.0.2.1"),
        By = "mx.example.org",
        With = "ESMTPS",
        Tls = "TLSv1.3 TLS_AES_256_GCM_SHA384",
        Id = "4ABC",
        For = "user@example.org",
        Date = Date,
    };

    [Fact]
    public void ReceivedField_is_written_folded_with_all_clauses()
    {
        Assert.Equal(
            "Received: from client.example ([192.0.2.1])\r\n\tby mx.example.org with ESMTPS\r\n\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n" +
            "\tid 4ABC\r\n\tfor <user@example.org>;\r\n\tSun, 22 Nov 2026 02:43:05 +0000\r\n",
            Write(Field()));
    }

    [Fact]
    public void ReceivedField_leaves_out_what_is_not_known()
    {
        Assert.Equal(
            "Received: from unknown\r\n\tby mx.example.org with SMTP\r\n\tid 4ABC;\r\n\tSun, 22 Nov 2026 04:43:05 +0200\r\n",
            Write(Field("") with { ClientAddress = null, With = "SMTP", Tls = null, For = null, Date = Date.ToOffset(TimeSpan.FromHours(2)) }));
    }

    [Theory]
    [InlineData("2001:db8::1", "[IPv6:2001:db8::1]")]
    [InlineData("::ffff:192.0.2.7", "[192.0.2.7]")]
    [InlineData("fe80::1%2", "[IPv6:fe80::1]")]
    public void ReceivedField_writes_addresses_as_literals(string address, string literal)
    {
        Assert.Contains($"({literal})", Write(Field() with { ClientAddress = IPAddress.Parse(address) }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("evil\r\nSubject: injected")]
    [InlineData("evil) by mx.example.org (")]
    [InlineData("a; Sun, 22 Nov 2026")]
    [InlineData("a\u0000\u007f\u0085b")]
    public void ReceivedField_lets_no_client_name_break_out(string name)
    {
        var text = Write(Field(name) with { For = "u\r\n@example.org", Tls = "x) by (", Id = "1\r\n2" });

        var block = HeaderBlock.Parse(Encoding.UTF8.GetBytes(text));
        Assert.Null(block.Problem);
        Assert.Single(block.Fields.ToArray());
        var unfolded = block.Fields[0].UnfoldedValue();
        Assert.DoesNotContain(unfolded.Replace('\t', ' '), char.IsControl);
        Assert.Equal(2, unfolded.Count(c => c == '('));
        Assert.Equal(1, unfolded.Count(c => c == ';'));
    }

    [Theory]
    [InlineData(false, false, false, false, "SMTP")]
    [InlineData(true, false, false, false, "ESMTP")]
    [InlineData(true, true, false, false, "ESMTPS")]
    [InlineData(true, true, true, false, "ESMTPSA")]
    [InlineData(true, false, true, false, "ESMTPA")]
    [InlineData(true, true, false, true, "UTF8SMTPS")]
    [InlineData(true, false, false, true, "UTF8SMTP")]
    [InlineData(true, true, true, true, "UTF8SMTPSA")]
    public void ReceivedField_names_the_transmission_type(bool extended, bool tls, bool authenticated, bool utf8, string keyword)
    {
        Assert.Equal(keyword, ReceivedField.TransmissionType(extended, tls, authenticated, utf8));
    }
}
