using System.Text;

namespace Mailkey.Smtp.Tests;

public sealed class CommandTests
{
    [Theory]
    [InlineData("EHLO client.example", Verb.Ehlo, "client.example")]
    [InlineData("ehlo client.example \t ", Verb.Ehlo, "client.example")]
    [InlineData("HELO  x", Verb.Helo, "x")]
    [InlineData("Mail FROM:<>", Verb.Mail, "FROM:<>")]
    [InlineData("RCPT", Verb.Rcpt, "")]
    [InlineData("STARTTLS", Verb.StartTls, "")]
    [InlineData("STARTTLSX", Verb.Unknown, "")]
    [InlineData("EHLO\tx", Verb.Unknown, "")]
    [InlineData(" NOOP", Verb.Unknown, "NOOP")]
    [InlineData("auth PLAIN x", Verb.Auth, "PLAIN x")]
    [InlineData("POST / HTTP/1.1", Verb.OtherProtocol, "/ HTTP/1.1")]
    [InlineData("", Verb.Unknown, "")]
    [InlineData("NO\0P", Verb.Unknown, "")]
    public void CommandLine_is_verb_and_arguments(string line, Verb verb, string arguments)
    {
        Assert.Equal(verb, CommandLine.Split(Encoding.UTF8.GetBytes(line), out var rest));
        Assert.Equal(arguments, Encoding.UTF8.GetString(rest));
    }

    [Fact]
    public void MailArguments_has_path_and_parameters()
    {
        Assert.True(MailArguments.TryParse("from:<a@b.example> SIZE=12 body=8bitmime SMTPUTF8 RET=full ENVID=x+2By"u8, true, out var arguments, out _));
        Assert.Equal("a@b.example", arguments.ReversePath.Text);
        Assert.Equal((12L, "8BITMIME", true, "FULL", "x+2By"), (arguments.Size, arguments.Body, arguments.SmtpUtf8, arguments.Return, arguments.EnvelopeId));
    }

    [Fact]
    public void MailArguments_ignores_a_source_route()
    {
        Assert.True(MailArguments.TryParse("FROM:<@one.example,@two.example:a@b.example>"u8, true, out var arguments, out _));
        Assert.Equal("a@b.example", arguments.ReversePath.Text);
        Assert.False(MailArguments.TryParse("FROM:<@one.example,two.example:a@b.example>"u8, true, out _, out _));
        Assert.False(MailArguments.TryParse("FROM:<@one.example a@b.example>"u8, true, out _, out _));
    }

    [Theory]
    [InlineData("FROM:<a@b.example> SIZE=18446744073709551616", long.MaxValue)]
    [InlineData("FROM:<a@b.example> SIZE=9223372036854775807", long.MaxValue)]
    [InlineData("FROM:<a@b.example> SIZE=0", 0)]
    public void MailArguments_size_has_no_overflow(string text, long size)
    {
        Assert.True(MailArguments.TryParse(Encoding.ASCII.GetBytes(text), true, out var arguments, out _));
        Assert.Equal(size, arguments.Size);
    }

    [Theory]
    [InlineData("FROM:<> ENVID=", ArgumentFault.Syntax)]
    [InlineData("FROM:<> RET=BOTH", ArgumentFault.Parameter)]
    [InlineData("FROM:<> RET=FULL RET=FULL", ArgumentFault.Parameter)]
    [InlineData("FROM:<> SMTPUTF8=1", ArgumentFault.Parameter)]
    [InlineData("FROM:<> SIZE=123456789012345678901", ArgumentFault.Parameter)]
    [InlineData("FROM:<> BODY", ArgumentFault.Parameter)]
    [InlineData("FROM:<> BODY=9BIT", ArgumentFault.UnknownParameter)]
    [InlineData("FROM:<> AUTH=<>", ArgumentFault.UnknownParameter)]
    [InlineData("FROM:<> NOTIFY=NEVER", ArgumentFault.UnknownParameter)]
    [InlineData("FROM:<>SIZE=1", ArgumentFault.Syntax)]
    [InlineData("FROM:<a@b.example> a=b=c", ArgumentFault.Syntax)]
    [InlineData("FROM:<ä@b.example>", ArgumentFault.NeedsSmtpUtf8)]
    [InlineData("FROM <a@b.example>", ArgumentFault.Syntax)]
    [InlineData("FROM:", ArgumentFault.Address)]
    [InlineData("FROM:<<a@b.example>>", ArgumentFault.Address)]
    public void MailArguments_names_what_is_wrong(string text, ArgumentFault fault)
    {
        Assert.False(MailArguments.TryParse(Encoding.UTF8.GetBytes(text), true, out _, out var error));
        Assert.Equal(fault, error.Fault);
    }

    [Fact]
    public void MailArguments_keeps_the_limit_of_an_envelope_id()
    {
        Assert.True(MailArguments.TryParse(Encoding.ASCII.GetBytes("FROM:<> ENVID=" + new string('x', 100)), true, out _, out _));
        Assert.False(MailArguments.TryParse(Encoding.ASCII.GetBytes("FROM:<> ENVID=" + new string('x', 101)), true, out _, out _));
    }

    [Theory]
    [InlineData("TO:<a@b.example> NOTIFY=delay,SUCCESS", "SUCCESS,DELAY", null)]
    [InlineData("TO:<a@b.example> NOTIFY=Never ORCPT=rfc822;x+2Bd@y", "NEVER", "rfc822;x+2Bd@y")]
    [InlineData("TO:<a@b.example> NOTIFY=FAILURE,DELAY,SUCCESS", "SUCCESS,FAILURE,DELAY", null)]
    [InlineData("TO:<a@b.example> ORCPT=utf-8;b\\x{E4}@y", null, "utf-8;b\\x{E4}@y")]
    [InlineData("TO:<a@b.example> ORCPT=utf-8;bä@y", null, "utf-8;bä@y")]
    public void RcptArguments_has_the_parameters_of_RFC_3461(string text, string? notify, string? originalRecipient)
    {
        Assert.True(RcptArguments.TryParse(Encoding.UTF8.GetBytes(text), true, true, out var arguments, out _));
        Assert.Equal("a@b.example", arguments.ForwardPath.Text);
        Assert.Equal((notify, originalRecipient), (arguments.Notify, arguments.OriginalRecipient));
    }

    [Theory]
    [InlineData("TO:<> ", ArgumentFault.Address)]
    [InlineData("TO:<a@b.example> NOTIFY=NEVER,SUCCESS", ArgumentFault.Parameter)]
    [InlineData("TO:<a@b.example> NOTIFY=SUCCESS,", ArgumentFault.Parameter)]
    [InlineData("TO:<a@b.example> NOTIFY=NEVER NOTIFY=NEVER", ArgumentFault.Parameter)]
    [InlineData("TO:<a@b.example> ORCPT=x", ArgumentFault.Parameter)]
    [InlineData("TO:<a@b.example> ORCPT=;x", ArgumentFault.Parameter)]
    [InlineData("TO:<a@b.example> ORCPT=rfc822;", ArgumentFault.Parameter)]
    [InlineData("TO:<a@b.example> ORCPT=rfc822;a+0Db", ArgumentFault.Parameter)]
    [InlineData("TO:<a@b.example> ORCPT=rfc822;a+7Fb", ArgumentFault.Parameter)]
    [InlineData("TO:<a@b.example> ORCPT=rfc822;ä", ArgumentFault.Parameter)]
    [InlineData("TO:<a@b.example> SIZE=1", ArgumentFault.UnknownParameter)]
    public void RcptArguments_names_what_is_wrong(string text, ArgumentFault fault)
    {
        Assert.False(RcptArguments.TryParse(Encoding.UTF8.GetBytes(text), true, true, out _, out var error));
        Assert.Equal(fault, error.Fault);
    }

    [Fact]
    public void RcptArguments_keeps_the_limit_of_an_original_recipient()
    {
        Assert.True(RcptArguments.TryParse(Encoding.ASCII.GetBytes("TO:<a@b> ORCPT=rfc822;" + new string('x', 493)), true, false, out _, out _));
        Assert.False(RcptArguments.TryParse(Encoding.ASCII.GetBytes("TO:<a@b> ORCPT=rfc822;" + new string('x', 494)), true, false, out _, out _));
    }

    [Fact]
    public void RcptArguments_may_name_the_postmaster_alone()
    {
        Assert.True(RcptArguments.TryParse("TO:<postMaster>"u8, true, false, out var arguments, out _));
        Assert.True(arguments.ForwardPath.IsPostmaster);
        Assert.Equal("postMaster", arguments.ForwardPath.Text);
        Assert.True(RcptArguments.TryParse("TO:<@relay.example:postmaster>"u8, true, false, out arguments, out _));
        Assert.True(arguments.ForwardPath.IsPostmaster);
    }

    [Theory]
    [InlineData("0", 0, false)]
    [InlineData("86 LAST", 86, true)]
    [InlineData("86  last", 86, true)]
    [InlineData("9223372036854775807", long.MaxValue, false)]
    [InlineData("9223372036854775808 LAST", long.MaxValue, true)]
    [InlineData("18446744073709551617", long.MaxValue, false)]
    [InlineData("99999999999999999999999999999999999999", long.MaxValue, false)]
    public void BdatArguments_size_has_no_overflow(string text, long size, bool isLast)
    {
        Assert.True(BdatArguments.TryParse(Encoding.ASCII.GetBytes(text), out var arguments, out _));
        Assert.Equal(new BdatArguments(size, isLast), arguments);
    }

    [Theory]
    [InlineData("")]
    [InlineData("LAST")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("0x10")]
    [InlineData("1LAST")]
    [InlineData("1 LAST x")]
    [InlineData("1 2")]
    public void BdatArguments_refuses_what_the_grammar_does_not_have(string text) =>
        Assert.False(BdatArguments.TryParse(Encoding.ASCII.GetBytes(text), out _, out _));

    [Theory]
    [InlineData("client.example", true)]
    [InlineData("win_box", true)]
    [InlineData("[192.0.2.1]", true)]
    [InlineData("[IPv6:::1]", true)]
    [InlineData("a b", false)]
    [InlineData("a(b)", false)]
    [InlineData("[a", false)]
    [InlineData("bücher.example", false)]
    [InlineData("a\"", false)]
    [InlineData("", false)]
    public void ClientName_has_nothing_that_could_end_a_Received_clause(string text, bool isValid) =>
        Assert.Equal(isValid, ClientName.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void Command_parsers_are_total() =>
        Property.Octets(
            "FROM:", "TO:", "<", ">", "<>", "@", "a@b", ":", ",", " ", "SIZE=", "1", "BODY=", "8BITMIME", "SMTPUTF8", "RET=", "HDRS", "ENVID=", "NOTIFY=",
            "NEVER", "SUCCESS", "ORCPT=", "rfc822;", "utf-8;", "+41", "+0A", "=", "Postmaster", "LAST", "\"", "\\").Check(
            input =>
            {
                CommandLine.Split(input, out var arguments);
                AssertTotal(arguments);

                // Behind a valid beginning, so that the parameters are met as often as the path.
                AssertTotal([.. "FROM:<a@b> "u8, .. input]);
                AssertTotal([.. "TO:<a@b> "u8, .. input]);
                AssertTotal([.. "TO:<"u8, .. input]);
            },
            runs: 5000);

    [Fact]
    public void Replies_are_consistent()
    {
        var all = typeof(Replies).GetFields().Where(field => field.FieldType == typeof(SmtpReply)).Select(field => (SmtpReply)field.GetValue(null)!).ToArray();

        Assert.True(all.Length > 50);
        Assert.All(all, reply =>
        {
            // RFC 2034 §4: the class is that of the code; 3yz has none. Room is left for the link and the queue id.
            Assert.Equal(reply.Code / 100 == 3 ? null : reply.Code / 100, reply.EnhancedCode?.Class);
            Assert.InRange(reply.Octets.Length, 8, 200);
            Assert.False(reply.Octets[..^2].ContainsAnyExceptInRange((byte)' ', (byte)'~'));
        });
    }

    private static void AssertTotal(ReadOnlySpan<byte> arguments)
    {
        foreach (var flag in (bool[])[true, false])
        {
            if (MailArguments.TryParse(arguments, flag, out var mail, out var error))
            {
                Assert.True(ReversePath.TryParse(mail.ReversePath.Text, out _, out _));
                Assert.True(mail.SmtpUtf8 || Ascii.IsValid(mail.ReversePath.Text));
            }
            else
            {
                Assert.NotEqual(ArgumentFault.None, error.Fault);
                Assert.InRange(error.At.Position, 0, arguments.Length);
            }

            if (RcptArguments.TryParse(arguments, true, flag, out var rcpt, out error))
            {
                Assert.True(ForwardPath.TryParse(rcpt.ForwardPath.Text, out _, out _));
                Assert.True(flag || Ascii.IsValid(rcpt.ForwardPath.Text));
            }
            else
            {
                Assert.NotEqual(ArgumentFault.None, error.Fault);
                Assert.InRange(error.At.Position, 0, arguments.Length);
            }
        }

        if (BdatArguments.TryParse(arguments, out var chunk, out _))
        {
            Assert.InRange(chunk.Size, 0, long.MaxValue);
        }

        if (ClientName.TryParse(arguments, out var name))
        {
            Assert.All(name, character => Assert.InRange(character, '!', '~'));
        }
    }
}
