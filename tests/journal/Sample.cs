using Mailkey.Contracts;
using Mailkey.Contracts.Journal;

namespace Mailkey.Journal.Tests;

internal static class Sample
{
    private static readonly ConnectionFacts Connection = new()
    {
        ClientAddress = "192.0.2.1", ClientName = "mail.example.org", Protocol = "ESMTPS", Tls = "TLSv1.3", Server = "ingress-1",
    };

    private static readonly Verdict Verdict = new()
    {
        HostState = "exists", Result = "pass", Domain = "example.org", Reason = "good", Rule = "published", Verifier = "verifier-1", ElapsedMicroseconds = 1,
        Spf = new() { Result = "fail", Identity = "mailfrom", Domain = "example.org", Mechanism = "-all", Reason = "\x1b[2Jgo away" },
        HeaderProblem = "no From field",
        Dkim =
        [
            new() { Result = "pass", Domain = "example.org", Selector = "s1", Algorithm = "rsa-sha256", KeyBits = 2048, Seen = 7 },
            new() { Result = "fail", Domain = "", Selector = "\x1b[2J", Reason = "no" },
        ],
        Blocklists =
        [
            new() { Zone = "bl.example", Result = "listed", Codes = ["127.0.0.2", "127.0.0.4"], Reason = "see https://bl.example" },
            new() { Zone = "al.example", Kind = "allow", Result = "clear" },
        ],
    };

    public static MessageAccepted Accepted(string queueId, string from, params string[] to)
    {
        var now = TimeProvider.System.GetUtcNow();
        return new()
        {
            QueueId = queueId,
            ReceivedAt = now,
            AcceptedAt = now,
            Connection = Connection,
            Envelope = Envelope(from, to),
            Content = new ContentReference { Locator = "x", Length = 1000 },
            MessageId = $"<{queueId}@example.org>",
            Verdict = Verdict,
        };
    }

    public static RecipientDelivered Delivered(string to) => new() { ForwardPath = to, NextHop = "maildir", Reply = "1.host", Attempt = 1 };

    public static TransactionRefused Refused(string from, params string[] to) => new()
    {
        Connection = Connection,
        Envelope = Envelope(from, to),
        Reply = new ReplyText { Code = 550, EnhancedCode = "5.7.20", Text = "no" },
        Size = 10,
        Verdict = Verdict with { Result = "fail" },
    };

    private static Envelope Envelope(string from, string[] to) =>
        new() { ReversePath = from, Recipients = [.. to.Select(path => new Recipient { ForwardPath = path })] };
}
