using Mailkey.Ingress.Smtp.Commands;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Smtp;

/// <summary>Which commands are legal in which state, and the reply where they are not (RFC 5321 §4.1.4).</summary>
internal static class CommandTable
{
    private const SmtpReply? Legal = null;

    private static readonly Row[] Rows = MakeRows();

    /// <summary>Gives the command of a verb and, where the state does not allow it, the reply that says so.</summary>
    public static SmtpCommand? Find(Verb verb, SessionState state, out SmtpReply? refusal)
    {
        ref readonly var row = ref Rows[(int)verb];
        refusal = row.Refusals?[(int)state];
        return row.Command;
    }

    private static Row[] MakeRows()
    {
        var rows = new Row[Enum.GetValues<Verb>().Length];

        //                                        Connected           Ready              Mail                      Recipients                Chunks
        Set(Verb.Ehlo, new HelloCommand(true),    [Legal,              Legal,             Legal,                    Legal,                    Legal]);
        Set(Verb.Helo, new HelloCommand(false),   [Legal,              Legal,             Legal,                    Legal,                    Legal]);
        Set(Verb.Mail, new MailCommand(),         [Replies.HelloFirst, Legal,             Replies.MailTwice,        Replies.MailTwice,        Replies.ChunksBegun]);
        Set(Verb.Rcpt, new RcptCommand(),         [Replies.HelloFirst, Replies.MailFirst, Legal,                    Legal,                    Replies.ChunksBegun]);
        Set(Verb.Data, new DataCommand(),         [Replies.HelloFirst, Replies.MailFirst, Legal,                    Legal,                    Replies.ChunksBegun]);
        Set(Verb.StartTls, new StartTlsCommand(), [Replies.HelloFirst, Legal,             Replies.TlsInTransaction, Replies.TlsInTransaction, Replies.TlsInTransaction]);
        Set(Verb.Auth, new AuthCommand(),         [Replies.HelloFirst, Legal,             Replies.AuthenticationInTransaction, Replies.AuthenticationInTransaction, Replies.AuthenticationInTransaction]);
        Set(Verb.Rset, new RsetCommand(),         [Legal,              Legal,             Legal,                    Legal,                    Legal]);
        Set(Verb.Noop, new NoopCommand(),         [Legal,              Legal,             Legal,                    Legal,                    Legal]);
        Set(Verb.Vrfy, new VrfyCommand(),         [Legal,              Legal,             Legal,                    Legal,                    Legal]);
        Set(Verb.Help, new HelpCommand(),         [Legal,              Legal,             Legal,                    Legal,                    Legal]);
        Set(Verb.Quit, new QuitCommand(),         [Legal,              Legal,             Legal,                    Legal,                    Legal]);

        // A chunk follows in any case and has to be read (RFC 3030 §2): the command itself knows the order.
        Set(Verb.Bdat, new BdatCommand(),         [Legal,              Legal,             Legal,                    Legal,                    Legal]);
        return rows;

        void Set(Verb verb, SmtpCommand command, SmtpReply?[] refusals) => rows[(int)verb] = new(command, refusals);
    }

    private readonly record struct Row(SmtpCommand? Command, SmtpReply?[]? Refusals);
}
