using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>The accounts by which users and operators sign in.</summary>
public sealed class AccountsOptions
{
    [Description("Where passwords are checked: file, the file of accounts; or imap, the mailbox host, by IMAP LOGIN in TLS.")]
    public string Source { get; set; } = "file";

    [Description("File of accounts, written by mailkey accounts. Empty: accounts in Mailkey:DataFolder.")]
    public string File { get; set; } = "";

    [Description("The mailbox host, for the source imap: imaps://host:port, or imap://host:port with STARTTLS. Never without TLS.")]
    public string Imap { get; set; } = "";

    [Description("PEM file of certificates that the mailbox host's certificate must lead to. Empty: those of the system.")]
    public string ImapAuthorities { get; set; } = "";

    [Description("Under which name an account logs in at the mailbox host: address, or local-part.")]
    public string ImapName { get; set; } = "address";

    [Description("Time for one log-in at the mailbox host, connection included.")]
    public TimeSpan ImapTimeout { get; set; } = TimeSpan.FromSeconds(10);

    [Range(1, 1000), Description("Log-ins at the mailbox host under way at the same time.")]
    public int ImapConnections { get; set; } = 8;

    [Description("Accounts that are operators, besides those that the file marks as such.")]
    public List<string> Operators { get; set; } = [];

    [Description("Character between a user and a detail in a local part: mail to user+detail is of the account user. Empty: there are no details.")]
    public string SubaddressDelimiter { get; set; } = "+";

    [Range(1, 100_000), Description("Sign-ins with a wrong password, in one window, after which an account is locked until the window ends.")]
    public int FailuresPerAccount { get; set; } = 10;

    [Range(1, 1_000_000), Description("Sign-ins with a wrong password, in one window, after which a client network (/24, /48) is locked until the window ends.")]
    public int FailuresPerNetwork { get; set; } = 50;

    [Description("The window in which wrong passwords are counted. It begins with the first of them.")]
    public TimeSpan FailureWindow { get; set; } = TimeSpan.FromMinutes(15);
}
