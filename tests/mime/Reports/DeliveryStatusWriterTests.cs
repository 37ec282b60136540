using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Mime.Reports;
using Mailkey.Testkit.Reports;

namespace Mailkey.Mime.Tests.Reports;

public sealed class DeliveryStatusWriterTests
{
    [Fact]
    public async Task DeliveryStatusWriter_python_reads_every_field()
    {
        var read = await ReportReaders.PythonAsync(Sample.Write(Sample.Failure));

        Assert.Empty(read.GetProperty("defects").EnumerateArray());
        Assert.Equal(["text/plain", "message/delivery-status", "text/rfc822-headers"], Strings(read.GetProperty("types")));
        Assert.Equal("delivery-status", read.GetProperty("report").GetString());
        var header = read.GetProperty("header");
        Assert.Equal("Mail Delivery System <postmaster@mx.example.net>", header.GetProperty("from").GetString());
        Assert.Equal("alice@example.com", header.GetProperty("to").GetString()!.Trim('<', '>'));
        Assert.Equal("auto-replied", header.GetProperty("auto-submitted").GetString());
        Assert.Equal("Wed, 04 Mar 2026 12:00:00 +0000", header.GetProperty("date").GetString());
        Assert.Equal("<m1@example.com>", header.GetProperty("in-reply-to").GetString());
        Assert.Equal("<m1@example.com>", header.GetProperty("references").GetString());
        Assert.Equal("1.0", header.GetProperty("mime-version").GetString());
        Assert.Equal("Your message did not reach:\n\n  bob@example.net\n    550 5.1.1 no such user\n", read.GetProperty("text").GetString()!.ReplaceLineEndings("\n"));

        var groups = read.GetProperty("status").EnumerateArray().ToArray();
        Assert.Equal(2, groups.Length);
        Assert.Equal(
            [
                ("Original-Envelope-Id", "QQ314159+1"),
                ("Reporting-MTA", "dns; mx.example.net"),
                ("Arrival-Date", "Wed, 4 Mar 2026 11:55:00 +0000"),
            ],
            Fields(groups[0]));
        Assert.Equal(
            [
                ("Original-Recipient", "rfc822; Bob+Lists@example.net"),
                ("Final-Recipient", "rfc822; bob@example.net"),
                ("Action", "failed"),
                ("Status", "5.1.1"),
                ("Remote-MTA", "dns; store.example.net"),
                ("Diagnostic-Code", "smtp; 550 5.1.1 <bob@example.net>: no such user"),
                ("Last-Attempt-Date", "Wed, 4 Mar 2026 12:00:00 +0000"),
            ],
            Fields(groups[1]));
        Assert.Contains("Subject: lunch\r\n", read.GetProperty("returned").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("5.1.1", "550 5.1.1 no such user here", "userunknown")]
    [InlineData("5.2.2", "552 5.2.2 mailbox is full", "mailboxfull")]
    [InlineData("5.3.4", "552 5.3.4 message too big", "mesgtoobig")]
    [InlineData("5.1.2", "550 5.1.2 host unknown", "hostunknown")]
    public async Task DeliveryStatusWriter_sisimai_understands_a_failure(string status, string reply, string reason)
    {
        var notification = Sample.Failure with
        {
            Recipients = [Sample.Failure.Recipients[0] with { Status = status, SmtpDiagnostic = reply }],
        };

        var found = Assert.Single((await ReportReaders.SisimaiAsync(Sample.Write(notification))).EnumerateArray());

        Assert.Equal("bob@example.net", found.GetProperty("recipient").GetString());
        Assert.Equal("alice@example.com", found.GetProperty("sender").GetString());
        Assert.Equal(status, found.GetProperty("status").GetString());
        Assert.Equal(reason, found.GetProperty("reason").GetString());
        Assert.Equal("failed", found.GetProperty("action").GetString());
        Assert.Equal("store.example.net", found.GetProperty("rhost").GetString());
    }

    [Fact]
    public async Task DeliveryStatusWriter_sisimai_understands_several_recipients_and_a_delay()
    {
        var first = Sample.Failure.Recipients[0];
        var notification = Sample.Failure with
        {
            Recipients =
            [
                first with { Action = DeliveryAction.Delayed, Status = "4.4.1", RemoteMta = null, SmtpDiagnostic = null, WillRetryUntil = Sample.Noon.AddDays(4) },
                first with { FinalRecipient = "carol@example.net", OriginalRecipient = null, Action = DeliveryAction.Delayed, Status = "4.2.2", SmtpDiagnostic = "452 4.2.2 mailbox full" },
            ],
        };

        var found = (await ReportReaders.SisimaiAsync(Sample.Write(notification))).EnumerateArray().ToArray();

        Assert.Equal(["bob@example.net", "carol@example.net"], found.Select(f => f.GetProperty("recipient").GetString()));
        Assert.All(found, f => Assert.Equal("delayed", f.GetProperty("action").GetString()));
        Assert.Equal(["4.4.1", "4.2.2"], found.Select(f => f.GetProperty("status").GetString()));
    }

    [Fact]
    public void DeliveryStatusWriter_will_retry_until_is_only_for_a_delay()
    {
        var recipient = Sample.Failure.Recipients[0] with { WillRetryUntil = Sample.Noon.AddDays(1) };

        Assert.DoesNotContain("Will-Retry-Until", Text(Sample.Failure with { Recipients = [recipient] }), StringComparison.Ordinal);
        Assert.Contains(
            "\r\nWill-Retry-Until: Thu, 5 Mar 2026 12:00:00 +0000\r\n",
            Text(Sample.Failure with { Recipients = [recipient with { Action = DeliveryAction.Delayed }] }),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeliveryStatusWriter_international_report_uses_the_types_of_RFC_6533()
    {
        var read = await ReportReaders.PythonAsync(Sample.Write(International(smtpUtf8: true)));

        Assert.Equal(["text/plain", "message/global-delivery-status", "message/global-headers"], Strings(read.GetProperty("types")));
        var recipient = Fields(read.GetProperty("status").EnumerateArray().Last());
        Assert.Contains(("Original-Recipient", "utf-8; δοκιμή@example.net"), recipient);
        Assert.Contains(("Final-Recipient", "utf-8; josé@example.net"), recipient);
    }

    [Fact]
    public void DeliveryStatusWriter_international_report_is_utf8_and_without_SMTPUTF8_ascii()
    {
        var utf8 = Sample.Write(International(smtpUtf8: true));
        Assert.Contains("\r\nSubject: café\r\n", Encoding.UTF8.GetString(utf8), StringComparison.Ordinal);

        var ascii = Sample.Write(International(smtpUtf8: false));
        Assert.DoesNotContain(ascii, octet => octet > 0x7f);
        var text = Encoding.ASCII.GetString(ascii);
        Assert.Contains("\r\nContent-Type: message/delivery-status\r\n", text, StringComparison.Ordinal);
        Assert.Contains(@"Final-Recipient: utf-8; jos\x{E9}@example.net", text, StringComparison.Ordinal);
        Assert.Contains("Original-Recipient: utf-8;\r\n " + @"\x{3B4}\x{3BF}\x{3BA}\x{3B9}\x{3BC}\x{3AE}@example.net", text, StringComparison.Ordinal);
        Assert.Contains("\r\nSubject: caf=C3=A9\r\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void DeliveryStatusWriter_reply_can_not_add_a_field()
    {
        var recipient = Sample.Failure.Recipients[0] with
        {
            SmtpDiagnostic = "550 no\r\nAction: delivered\r\n\r\n--=_x\r\nX: \u001b[2J\0\u202e",
            RemoteMta = "evil\r\nStatus: 2.0.0",
            FinalRecipient = "bob@example.net>\r\nX-A: b",
        };

        var text = Text(Sample.Failure with { Recipients = [recipient], OriginalMessageId = "<a@b>\r\nBcc: all@example.org" });

        Assert.Contains("\r\nDiagnostic-Code: smtp; 550 no Action: delivered --=_x X: ?[2J??\r\n", text, StringComparison.Ordinal);
        Assert.Contains("\r\nRemote-MTA: dns; evil??Status:?2.0.0\r\n", text, StringComparison.Ordinal);
        Assert.Contains("\r\nFinal-Recipient: rfc822; bob@example.net???X-A: b\r\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("In-Reply-To", text, StringComparison.Ordinal);
        Assert.Single(Lines(text), line => line.StartsWith("Action:", StringComparison.Ordinal));
    }

    [Fact]
    public async Task DeliveryStatusWriter_header_block_comes_back_octet_for_octet_even_when_broken()
    {
        byte[] broken = [.. "Subject: a\0b \u001b[1m"u8, 0xff, 0xfe, .. "\r\nX-Long: "u8, .. Enumerable.Repeat((byte)'x', 2000), .. " \r\n"u8];

        var message = Sample.Write(Sample.Failure with { HeaderBlock = broken });
        var read = await ReportReaders.PythonAsync(message);

        Assert.Equal(Encoding.Latin1.GetString(broken), read.GetProperty("returned").GetString()![..broken.Length]);
        Assert.DoesNotContain(message, octet => octet is > 0x7e or (< 0x20 and not 9 and not 10 and not 13));
    }

    [Fact]
    public void DeliveryStatusWriter_never_returns_the_body()
    {
        var text = Text(Sample.Failure with { HeaderBlock = "Subject: a\r\n\r\nsecret body"u8.ToArray() });

        Assert.Contains("Subject: a\r\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
    }

    [Fact]
    public void DeliveryStatusWriter_large_field_is_left_out_and_the_rest_returned()
    {
        var header = $"X-Advert: {string.Join("\r\n ", Enumerable.Repeat(new string('a', 70), 500))}\r\nMessage-ID: <m1@example.com>\r\n";

        var message = Sample.Write(Sample.Failure with { HeaderBlock = Encoding.ASCII.GetBytes(header) });

        Assert.True(message.Length < DeliveryStatusWriter.MaxHeaderBlock);
        Assert.Contains("\r\nMessage-ID: <m1@example.com>\r\n", Encoding.ASCII.GetString(message), StringComparison.Ordinal);
    }

    [Fact]
    public void DeliveryStatusWriter_indented_record_stays_in_one_line()
    {
        var record = "  mailkey.example.com. 3600 IN TXT \"v=MAILKEY1; k=ed25519; s=2026a; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"";

        var lines = Lines(Text(Sample.Failure with { Text = [record, string.Join(' ', Enumerable.Repeat("word", 40))] }));

        Assert.Contains(record, lines);
        Assert.Equal(3, lines.Count(line => line.StartsWith("word", StringComparison.Ordinal)));
        Assert.All(lines.Where(line => line.StartsWith("word", StringComparison.Ordinal)), line => Assert.True(line.Length <= 78));
    }

    [Fact]
    public void DeliveryStatusWriter_boundary_is_not_the_one_that_a_stranger_put_in_the_header()
    {
        var boundary = BoundaryOf(Text(Sample.Failure));

        var text = Text(Sample.Failure with { HeaderBlock = Encoding.ASCII.GetBytes($"Subject: x\r\n --{boundary}--\r\n") });

        Assert.NotEqual(boundary, BoundaryOf(text));
        Assert.Equal(5, text.Split(BoundaryOf(text)).Length - 1);
    }

    [Theory]
    [InlineData("<a@b>", true)]
    [InlineData("<\"a b\"@c>", false)]
    [InlineData("a@b", false)]
    [InlineData("<a@b> <c@d>", false)]
    [InlineData("<@b>", false)]
    [InlineData("<a@>", false)]
    [InlineData("", false)]
    public void DeliveryStatusWriter_knows_a_message_id(string value, bool expected) =>
        Assert.Equal(expected, DeliveryStatusWriter.IsMessageId(value));

    [Theory]
    [InlineData("broken+2")]
    [InlineData("broken+zz")]
    [InlineData("bro ken")]
    public void DeliveryStatusWriter_leaves_out_what_is_not_xtext(string envelopeId) =>
        Assert.DoesNotContain("Original-Envelope-Id", Text(Sample.Failure with { EnvelopeId = envelopeId }), StringComparison.Ordinal);

    [Fact]
    public void DeliveryStatusWriter_any_input_gives_a_well_formed_message()
    {
        var text = Gen.OneOf(
            ArbMap.Default.GeneratorFor<string>().Select(s => s ?? ""),
            Gen.Elements("\r\n", "--=_", " ", "\u001b", "é", "\ud800", "=?utf-8?q?x?=").ArrayOf().Select(string.Concat),
            Gen.Choose(0, 3000).Select(n => new string('x', n)));
        var octets = Gen.OneOf(
            ArbMap.Default.GeneratorFor<byte[]>().Select(b => b ?? []),
            Gen.Elements("\r\n", "\r", "\n", " ", "a:", "\0", "é", "--=_").ArrayOf().Select(s => Encoding.UTF8.GetBytes(string.Concat(s))),
            Gen.Choose(0, 40000).Select(n => Enumerable.Repeat((byte)'h', n).ToArray()));
        var inputs =
            from texts in text.ArrayOf(8)
            from lines in text.ArrayOf()
            from header in octets
            from utf8 in ArbMap.Default.GeneratorFor<bool>()
            select (texts, lines, header, utf8);

        Prop.ForAll(inputs.ToArbitrary(), input => IsWellFormed(Hostile(input.texts, input.lines, input.header, input.utf8)))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(500));
    }

    private static DeliveryStatusNotification Hostile(string[] texts, string[] lines, byte[] header, bool utf8) => Sample.Failure with
    {
        To = texts[0],
        Subject = texts[1],
        OriginalMessageId = texts[2],
        EnvelopeId = texts[3],
        Text = lines,
        HeaderBlock = header,
        SmtpUtf8 = utf8,
        Recipients =
        [
            new() { FinalRecipient = texts[4], OriginalRecipient = "utf-8;" + texts[5], Action = DeliveryAction.Failed, Status = "5.0.0", RemoteMta = texts[6], SmtpDiagnostic = texts[7] },
            new() { FinalRecipient = texts[7], OriginalRecipient = "rfc822;" + texts[6], Action = DeliveryAction.Failed, Status = "5.0.0", SmtpDiagnostic = texts[5] },
        ],
    };

    private static bool IsWellFormed(DeliveryStatusNotification notification)
    {
        var message = Sample.Write(notification);
        var text = Encoding.Latin1.GetString(message);
        foreach (var line in text.Split("\r\n"))
        {
            if (line.Length > DeliveryStatusWriter.MaxLine || line.AsSpan().ContainsAny('\r', '\n', '\0'))
            {
                return false;
            }
        }

        var boundary = BoundaryOf(text);
        return text.EndsWith($"\r\n--{boundary}--\r\n", StringComparison.Ordinal)
            && text.Split(boundary).Length == 6
            && text.Split("\r\nAction: failed\r\n").Length == 3
            && text.Split("\r\n\r\n")[0].Split("\r\n").Count(line => line.StartsWith("Auto-Submitted:", StringComparison.Ordinal)) == 1
            && (notification.SmtpUtf8 ? System.Text.Unicode.Utf8.IsValid(message) : Ascii.IsValid(message))
            && !message.AsSpan().ContainsAnyInRange((byte)0x0e, (byte)0x1f);
    }

    private static DeliveryStatusNotification International(bool smtpUtf8) => Sample.Failure with
    {
        To = "andré@example.com",
        SmtpUtf8 = smtpUtf8,
        HeaderBlock = Encoding.UTF8.GetBytes("Subject: café\r\n"),
        Recipients =
        [
            Sample.Failure.Recipients[0] with
            {
                FinalRecipient = "josé@example.net",
                OriginalRecipient = @"utf-8;\x{3B4}\x{3BF}\x{3BA}\x{3B9}\x{3BC}\x{3AE}@example.net",
            },
        ],
    };

    private static string Text(DeliveryStatusNotification notification) => Encoding.ASCII.GetString(Sample.Write(notification));

    private static string[] Lines(string text) => text.Split("\r\n");

    private static string BoundaryOf(string text)
    {
        var start = text.IndexOf("boundary=\"", StringComparison.Ordinal) + "boundary=\"".Length;
        return text[start..text.IndexOf('"', start)];
    }

    private static List<string?> Strings(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetString())];

    private static (string, string)[] Fields(JsonElement group) =>
        [.. group.EnumerateArray().Select(field => (field[0].GetString()!, field[1].GetString()!))];
}
