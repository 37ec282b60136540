using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Mime;

namespace Mailkey.Mime.Tests;

public sealed class HeaderBlockTests
{
    private static HeaderBlock Parse(string text, HeaderLimits? limits = null) => HeaderBlock.Parse(Encoding.UTF8.GetBytes(text), limits);

    private static string Text(ReadOnlySpan<byte> octets) => Encoding.UTF8.GetString(octets);

    [Fact]
    public void HeaderBlock_keeps_every_octet_of_a_folded_field()
    {
        var block = Parse("From: a@example.org\r\nSUBJECT:\tone\r\n  two \r\n\tthree\r\nX-Last: no line end");

        Assert.Null(block.Problem);
        Assert.Equal(3, block.Fields.Length);
        Assert.Equal("SUBJECT", Text(block.Fields[1].Name));
        Assert.Equal("\tone\r\n  two \r\n\tthree", Text(block.Fields[1].Value));
        Assert.Equal("SUBJECT:\tone\r\n  two \r\n\tthree\r\n", Text(block.Fields[1].Octets.Span));
        Assert.Equal("one  two \tthree", block.FirstValue("subject"u8));
        Assert.Equal("no line end", block.FirstValue("X-Last"u8));
    }

    [Theory]
    [InlineData("From : a@example.org\r\n", HeaderProblemKind.MalformedField, 4)]
    [InlineData("From\t: a@example.org\r\n", HeaderProblemKind.MalformedField, 4)]
    [InlineData(": nothing\r\n", HeaderProblemKind.MalformedField, 0)]
    [InlineData("no colon\r\n", HeaderProblemKind.MalformedField, 2)]
    [InlineData("nocolon", HeaderProblemKind.MalformedField, 0)]
    [InlineData("Fr\u00f6m: x\r\n", HeaderProblemKind.MalformedField, 2)]
    [InlineData(" first: x\r\n", HeaderProblemKind.LeadingWhiteSpace, 0)]
    [InlineData("A: x\nFrom: y\r\n", HeaderProblemKind.BareControl, 4)]
    [InlineData("A: x\rFrom: y\r\n", HeaderProblemKind.BareControl, 4)]
    [InlineData("A: x\0y\r\n", HeaderProblemKind.BareControl, 4)]
    [InlineData("A: x\r", HeaderProblemKind.BareControl, 4)]
    [InlineData("A: x\r\n\r\nB: y\r\n", HeaderProblemKind.EmptyLine, 6)]
    public void HeaderBlock_names_what_is_wrong_and_where(string text, HeaderProblemKind kind, int offset)
    {
        Assert.Equal(new HeaderProblem(kind, offset), Parse(text).Problem);
    }

    [Fact]
    public void HeaderBlock_reads_on_after_a_malformed_line()
    {
        var block = Parse("From : forged@example.org\r\n continued\r\nFrom: a@example.org\r\n");

        Assert.NotNull(block.Problem);
        Assert.Equal("a@example.org", block.FirstValue("From"u8));
        Assert.Single(block.Fields.ToArray());
    }

    [Fact]
    public void HeaderBlock_stops_at_its_limits()
    {
        var many = string.Concat(Enumerable.Range(0, 5).Select(i => $"X-{i}: v\r\n"));
        Assert.Equal(new HeaderProblem(HeaderProblemKind.TooManyFields, 24), Parse(many, new(3, 100)).Problem);
        Assert.Null(Parse(many, new(5, 100)).Problem);
        Assert.Equal(new HeaderProblem(HeaderProblemKind.FieldTooLarge, 6), Parse("A: b\r\nB: " + new string('x', 100) + "\r\n", new(3, 100)).Problem);
    }

    [Fact]
    public void HeaderBlock_finds_fields_bottom_up()
    {
        var block = Parse("Received: 3\r\nReceived: 2\r\nFrom: f\r\nreceived: 1\r\n");

        var last = block.FindLast("Received"u8);
        Assert.Equal(3, last);
        Assert.Equal(1, block.FindLast("RECEIVED"u8, last));
        Assert.Equal(0, block.FindLast("Received"u8, 1));
        Assert.Equal(-1, block.FindLast("Received"u8, 0));
        Assert.Equal(-1, block.FindLast("To"u8));
        Assert.Equal(0, block.FindFirst("received"u8));
        Assert.Equal(3, block.Count("received"u8));
        Assert.Equal(3, block.ReceivedCount);
    }

    [Theory]
    [InlineData("From: a\r\nfrom: b\r\n", "From")]
    [InlineData("Date: a\r\nX: y\r\nDATE: b\r\n", "Date")]
    [InlineData("Subject: a\r\nSubject: a\r\n", "Subject")]
    [InlineData("Sender: a\r\nSender: b\r\nFrom: a\r\nFrom: a\r\n", "Sender")]
    [InlineData("From: a\r\nSender: a\r\nDate: a\r\nSubject: a\r\nReceived: a\r\nReceived: a\r\n", null)]
    public void HeaderBlock_sees_a_field_that_must_be_single_twice(string text, string? name)
    {
        Assert.Equal(name, Parse(text).DuplicatedSingleton);
    }

    [Theory]
    [InlineData("Auto-Submitted: auto-replied\r\n", true, false)]
    [InlineData("Auto-Submitted: auto-generated; owner=x\r\n", true, false)]
    [InlineData("auto-submitted: no\r\n", false, false)]
    [InlineData("Auto-Submitted:\r\n NO (a person)\r\n", false, false)]
    [InlineData("Auto-Submitted: notify\r\n", true, false)]
    [InlineData("Precedence: bulk\r\n", true, true)]
    [InlineData("Precedence: list\r\n", false, true)]
    [InlineData("Precedence: junk\r\n", true, false)]
    [InlineData("Precedence: first-class\r\n", false, false)]
    [InlineData("Content-Type: multipart/report; report-type=delivery-status\r\n", true, false)]
    [InlineData("Content-Type: multipart/reports\r\n", false, false)]
    [InlineData("List-Id: <l.example.org>\r\n", false, true)]
    [InlineData("LIST-UNSUBSCRIBE: <mailto:x@example.org>\r\n", false, true)]
    [InlineData("Listing: x\r\nFrom: a\r\n", false, false)]
    public void HeaderBlock_tells_automatic_and_list_mail(string text, bool automatic, bool list)
    {
        var block = Parse(text);
        Assert.Equal((automatic, list), (block.IsAutomatic, block.IsList));
    }

    [Theory]
    [InlineData("Message-ID: <a@example.org>\r\n", "<a@example.org>")]
    [InlineData("message-id:\r\n <a@example.org> (comment)\r\n", "<a@example.org>")]
    [InlineData("Message-ID: a@example.org\r\n", null)]
    [InlineData("Message-ID: <a b@example.org>\r\n", null)]
    [InlineData("Message-ID: <>\r\n", null)]
    [InlineData("Message-ID: <a\u001b[2Jb@example.org>\r\n", null)]
    [InlineData("Message-ID: <a\r\n b@example.org>\r\n", null)]
    [InlineData("From: x\r\n", null)]
    public void HeaderBlock_extracts_the_message_id(string text, string? id)
    {
        Assert.Equal(id, Parse(text).MessageId());
    }

    [Theory]
    [InlineData("A: b\r\n\r\nbody", 6, 8)]
    [InlineData("\r\nbody", 0, 2)]
    [InlineData("A: b\r\n", 6, 6)]
    [InlineData("A: b\r\n\r\n", 6, 8)]
    [InlineData("", 0, 0)]
    public void HeaderBlock_measures_the_header_of_a_message(string message, int length, int bodyStart)
    {
        Assert.Equal(length, HeaderBlock.Measure(Encoding.ASCII.GetBytes(message), out var start));
        Assert.Equal(bodyStart, start);
    }

    [Fact]
    public void HeaderBlock_of_any_octets_has_fields_that_lie_in_it_in_order()
    {
        // Octets that matter to the parser, so that the generator meets every branch.
        var octet = Gen.Elements("\r\n\r\n\t :aF;\0\u007f"u8.ToArray());
        Prop.ForAll(Gen.ArrayOf(octet).ToArbitrary(), octets =>
        {
            var block = HeaderBlock.Parse(octets);
            var at = 0;
            foreach (var field in block.Fields)
            {
                Assert.True(octets.AsSpan().Overlaps(field.Octets.Span, out var start));
                Assert.True(start >= at);
                Assert.Equal((byte)':', field.Octets.Span[field.Name.Length]);
                Assert.False(field.Name.IsEmpty);
                at = start + field.Octets.Length;
            }

            // Without a problem the fields are the whole block.
            return block.Problem is not null || block.Fields.ToArray().Sum(field => field.Octets.Length) == octets.Length;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void HeaderBlock_of_hostile_size_is_read_in_linear_work()
    {
        // Two thousand fields asked for by name from the bottom up two hundred times: no quadratic scan hides in it.
        var text = string.Concat(Enumerable.Range(0, 2000).Select(i => $"X-{i}: {i}\r\n"));
        var block = Parse(text);
        Assert.Equal(2000, block.Fields.Length);
        for (var i = 0; i < 200; i++)
        {
            Assert.Equal(i, block.FindLast(Encoding.ASCII.GetBytes($"x-{i}")));
            Assert.Equal(-1, block.FindLast(Encoding.ASCII.GetBytes($"y-{i}")));
        }
    }
}
