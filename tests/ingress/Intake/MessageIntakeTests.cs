using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Contracts.Journal;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Ingress.Agreements;
using Mailkey.Ingress.Intake;
using Mailkey.Messaging.Journal;
using Mailkey.Messaging.Verdicts;
using Mailkey.Mime;
using Mailkey.Smtp;
using Mailkey.Storage;
using MassTransit;
using MassTransit.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Tests.Intake;

/// <summary>What intake does between the first octet of content and the reply; the broker is MassTransit's in-memory one here.</summary>
public sealed class MessageIntakeTests : IAsyncLifetime
{
    private const string Message = "From: a@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nHello\r\n";

    // The harness waits for messages until its token is cancelled: this one asks for those that are there.
    private static readonly CancellationToken Now = new(canceled: true);

    private readonly string folder = Directory.CreateTempSubdirectory("intake").FullName;
    private readonly MailkeyOptions options = new() { Hostname = "mx.example.net" };
    private readonly Verdicts verdicts = new();
    private readonly Journal journal = new();
    private readonly Reports reports = new();
    private readonly PassedSenders passedSenders = new();
    private SegmentContentStore store = null!;
    private ServiceProvider services = null!;
    private ITestHarness bus = null!;
    private AcceptancePublisher acceptances = null!;

    public async ValueTask InitializeAsync()
    {
        store = new(new() { Folder = folder }, TimeProvider.System);
        services = new ServiceCollection().AddMassTransitTestHarness().BuildServiceProvider(validateScopes: true);
        bus = services.GetRequiredService<ITestHarness>();
        await bus.Start();
        acceptances = new(Options.Create(options), bus.Bus, journal, TimeProvider.System, NullLogger<AcceptancePublisher>.Instance);
        await acceptances.StartAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await acceptances.StopAsync(CancellationToken.None);
        acceptances.Dispose();
        await services.DisposeAsync();
        store.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task An_accepted_message_is_stored_behind_its_trace_fields_and_published()
    {
        var reply = await SendAsync(Message);

        Assert.Equal(250, reply.Code);
        var accepted = await AcceptedAsync();
        Assert.Equal("<1@example.org>", accepted.MessageId);
        Assert.Equal("Q1", accepted.QueueId);
        var content = await ReadAsync(accepted.Content);
        Assert.StartsWith("Authentication-Results: mx.example.net;\r\n\tmailkey=pass", content, StringComparison.Ordinal);
        Assert.Contains("\r\nReceived: from client.example", content, StringComparison.Ordinal);
        Assert.Contains("\r\n\tid Q1", content, StringComparison.Ordinal);
        Assert.EndsWith("\r\n" + Message, content, StringComparison.Ordinal);
        Assert.Empty(journal.Refusals);
        var (told, acceptance) = Assert.Single(journal.Acceptances);
        Assert.Equal(("Q1", "<1@example.org>", accepted.Content.Length), (told, acceptance.MessageId, acceptance.Size));
    }

    [Theory]
    [InlineData(Disposition.Reject, 550, "5.7.20")]
    [InlineData(Disposition.Defer, 451, "4.7.5")]
    public async Task A_refused_message_leaves_nothing_on_disk_and_nothing_on_the_bus(Disposition disposition, int code, string enhancedCode)
    {
        verdicts.Answer = Verdict(disposition, new() { Code = code, EnhancedCode = enhancedCode, Text = "no signature" });

        var reply = await SendAsync(Message);

        Assert.Equal((code, enhancedCode, "no signature"), (reply.Code, reply.EnhancedCode.ToString(), reply.Lines[0]));
        Assert.Empty(bus.Published.Select<MessageAcceptedBatch>(Now));
        Assert.Empty(journal.Acceptances);
        Assert.Empty(Directory.EnumerateFiles(folder, "*.seg", SearchOption.AllDirectories));
        var refusal = Assert.Single(journal.Refusals);
        Assert.Equal((code, "<1@example.org>", "test"), (refusal.Reply.Code, refusal.MessageId, refusal.Verdict!.Rule));
    }

    [Fact]
    public async Task Fields_of_policy_are_put_in_front_and_a_quarantined_message_is_marked()
    {
        var verdict = Verdict(Disposition.Accept, null);
        verdicts.Answer = verdict with
        {
            AddedFields = ["X-Mailkey-Quarantine: strangers", "X-Tag: a\r\nInjected: yes"],
            Verdict = verdict.Verdict with { Outcome = VerdictOutcome.Quarantine, Rule = "strangers" },
        };

        Assert.Equal(250, (await SendAsync("X-Mailkey-Quarantine: forged\r\n" + Message)).Code);
        var accepted = await AcceptedAsync();
        Assert.Equal("strangers", accepted.Envelope.Quarantine);
        var content = await ReadAsync(accepted.Content);
        Assert.Contains("\r\nX-Mailkey-Quarantine: strangers\r\nX-Tag: a??Injected: yes\r\nReceived: from client.example", content, StringComparison.Ordinal);
        Assert.EndsWith("\r\n" + Message, content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sender_that_just_passed_has_its_content_stored_while_the_verdict_is_made()
    {
        Assert.Equal(250, (await SendAsync(Message)).Code);
        var before = StoredOctets();
        verdicts.Before = () => UntilAsync(() => StoredOctets() > before);

        Assert.Equal(250, (await SendAsync(Message, queueId: "Q2")).Code);

        Assert.True(await bus.Published.Any<MessageAcceptedBatch>(published => published.Context.Message.Messages.Single().QueueId == "Q2"));
        var accepted = bus.Published.Select<MessageAcceptedBatch>(Now).Select(published => published.Context.Message.Messages.Single()).ToDictionary(message => message.QueueId);
        Assert.Null(accepted["Q1"].Content.Prefix);
        Assert.StartsWith("Authentication-Results: ", accepted["Q2"].Content.Prefix, StringComparison.Ordinal);
        var (first, second) = (await ReadAsync(accepted["Q1"].Content), await ReadAsync(accepted["Q2"].Content));
        Assert.Equal(first[..first.IndexOf("\tid Q1", StringComparison.Ordinal)], second[..second.IndexOf("\tid Q2", StringComparison.Ordinal)]);
        Assert.EndsWith("\r\n" + Message, second, StringComparison.Ordinal);
        Assert.Equal(second.Length, accepted["Q2"].Content.Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Results_that_a_stranger_made_long_do_not_keep_the_content_from_being_read(bool hasPassed)
    {
        if (hasPassed)
        {
            Assert.Equal(250, (await SendAsync(Message)).Code);
            var before = StoredOctets();
            verdicts.Before = () => UntilAsync(() => StoredOctets() > before);
        }

        var hostile = Enumerable.Range(0, 5).Select(_ => new AuthenticationResult("dkim", "fail") { Properties = [("header.i", new string('"', 320)), ("header.s", new string('"', 320)), ("header.a", new string('"', 320))] });
        verdicts.Answer = verdicts.Answer! with { AuthenticationResults = AuthenticationResults.Format([new("mailkey", "none"), .. hostile]), AddedFields = ["X-Mailkey-Quarantine: yes"] };

        Assert.Equal(250, (await SendAsync(Message, queueId: "Q2")).Code);

        Assert.True(await bus.Published.Any<MessageAcceptedBatch>(published => published.Context.Message.Messages.Single().QueueId == "Q2"));
        var accepted = bus.Published.Select<MessageAcceptedBatch>(Now).Select(published => published.Context.Message.Messages.Single()).Single(message => message.QueueId == "Q2");
        Assert.Equal(hasPassed, accepted.Content.Prefix is not null);
        var content = await ReadAsync(accepted.Content);
        Assert.StartsWith("Authentication-Results: mx.example.net;\r\n\tmailkey=none;\r\n\tdkim=fail", content, StringComparison.Ordinal);
        Assert.EndsWith("\r\n" + Message, content, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_stored_before_a_refusal_is_released_and_the_next_message_waits_for_its_verdict(bool hasVerdict)
    {
        Assert.Equal(250, (await SendAsync(Message)).Code);
        verdicts.Answer = hasVerdict ? Verdict(Disposition.Reject, new() { Code = 550, EnhancedCode = "5.7.20", Text = "no signature" }) : null;
        Assert.Equal(0, ReleasedOctets());

        Assert.Equal(hasVerdict ? 550 : 451, (await SendAsync(Message, queueId: "Q2")).Code);

        Assert.NotEqual(0, ReleasedOctets());
        Assert.Single(bus.Published.Select<MessageAcceptedBatch>(Now));
        var before = StoredOctets();
        Assert.NotEqual(250, (await SendAsync(Message, queueId: "Q3")).Code);
        Assert.Equal(hasVerdict, StoredOctets() == before);
    }

    [Fact]
    public void A_sender_is_known_by_its_address_and_domain_until_one_of_its_messages_is_refused()
    {
        ConnectionFacts one = new() { ClientAddress = "192.0.2.1", ClientName = "client.example", Protocol = "ESMTP", Server = "i" };
        Envelope envelope = new() { ReversePath = "a@example.org", Recipients = [] };
        Assert.False(passedSenders.Contains(one, envelope));

        passedSenders.Note(one, envelope, isAccepted: true);

        Assert.True(passedSenders.Contains(one, envelope with { ReversePath = "other@EXAMPLE.org" }));
        Assert.False(passedSenders.Contains(one, envelope with { ReversePath = "a@example.net" }));
        Assert.False(passedSenders.Contains(one, envelope with { ReversePath = "" }));
        Assert.False(passedSenders.Contains(one with { ClientAddress = "192.0.2.2" }, envelope));
        passedSenders.Note(one, envelope with { ReversePath = "a@example.net" }, isAccepted: false);
        Assert.True(passedSenders.Contains(one, envelope));
        passedSenders.Note(one, envelope, isAccepted: false);
        Assert.False(passedSenders.Contains(one, envelope));
    }

    [Fact]
    public async Task A_message_to_an_address_made_for_a_forwarder_goes_on_with_the_mailbox_alone()
    {
        var verdict = Verdict(Disposition.Accept, null);
        verdicts.Answer = verdict with { Verdict = verdict.Verdict with { Agreement = new() { Result = "pass", Id = "agr", Method = "address", Forwarder = "a.example" } } };

        Assert.Equal(250, (await SendAsync(Message, agreement: new() { AgreementId = "agr", Method = "address", DeliverTo = "mailbox@example.net" })).Code);
        var accepted = await AcceptedAsync();
        Assert.Equal(["mailbox@example.net"], accepted.Envelope.Recipients.Select(recipient => recipient.ForwardPath));
        Assert.Contains("for <mailbox@example.net>", await ReadAsync(accepted.Content), StringComparison.Ordinal);
        Assert.DoesNotContain("b@example.net", await ReadAsync(accepted.Content), StringComparison.Ordinal);
        Assert.Equal(["agr"], reports.Used);
        Assert.Empty(reports.Misuse);
    }

    [Theory]
    [InlineData("address", "a.example", null, "agreement", "address-used-by-another")]
    [InlineData("auth", "a.example", "auth", "agreement-contradiction", "wrong-reference")]
    [InlineData("reference", "a.example", "spf", "agreement-contradiction", "wrong-reference")]
    [InlineData("reference", "a.example", "dkim", "agreement-contradiction", null)]
    [InlineData("address", "a.example", "spf", "agreement-contradiction", "wrong-reference")]
    [InlineData("reference", "a.example", null, "agreement", null)]
    [InlineData("address", null, null, "agreement", null)]
    public async Task Misuse_that_a_verdict_shows_is_reported_where_somebody_answers_for_it(string method, string? forwarder, string? by, string rule, string? kind)
    {
        var verdict = Verdict(Disposition.Reject, new() { Code = 550, EnhancedCode = "5.7.1", Text = "no" });
        verdicts.Answer = verdict with
        {
            Verdict = verdict.Verdict with { Rule = rule, Agreement = new() { Result = "fail", Id = "agr", Method = method, Forwarder = forwarder, AuthenticatedBy = by } },
        };

        Assert.Equal(550, (await SendAsync(Message, agreement: new() { AgreementId = "agr", Method = method })).Code);
        Assert.Equal(kind is null ? [] : [kind], reports.Misuse);
        Assert.Empty(reports.Used);
    }

    [Fact]
    public async Task Without_a_verdict_the_client_keeps_the_message()
    {
        verdicts.Answer = null;

        Assert.Equal(451, (await SendAsync(Message)).Code);
        Assert.Equal(451, Assert.Single(journal.Refusals).Reply.Code);
    }

    [Theory]
    [InlineData("Authentication-Results: mx.example.net; mailkey=pass smtp.mailfrom=bank.example\r\n")]
    [InlineData("AUTHENTICATION-RESULTS: (forged) MX.example.NET 1;\r\n mailkey=pass\r\n")]
    [InlineData("Authentication-Results:\r\n\tmx.example.net;\r\n\tspf=pass\r\n")]
    public async Task Results_that_somebody_else_wrote_in_our_name_are_removed(string forged)
    {
        await SendAsync("Subject: before\r\n" + forged + "Authentication-Results: other.example; spf=pass\r\n" + Message);

        var content = await ReadAsync((await AcceptedAsync()).Content);
        Assert.EndsWith("\r\nSubject: before\r\nAuthentication-Results: other.example; spf=pass\r\n" + Message, content, StringComparison.Ordinal);
        Assert.Contains(Encoding.ASCII.GetString(verdicts.Asked!.HeaderBlock), "Subject: before\r\n" + forged + "Authentication-Results: other.example; spf=pass\r\n" + Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_body_is_hashed_as_its_signatures_ask_whatever_the_pieces()
    {
        const string Header = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=k; h=from; bh=AA==; b=AA==\r\n"
            + "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.org; s=k; h=from; bh=AA==; b=AA==\r\nFrom: a@example.org\r\n";

        for (var piece = 1; piece < 12; piece++)
        {
            await SendAsync(Header + "\r\nHello  world \r\n\r\n\r\n", piece, $"Q{piece}");

            var hashes = verdicts.Asked!.BodyHashes.ToDictionary(hash => hash.Canonicalization, hash => hash.Sha256);
            Assert.Equal(SHA256.HashData("Hello world\r\n"u8), hashes["relaxed"]);
            Assert.Equal(SHA256.HashData("Hello  world \r\n"u8), hashes["simple"]);
            Assert.Equal(Header, Encoding.ASCII.GetString(verdicts.Asked.HeaderBlock));
        }
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("D:c=relaxed/relaxed", "relaxed")]
    [InlineData("D:c=relaxed", "simple")]
    [InlineData("D:", "simple")]
    [InlineData("D:c=simple/relaxed D:c=relaxed/relaxed D:c=relaxed/relaxed;l=10", "relaxed")]
    [InlineData("D:l=10 S:c=relaxed/relaxed X:", "")] // neither l= nor SHA-1 ever earns credit, and X is no signature
    [InlineData("M:c=relaxed/relaxed D: D: D: D: D:", "relaxed simple")]
    [InlineData("M: M: M: M: M: D:c=relaxed/relaxed", "relaxed simple")] // five of each kind are looked at
    [InlineData("D: D: D: D: D: D:c=relaxed/relaxed", "simple")]
    public async Task The_body_is_hashed_once_for_each_form_that_somebody_will_look_at(string signatures, string forms)
    {
        var header = string.Concat(signatures.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(signature => signature[0] switch
        {
            'M' => "Mailkey-Signature: v=1; a=ed25519-sha256; d=example.org; s=k; t=1; mf=; rt=; h=from; bh=AA==; b=AA==; ",
            'S' => "DKIM-Signature: v=1; a=rsa-sha1; d=example.org; s=k; h=from; bh=AA==; b=AA==; ",
            'X' => "X-Signature: v=1; a=rsa-sha256; d=example.org; s=k; h=from; bh=AA==; b=AA==; ",
            _ => "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=k; h=from; bh=AA==; b=AA==; ",
        } + signature[2..] + "\r\n"));

        await SendAsync(header + Message);

        Assert.Equal(forms, string.Join(' ', verdicts.Asked!.BodyHashes.Select(hash => hash.Canonicalization).Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData(Canonicalization.Simple, 1)]
    [InlineData(Canonicalization.Relaxed, 7)]
    [InlineData(Canonicalization.Relaxed, int.MaxValue)]
    public async Task What_is_asked_for_a_verdict_is_all_that_DKIM_needs(Canonicalization canonicalization, int piece)
    {
        const string Header = "From: a@example.org\r\nSubject: x\r\n";
        const string Body = "Hello  world \r\n\r\n\tagain\r\n\r\n\r\n";
        using var key = SigningKey.GenerateEd25519();
        using var hasher = new BodyHasher(canonicalization);
        hasher.Append(Encoding.ASCII.GetBytes(Body));
        var signer = new DkimSigner { Key = key, Selector = "k", Domain = "example.org", BodyCanonicalization = canonicalization };
        var signed = Encoding.ASCII.GetString(signer.Sign(HeaderBlock.Parse(Encoding.ASCII.GetBytes(Header)), hasher.Finish(), TimeProvider.System.GetUtcNow())) + Header + "\r\n";
        var verifier = new DkimVerifier(new OneKey(DkimKeyRecord.ToTxt(key.Type, key.ExportPublicKey())), TimeProvider.System);

        await SendAsync(signed + Body, piece, "Q1");
        Assert.Equal("pass", await ResultAsync());
        await SendAsync(signed + Body + "and more\r\n", piece, "Q2");
        Assert.Equal("fail", await ResultAsync());

        async Task<string> ResultAsync()
        {
            var hash = Assert.Single(verdicts.Asked!.BodyHashes).Sha256;
            var digests = canonicalization == Canonicalization.Simple ? new BodyDigests(hash, default) : new BodyDigests(default, hash);
            var findings = await verifier.VerifyAsync(HeaderBlock.Parse(verdicts.Asked.HeaderBlock), digests, TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
            return Assert.Single(findings.Signatures).Result;
        }
    }

    [Theory]
    [InlineData("From: a@example.org\r\n", "From: a@example.org\r\n")]
    [InlineData("\r\nBody alone\r\n", "")]
    [InlineData("From: a@example.org\r\n\r\n", "From: a@example.org\r\n")]
    public async Task A_message_may_lack_a_body_or_a_header(string message, string header)
    {
        Assert.Equal(250, (await SendAsync(message)).Code);
        Assert.Equal(header, Encoding.ASCII.GetString(verdicts.Asked!.HeaderBlock));
    }

    [Theory]
    [InlineData(" (x); mailkey=pass smtp.mailfrom=a@example.org\r\n")]
    [InlineData("\tfolded on\r\n")]
    public async Task A_header_that_would_continue_our_trace_fields_is_refused(string first)
    {
        Assert.Equal(550, (await SendAsync(first + Message)).Code);
        Assert.Null(verdicts.Asked);
    }

    [Fact]
    public async Task A_message_in_a_loop_is_refused()
    {
        options.Smtp.MaxReceivedFields = 20;

        var reply = await SendAsync(string.Concat(Enumerable.Repeat("Received: from a by b; Sun, 22 Nov 2026 00:00:00 +0000\r\n", 20)) + Message);

        Assert.Equal((554, "5.4.6"), (reply.Code, reply.EnhancedCode.ToString()));
    }

    [Fact]
    public async Task A_message_over_the_size_limit_is_lost_at_once()
    {
        options.Smtp.MaxMessageSize = 65536;

        var reply = await SendAsync(Message + new string('x', 65536));

        Assert.Equal((552, "5.3.4"), (reply.Code, reply.EnhancedCode.ToString()));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(int.MaxValue)]
    public async Task A_header_over_its_limit_is_lost_at_once(int piece)
    {
        options.Smtp.MaxHeaderSize = 4096;

        var reply = await SendAsync("From: a@example.org\r\n" + string.Concat(Enumerable.Repeat("X: y\r\n", 1000)) + "\r\nbody\r\n", piece);

        Assert.Equal((552, "5.3.4"), (reply.Code, reply.EnhancedCode.ToString()));
    }

    private static MessageVerified Verdict(Disposition disposition, ReplyText? reply) => new()
    {
        QueueId = "Q1",
        Disposition = disposition,
        Reply = reply,
        AuthenticationResults = "mailkey=pass smtp.mailfrom=a@example.org",
        Verdict = new() { HostState = "exists", Result = "pass", Domain = "example.org", Reason = "signed", Rule = "test", Verifier = "v", ElapsedMicroseconds = 1 },
    };

    private async Task<SmtpReply> SendAsync(string message, int piece = int.MaxValue, string queueId = "Q1", AgreementClaim? agreement = null)
    {
        using var refusals = new RefusalJournal(Options.Create(options), journal, TimeProvider.System, NullLogger<RefusalJournal>.Instance);
        var intake = new MessageIntake(Options.Create(options), store, verdicts, acceptances, passedSenders, refusals, TimeProvider.System, NullLogger<MessageIntake>.Instance, reports);
        await using var incoming = intake.Begin(
            queueId,
            new() { ClientAddress = "192.0.2.1", ClientName = "client.example", Protocol = "ESMTP", Server = "i" },
            new() { ReversePath = "a@example.org", Recipients = [new() { ForwardPath = "b@example.net" }], Agreement = agreement });
        ReadOnlyMemory<byte> octets = Encoding.ASCII.GetBytes(message);
        while (octets.Length > 0)
        {
            var take = Math.Min(piece, octets.Length);
            if (await incoming.WriteAsync(octets[..take], CancellationToken.None) is { } lost)
            {
                return lost;
            }

            octets = octets[take..];
        }

        return await incoming.CompleteAsync(CancellationToken.None);
    }

    private long StoredOctets() => OctetsOf("*.seg");

    private long ReleasedOctets() => OctetsOf("*.rel");

    private long OctetsOf(string files) => Directory.EnumerateFiles(folder, files, SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(10, deadline.Token);
        }
    }

    private async Task<MessageAccepted> AcceptedAsync()
    {
        Assert.True(await bus.Published.Any<MessageAcceptedBatch>());
        return bus.Published.Select<MessageAcceptedBatch>().Single().Context.Message.Messages.Single();
    }

    private async Task<string> ReadAsync(ContentReference content)
    {
        await using var stream = await store.OpenAsync(content, CancellationToken.None);
        using var reader = new StreamReader(stream!, Encoding.ASCII);
        return await reader.ReadToEndAsync();
    }

    private sealed class Verdicts : IVerdictRequester
    {
        public MessageVerified? Answer { get; set; } = Verdict(Disposition.Accept, null);

        public MessageReceived? Asked { get; private set; }

        public Func<Task> Before { get; set; } = () => Task.CompletedTask;

        public int Waiting { get; set; }

        public async ValueTask<MessageVerified?> AskAsync(MessageReceived message, CancellationToken cancellationToken)
        {
            Asked = message;
            Waiting++;
            try
            {
                await Before();
            }
            finally
            {
                Waiting--;
            }

            return Answer is null ? null : Answer with { QueueId = message.QueueId };
        }
    }

    private sealed class OneKey(string record) : IDnsResolver
    {
        public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken) =>
            new(new DnsAnswer { Status = DnsStatus.Success, Records = [new() { Name = name, Type = type, TimeToLive = TimeSpan.Zero, Text = record }] });
    }

    private sealed class Journal : IJournal
    {
        public ConcurrentQueue<TransactionRefused> Refusals { get; } = [];

        public ConcurrentQueue<(string QueueId, AcceptedForDelivery Event)> Acceptances { get; } = [];

        public void Append<T>(string queueId, T journalEvent)
            where T : class => Refusals.Enqueue(Assert.IsType<TransactionRefused>(journalEvent));

        public void Append<T>(string queueId, Guid eventId, DateTimeOffset at, T journalEvent)
            where T : class => Acceptances.Enqueue((queueId, Assert.IsType<AcceptedForDelivery>(journalEvent)));

        public ValueTask AppendAsync<T>(string queueId, T journalEvent, CancellationToken cancellationToken)
            where T : class => throw new NotSupportedException();

        public ValueTask AppendAsync<T>(string queueId, Guid eventId, T journalEvent, CancellationToken cancellationToken)
            where T : class => throw new NotSupportedException();

        public ValueTask FlushAsync(CancellationToken cancellationToken) => default;
    }

    private sealed class Reports : IAgreementReports
    {
        public List<string> Used { get; } = [];

        public List<string> Misuse { get; } = [];

        void IAgreementReports.Used(string agreementId, string forwarder, string clientAddress) => Used.Add(agreementId);

        public void Misused(string agreementId, string kind, string queueId, string clientAddress, string? forwarder) => Misuse.Add(kind);
    }
}
