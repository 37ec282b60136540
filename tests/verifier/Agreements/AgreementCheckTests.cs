using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Messaging.Agreements;
using Mailkey.Mime;
using Mailkey.Spf;
using Mailkey.Testkit.Dns;
using Mailkey.Verifier.Agreements;
using Mailkey.Verifier.Evidence;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Tests.Agreements;

/// <summary>Who uses an agreement, and what it changes.</summary>
public sealed class AgreementCheckTests : IAsyncLifetime, IDisposable
{
    private const string ListHeader = "From: a@c.example\r\nSubject: x\r\nList-Id: Developers <Dev.Lists.A.example>\r\n";
    private const string Header = "From: a@c.example\r\nSubject: x\r\n";

    private readonly SigningKey sender = SigningKey.GenerateEd25519();
    private readonly SigningKey forwarder = SigningKey.GenerateEd25519();
    private readonly FakeDirectory directory = new();
    private UnboundServer dns = null!;
    private AgreementCheck check = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        dns = await UnboundServer.StartAsync(
            "spf.example. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"",
            "nospf.example. 300 IN TXT \"v=spf1 -all\"",
            $"mailkey.signs.example. 300 IN TXT \"v=MAILKEY1; k=ed25519; s=k1; p={Convert.ToBase64String(forwarder.ExportPublicKey())}\"");
        var resolver = new DnsResolver(new() { Servers = [dns.Endpoint] }, TimeProvider.System);
        var options = new MailkeyOptions();
        check = new(
            directory,
            new(new(resolver, new KeySetFetcher(options.KeyHost, TimeProvider.System)), options.KeyHost, new InProcessKeySetMemory(100), TimeProvider.System, NullLogger<KeyHostDiscovery>.Instance),
            new SignatureVerifier(),
            new SpfCheck(new SpfEvaluator(resolver, TimeSpan.FromSeconds(30), TimeProvider.System), Options.Create(options)));
    }

    public async ValueTask DisposeAsync() => await dns.DisposeAsync();

    public void Dispose()
    {
        sender.Dispose();
        forwarder.Dispose();
    }

    [Fact]
    public async Task Ordinary_mail_asks_nobody_and_a_list_of_nobody_here_is_asked_about_once()
    {
        Assert.Null(await JudgeAsync(Message(Header, null), Dkim("a.example", signsList: true)));
        Assert.Equal(0, directory.Questions);

        Assert.Null(await JudgeAsync(Message(ListHeader, null), Dkim("a.example", signsList: true)));
        Assert.Null(await JudgeAsync(Message(ListHeader, null, recipient: "other@b.example"), Dkim("a.example", signsList: true)));
        Assert.Equal(1, directory.Questions);
    }

    [Theory]
    [InlineData("a.example", "pass", "dkim")]
    [InlineData("example", "pass", "dkim")]
    [InlineData("x.a.example", "pass", null)]
    [InlineData("a.example", "fail", null)]
    [InlineData("evil-a.example", "pass", null)]
    public async Task Reference_needs_a_dkim_signature_that_covers_the_forwarder(string domain, string result, string? by)
    {
        var agreement = directory.Add("a.example");
        var finding = await JudgeAsync(Message(Header, Claim(agreement, "reference")), Dkim(domain, result: result));

        Assert.Equal((by is null ? "fail" : "pass", by), (finding!.Evidence.Result, finding.Evidence.AuthenticatedBy));
        Assert.Equal(by is null ? 550 : null, finding.Refusal?.Code);
    }

    [Theory]
    [InlineData("spf.example", "pass")]
    [InlineData("nospf.example", "fail")]
    [InlineData("unpublished.example", "fail")]
    public async Task Reference_is_proven_by_the_spf_of_the_forwarder(string domain, string result)
    {
        var finding = await JudgeAsync(Message(Header, Claim(directory.Add(domain), "reference")));
        Assert.Equal(result, finding!.Evidence.Result);
    }

    [Fact]
    public async Task Reference_is_proven_by_a_mailkey_signature_of_the_forwarder_over_this_envelope()
    {
        var agreement = directory.Add("signs.example");
        Assert.Equal("mailkey", (await JudgeAsync(Message(Sign(forwarder, "signs.example", "alice@b.example"), Claim(agreement, "reference"))))!.Evidence.AuthenticatedBy);
        Assert.Null((await JudgeAsync(Message(Sign(forwarder, "signs.example", "bob@b.example"), Claim(agreement, "reference"))))!.Evidence.AuthenticatedBy);
        Assert.Null((await JudgeAsync(Message(Sign(sender, "signs.example", "alice@b.example"), Claim(agreement, "reference"))))!.Evidence.AuthenticatedBy);
    }

    [Fact]
    public async Task Signed_list_id_names_the_agreement_and_one_that_is_not_signed_by_the_forwarder_does_not()
    {
        var agreement = directory.Add("a.example");
        Assert.Equal((agreement.Id, "reference", "dkim"), Named(await JudgeAsync(Message(ListHeader, null), Dkim("a.example", signsList: true))));
        Assert.Null(await JudgeAsync(Message(ListHeader, null), Dkim("a.example", signsList: false)));
        Assert.Null(await JudgeAsync(Message(ListHeader, null), Dkim("other.example", signsList: true)));
        Assert.Null(await JudgeAsync(Message(ListHeader, null), Dkim("a.example", signsList: true, result: "fail")));
        Assert.Null(await JudgeAsync(Message(ListHeader + "List-Id: <second.a.example>\r\n", null), Dkim("a.example", signsList: true)));

        static (string, string, string?) Named(AgreementFinding? finding) => (finding!.Evidence.Id, finding.Evidence.Method, finding.Evidence.AuthenticatedBy);
    }

    [Fact]
    public async Task List_id_that_names_something_else_contradicts()
    {
        var agreement = directory.Add("a.example", subscription: "other.lists.a.example");
        var finding = await JudgeAsync(Message(ListHeader, Claim(agreement, "auth", "a.example")), Dkim("a.example", signsList: true));
        Assert.Equal(("fail", "agreement-contradiction", 550), (finding!.Evidence.Result, finding.Rule, finding.Refusal!.Code));

        // A recipe that forwards everything passes on mail of any list, as long as that has no agreement of its own.
        var alias = directory.Add("a.example", subscription: "carol", category: "alias");
        Assert.Equal("pass", (await JudgeAsync(Message(ListHeader, Claim(alias, "auth", "a.example")), Dkim("a.example", signsList: true)))!.Evidence.Result);
        directory.Add("a.example");
        Assert.Equal("fail", (await JudgeAsync(Message(ListHeader, Claim(alias, "auth", "a.example")), Dkim("a.example", signsList: true)))!.Evidence.Result);
    }

    [Fact]
    public async Task Signature_for_the_forwarders_user_is_a_forward_only_under_an_agreement_and_only_unchanged()
    {
        var agreement = directory.Add("a.example");
        var signed = Sign(sender, "c.example", "carol@a.example");
        var forwarded = await JudgeAsync(Message(signed, Claim(agreement, "auth", "a.example")), keys: KeysOf(sender));
        Assert.Equal(ResultWord.Policy, forwarded!.Signature.Result);
        Assert.Contains(AgreementEvidence.MailkeyRecipients, forwarded.Evidence.Skipped);

        var changed = await JudgeAsync(Message(signed.Replace("Subject: x", "Subject: y", StringComparison.Ordinal), Claim(agreement, "auth", "a.example")), keys: KeysOf(sender));
        Assert.Equal(ResultWord.Fail, changed!.Signature.Result);
        Assert.DoesNotContain(AgreementEvidence.MailkeyRecipients, changed.Evidence.Skipped);

        var enforced = directory.Add("a.example", terms: terms => terms with { Mailkey = "enforce" });
        Assert.Equal(ResultWord.Fail, (await JudgeAsync(Message(signed, Claim(enforced, "auth", "a.example")), keys: KeysOf(sender)))!.Signature.Result);

        // Another key, and another envelope sender.
        Assert.Equal(ResultWord.Fail, (await JudgeAsync(Message(signed, Claim(agreement, "auth", "a.example")), keys: KeysOf(forwarder)))!.Signature.Result);
    }

    [Fact]
    public async Task Terms_limit_the_size_and_skip_blocklists_and_spf()
    {
        var agreement = directory.Add("a.example", terms: terms => terms with { Size = 10, Dnsbl = "skip-zones", DnsblZones = ["one.example"], Spf = "ignore" });
        var finding = await JudgeAsync(Message(Header, Claim(agreement, "auth", "a.example")));
        Assert.Equal((552, "agreement-size", "pass"), (finding!.Refusal!.Code, finding.Rule, finding.Evidence.Result));
        Assert.Equal([AgreementEvidence.Dnsbl, AgreementEvidence.Spf], finding.Evidence.Skipped);
        BlocklistEvidence[] answers = [new() { Zone = "One.example.", Result = "listed", Codes = ["127.0.0.2"] }, new() { Zone = "two.example", Result = "listed" }];
        Assert.Equal(["skipped", "listed"], AgreementCheck.Under(agreement, answers).Select(answer => answer.Result));

        var probation = directory.Add("nospf.example", terms: terms => terms with { Spf = "forwarder-domain" });
        finding = await JudgeAsync(Message(Header, Claim(probation, "auth", "nospf.example")));
        Assert.Equal((550, "agreement-spf"), (finding!.Refusal!.Code, finding.Rule));
    }

    [Fact]
    public async Task Address_in_other_hands_gets_the_words_for_an_unknown_mailbox()
    {
        var finding = await JudgeAsync(Message(Header, Claim(directory.Add("a.example"), "address")));
        Assert.Equal((550, "5.1.1", "No such mailbox"), (finding!.Refusal!.Code, finding.Refusal.EnhancedCode, finding.Refusal.Text));
    }

    [Fact]
    public async Task What_nobody_can_tell_is_temporary_and_what_has_ended_is_final()
    {
        var agreement = directory.Add("a.example");
        var message = Message(Header, Claim(agreement, "reference"));
        Assert.Equal((451, "temperror"), Outcome(await JudgeAsync(message, Dkim("a.example", result: "temperror"))));
        directory.End(agreement);
        Assert.Equal((550, "fail"), Outcome(await JudgeAsync(message, Dkim("a.example"))));
        directory.IsAway = true;
        Assert.Equal((451, "temperror"), Outcome(await JudgeAsync(message, Dkim("a.example"))));

        static (int?, string) Outcome(AgreementFinding? finding) => (finding!.Refusal?.Code, finding.Evidence.Result);
    }

    private async Task<AgreementFinding?> JudgeAsync(MessageReceived message, DkimEvidence? dkim = null, KeySet? keys = null)
    {
        var headers = HeaderBlock.Parse(message.HeaderBlock);
        var found = message.Envelope.Agreement is { } claim ? await check.LookUpAsync(claim, Cancellation) : null;
        var input = new SignatureInput
        {
            Headers = headers,
            Body = new(default, message.BodyHashes[0].Sha256),
            Domain = "c.example",
            ReversePath = message.Envelope.ReversePath,
            ForwardPaths = [.. message.Envelope.Recipients.Select(recipient => recipient.ForwardPath)],
            Now = TimeProvider.System.GetUtcNow(),
        };
        var signature = keys is null ? new() { Result = ResultWord.None, Reason = "no keys" } : new SignatureVerifier().Verify(input, keys);
        return await check.JudgeAsync(message, headers, found, new(null, dkim is null ? [] : [dkim], [], []), new("c.example", keys, signature, input), Cancellation);
    }

    private static KeySet KeysOf(SigningKey key) => new()
    {
        Domain = "c.example",
        Keys = [new() { Name = "k1", Type = key.Type, Status = KeyStatus.Active, Material = key.ExportPublicKey() }],
    };

    private static string Sign(SigningKey key, string domain, string recipient)
    {
        var signer = new MailkeySigner { Key = key, KeyName = "k1", Domain = domain };
        var field = signer.Sign(HeaderBlock.Parse(Encoding.ASCII.GetBytes(Header)), Hash, "a@c.example", [recipient], TimeProvider.System.GetUtcNow());
        return Encoding.ASCII.GetString(field) + Header;
    }

    private static byte[] Hash
    {
        get
        {
            using var hasher = new BodyHasher(Canonicalization.Relaxed);
            hasher.Append("Hello\r\n"u8);
            return hasher.Finish();
        }
    }

    private static DkimEvidence Dkim(string domain, bool signsList = false, string result = "pass") =>
        new() { Domain = domain, Selector = "s", Result = result, SignsListId = signsList ? true : null };

    private static AgreementClaim Claim(AgreementInForce agreement, string method, string? forwarder = null) =>
        new() { AgreementId = agreement.Id, Method = method, AuthenticatedForwarder = forwarder };

    private static MessageReceived Message(string header, AgreementClaim? claim, string recipient = "alice@b.example") => new()
    {
        QueueId = "Q",
        ReceivedAt = TimeProvider.System.GetUtcNow(),
        Connection = new() { ClientAddress = "192.0.2.1", ClientName = "client.example", Protocol = "ESMTP", Server = "test" },
        Envelope = new() { ReversePath = "a@c.example", Recipients = [new() { ForwardPath = recipient }], Agreement = claim },
        HeaderBlock = Encoding.ASCII.GetBytes(header),
        BodyHashes = [new() { Canonicalization = "relaxed", Sha256 = Hash, Length = 7 }],
        Size = 1000,
    };
}
