using System.Reflection;
using System.Text.Json;
using Mailkey.Contracts;
using Mailkey.Contracts.Journal;
using Mailkey.Messaging.Journal;

namespace Mailkey.Messaging.Tests.Journal;

/// <summary>Events are kept for months and read by later versions: their JSON may grow, and never change.</summary>
public sealed class JournalJsonTests
{
    private const string ConnectionJson =
        """{"clientAddress":"192.0.2.1","clientName":"mail.example.org","protocol":"ESMTPS","tls":"TLSv1.3","server":"ingress-1"}""";

    private const string EnvelopeJson =
        """{"reversePath":"a@example.org","recipients":[{"forwardPath":"b@example.net","notify":"NEVER","originalRecipient":"rfc822;b@example.net"}],"body":"8BITMIME","smtpUtf8":false,"return":"HDRS","envelopeId":"e"}""";

    private const string VerdictJson =
        """{"hostState":"exists","result":"pass","domain":"example.org","keySource":"txt","keyName":"k","signatureKind":"mailkey","reason":"good","dkim":[],"blocklists":[],"rule":"published","verifier":"verifier-1","elapsedMicroseconds":5,"authenticated":true}""";

    private static readonly ConnectionFacts Connection = new()
    {
        ClientAddress = "192.0.2.1", ClientName = "mail.example.org", Protocol = "ESMTPS", Tls = "TLSv1.3", Server = "ingress-1",
    };

    private static readonly Envelope Envelope = new()
    {
        ReversePath = "a@example.org",
        Recipients = [new Recipient { ForwardPath = "b@example.net", Notify = "NEVER", OriginalRecipient = "rfc822;b@example.net" }],
        Body = "8BITMIME",
        Return = "HDRS",
        EnvelopeId = "e",
    };

    private static readonly Verdict Verdict = new()
    {
        HostState = "exists", Result = "pass", Domain = "example.org", KeySource = "txt", KeyName = "k", SignatureKind = "mailkey",
        Reason = "good", Rule = "published", Verifier = "verifier-1", ElapsedMicroseconds = 5,
    };

    public static TheoryData<object, string, string> Events { get; } = new()
    {
        {
            new AcceptedForDelivery
            {
                Connection = Connection, Envelope = Envelope, ReceivedAt = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero), Size = 7, MessageId = "<m>", Verdict = Verdict,
            },
            "accepted-for-delivery",
            $$"""{"connection":{{ConnectionJson}},"envelope":{{EnvelopeJson}},"receivedAt":"2026-03-01T12:00:00+00:00","size":7,"messageId":"\u003Cm\u003E","verdict":{{VerdictJson}}}"""
        },
        {
            new TransactionRefused
            {
                Connection = Connection, Envelope = Envelope, Reply = new ReplyText { Code = 550, EnhancedCode = "5.7.20", Text = "no" }, Size = 7,
            },
            "transaction-refused",
            $$"""{"connection":{{ConnectionJson}},"envelope":{{EnvelopeJson}},"reply":{"code":550,"enhancedCode":"5.7.20","text":"no"},"size":7}"""
        },
        {
            new RefusalsLeftOut { Network = "192.0.2.0/24", Count = 7, Since = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero) },
            "refusals-left-out",
            """{"network":"192.0.2.0/24","count":7,"since":"2026-03-01T12:00:00+00:00"}"""
        },
        {
            new RecipientDelivered { ForwardPath = "b@example.net", NextHop = "maildir", Reply = "f", Attempt = 1 },
            "recipient-delivered",
            """{"forwardPath":"b@example.net","nextHop":"maildir","reply":"f","attempt":1}"""
        },
        {
            new RecipientDeferred { ForwardPath = "b@example.net", NextHop = "maildir", Reply = "f", Attempt = 1, NextAttempt = new(2026, 3, 1, 12, 1, 0, TimeSpan.Zero) },
            "recipient-deferred",
            """{"forwardPath":"b@example.net","nextHop":"maildir","reply":"f","attempt":1,"nextAttempt":"2026-03-01T12:01:00+00:00"}"""
        },
        {
            new RecipientFailed { ForwardPath = "b@example.net", NextHop = "maildir", Status = "5.1.1", Reply = "f", Attempt = 1 },
            "recipient-failed",
            """{"forwardPath":"b@example.net","nextHop":"maildir","status":"5.1.1","reply":"f","attempt":1}"""
        },
        {
            new DeliveryReportSent { ReportQueueId = "r", Recipient = "b@example.net", Action = "failed", Advisory = "none" },
            "delivery-report-sent",
            """{"reportQueueId":"r","recipient":"b@example.net","action":"failed","advisory":"none"}"""
        },
        {
            new DeliveryReportSuppressed { Recipient = "b@example.net", Action = "failed", Reason = "limit" },
            "delivery-report-suppressed",
            """{"recipient":"b@example.net","action":"failed","reason":"limit"}"""
        },
    };

    [Fact]
    public void What_policy_adds_keeps_its_json()
    {
        var verdict = Verdict with
        {
            Size = 7, Outcome = VerdictOutcome.Quarantine, Tags = ["t"],
            History = new() { FirstSeen = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero), LastSeen = new(2026, 3, 2, 12, 0, 0, TimeSpan.Zero), Accepted = 1, Refused = 2 },
        };
        var refused = new TransactionRefused
        {
            Connection = Connection, Envelope = Envelope with { Quarantine = "q" }, Reply = new() { Code = 550, EnhancedCode = "5.7.20", Text = "no" }, Size = 7,
            ReceivedAt = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero), Verdict = verdict,
        };
        var json = JsonSerializer.Serialize(refused, JournalJson.Default.TransactionRefused);

        Assert.Contains("""envelopeId":"e","quarantine":"q"}""", json, StringComparison.Ordinal);
        Assert.Contains(""","size":7,"receivedAt":"2026-03-01T12:00:00+00:00","verdict":{""", json, StringComparison.Ordinal);
        Assert.Contains(
            ""","size":7,"history":{"firstSeen":"2026-03-01T12:00:00+00:00","lastSeen":"2026-03-02T12:00:00+00:00","accepted":1,"refused":2},"outcome":"quarantine","tags":["t"],"rule":"published",""",
            json,
            StringComparison.Ordinal);
        Assert.Equal(json, JsonSerializer.Serialize(JsonSerializer.Deserialize(json, JournalJson.Default.TransactionRefused), JournalJson.Default.TransactionRefused));
    }

    [Fact]
    public void The_words_for_an_outcome_never_change() => Assert.Equal(
        ["accept", "quarantine", "defer", "greylist", "rate-limit", "reject"],
        [VerdictOutcome.Accept, VerdictOutcome.Quarantine, VerdictOutcome.Defer, VerdictOutcome.Greylist, VerdictOutcome.RateLimit, VerdictOutcome.Reject]);

    [Theory]
    [MemberData(nameof(Events))]
    public void Event_keeps_its_name_and_its_json(object journalEvent, string name, string json)
    {
        var type = JournalJson.Default.GetTypeInfo(journalEvent.GetType())!;

        Assert.Equal(name, journalEvent.GetType().GetCustomAttribute<JournalEventAttribute>()!.Name);
        Assert.Equal(json, JsonSerializer.Serialize(journalEvent, type));
        Assert.Equal(json, JsonSerializer.Serialize(JsonSerializer.Deserialize(json, type), type));
    }

    [Fact]
    public void Every_event_is_frozen() => Assert.Equal(
        typeof(JournalEntry).Assembly.GetTypes().Where(type => type.GetCustomAttribute<JournalEventAttribute>() is not null).ToHashSet(),
        Events.Select(row => row.Data.Item1.GetType()).ToHashSet());
}
