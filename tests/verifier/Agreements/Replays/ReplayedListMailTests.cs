using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Hosting;
using Mailkey.Hosting.Postgres;
using Mailkey.Messaging.Agreements;
using Mailkey.Messaging.Verdicts;
using Mailkey.Mime;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Verifier.Agreements.Replays;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mailkey.Verifier.Tests.Agreements.Replays;

/// <summary>
/// A subscriber of a list sends what he got from it to another subscriber, again and again. Two whole verifiers over a real database and a real
/// DNS server; only the directory of agreements is made up.
/// </summary>
public sealed class ReplayedListMailTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IAsyncLifetime
{
    private const string Forwarder = "192.0.2.25";
    private const string Subscriber = "203.0.113.9";
    private const int Rate = 100;

    private readonly SigningKey list = SigningKey.GenerateEd25519();
    private readonly SigningKey author = SigningKey.GenerateEd25519();
    private readonly FakeDirectory directory = new();
    private readonly Alarms alarms = new();
    private readonly List<WebApplication> verifiers = [];
    private UnboundServer dns = null!;
    private int messages;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // Tests share the database: each has a list of its own, and so keys of its own.
    private string ListId { get; } = $"{Guid.NewGuid():N}.lists.a.example";

    public async ValueTask InitializeAsync()
    {
        dns = await UnboundServer.StartAsync(
            $"mailkey.c.example. 300 IN TXT \"v=MAILKEY1; k=ed25519; s=k1; p={Convert.ToBase64String(author.ExportPublicKey())}\"",
            $"k._domainkey.a.example. 300 IN TXT \"{DkimKeyRecord.ToTxt(list.Type, list.ExportPublicKey())}\"",
            $"a.example. 300 IN TXT \"v=spf1 ip4:{Forwarder} -all\"");
        for (var i = 0; i < 2; i++)
        {
            verifiers.Add(await VerifierAsync());
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var verifier in verifiers)
        {
            await verifier.DisposeAsync();
        }

        await dns.DisposeAsync();
        list.Dispose();
        author.Dispose();
    }

    [Fact]
    public async Task Rate_of_an_agreement_survives_a_thousand_replays()
    {
        var agreement = Agree();
        var first = Post("c.example");
        var original = await JudgeAsync(0, first, Forwarder);
        Assert.Equal((Disposition.Accept, "pass", "dkim", ResultWord.Policy), (original.Disposition, original.Verdict.Agreement!.Result, original.Verdict.Agreement.AuthenticatedBy, original.Verdict.Result));

        List<MessageVerified> replays = [];
        for (var i = 0; i < 1000; i++)
        {
            replays.Add(await JudgeAsync(i % 2, first, Subscriber));
            if (i % 50 == 49)
            {
                await ExchangeAsync();
            }
        }

        // A few pass, as they must for a forwarder whose reply got lost; before the verifiers have heard of each other, a few at each.
        var taken = replays.Count(replay => replay.Verdict.Agreement!.Result == "pass");
        Assert.InRange(taken, 3, 7);
        var refused = replays[^1];
        Assert.Equal((Disposition.Reject, 550, "5.7.21", "fail"), (refused.Disposition, refused.Reply!.Code, refused.Reply.EnhancedCode, refused.Verdict.Agreement!.Result));
        Assert.Contains("a.example", refused.Reply.Text, StringComparison.Ordinal);
        Assert.Equal([agreement.Id], alarms.Raised.Distinct());

        // What is left of the day's rate is the list's.
        for (var i = taken + 1; i < Rate; i++)
        {
            var next = await JudgeAsync(i % 2, Post("c.example"), Forwarder);
            Assert.Equal((Disposition.Accept, "pass"), (next.Disposition, next.Verdict.Agreement!.Result));
        }

        Assert.Equal("agreement-rate", (await JudgeAsync(0, Post("c.example"), Forwarder)).Verdict.Rule);
    }

    [Fact]
    public async Task Verifier_knows_what_others_took_and_a_new_one_what_was_taken_before()
    {
        Agree();
        var message = Post("c.example");
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal("pass", (await JudgeAsync(0, message, Subscriber)).Verdict.Agreement!.Result);
        }

        await ExchangeAsync();
        Assert.Equal("fail", (await JudgeAsync(1, message, Subscriber)).Verdict.Agreement!.Result);
        verifiers.Add(await VerifierAsync());
        await ExchangeAsync();
        Assert.Equal("fail", (await JudgeAsync(2, message, Subscriber)).Verdict.Agreement!.Result);
    }

    [Fact]
    public async Task One_message_of_a_list_for_many_of_its_subscribers_is_no_replay()
    {
        var message = Post("c.example");
        for (var i = 0; i < 100; i++)
        {
            var recipient = $"user{i}@b.example";
            Agree(recipient);
            Assert.Equal("pass", (await JudgeAsync(i % 2, message, Forwarder, recipient)).Verdict.Agreement!.Result);
        }

        Assert.Empty(alarms.Raised);
    }

    [Fact]
    public async Task Mail_of_an_unpublished_author_is_ordinary_mail_once_it_is_a_replay()
    {
        Agree();
        var message = Post("unpublished.example");
        var last = await ReplayAsync(message);
        Assert.Equal((Disposition.Accept, "fail"), (last.Disposition, last.Verdict.Agreement!.Result));
        Assert.Contains("too often", last.Verdict.Agreement.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_names_the_agreement_is_refused_by_name()
    {
        var agreement = Agree();
        var message = Post("unpublished.example");
        var last = await ReplayAsync(message, new() { AgreementId = agreement.Id, Method = "reference" });
        Assert.Equal((550, "5.7.21", "agreement-replay", "dkim"), (last.Reply!.Code, last.Reply.EnhancedCode, last.Verdict.Rule, last.Verdict.Agreement!.AuthenticatedBy));

        last = await ReplayAsync(message, new() { AgreementId = agreement.Id, Method = "address" });
        Assert.Equal((550, "5.7.21", "dkim"), (last.Reply!.Code, last.Reply.EnhancedCode, last.Verdict.Agreement!.AuthenticatedBy));
    }

    [Fact]
    public async Task Forwarder_itself_may_come_again_and_is_known_by_its_spf()
    {
        Agree();
        var message = Post("c.example");
        await ReplayAsync(message);
        var again = await JudgeAsync(0, message, Forwarder);
        Assert.Equal((Disposition.Accept, "pass", "spf"), (again.Disposition, again.Verdict.Agreement!.Result, again.Verdict.Agreement.AuthenticatedBy));

        // Nor does a login need a signature.
        var agreement = Agree("bob@b.example");
        AgreementClaim login = new() { AgreementId = agreement.Id, Method = "auth", AuthenticatedForwarder = "a.example" };
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal("auth", (await JudgeAsync(0, message, Subscriber, "bob@b.example", login)).Verdict.Agreement!.AuthenticatedBy);
        }
    }

    [Fact]
    public async Task What_was_put_off_may_come_again_and_is_taken_then()
    {
        Agree(terms: terms => terms with { Rate = 1 });
        var (first, second) = (Post("c.example"), Post("c.example"));
        Assert.Equal(Disposition.Accept, (await JudgeAsync(0, first, Forwarder)).Disposition);
        for (var i = 0; i < 20; i++)
        {
            var later = await JudgeAsync(0, second, Subscriber);
            Assert.Equal((Disposition.Defer, "agreement-rate"), (later.Disposition, later.Verdict.Rule));
        }

        Assert.Empty(alarms.Raised);
    }

    [Fact]
    public async Task Signature_that_is_older_than_the_memory_speaks_for_nothing()
    {
        Agree();
        var old = await JudgeAsync(0, Post("unpublished.example", TimeProvider.System.GetUtcNow().AddDays(-7).AddMinutes(-1)), Subscriber);
        Assert.Equal((Disposition.Accept, "fail"), (old.Disposition, old.Verdict.Agreement!.Result));
        Assert.Empty(alarms.Raised);
        Assert.Equal("spf", (await JudgeAsync(0, Post("unpublished.example", TimeProvider.System.GetUtcNow().AddDays(-8)), Forwarder)).Verdict.Agreement!.AuthenticatedBy);
        Assert.Equal("dkim", (await JudgeAsync(0, Post("unpublished.example", TimeProvider.System.GetUtcNow().AddDays(-6)), Subscriber)).Verdict.Agreement!.AuthenticatedBy);
    }

    [Fact]
    public async Task Table_holds_nothing_of_ordinary_lists_and_is_pruned()
    {
        Agree();
        await using var database = NpgsqlDataSource.Create(postgres.ConnectionString);
        var table = new TakenSignaturesTable(database);
        await JudgeAsync(0, Post("c.example"), Forwarder);
        var before = await RowsAsync(database);
        await ExchangeAsync();
        Assert.Equal(before, await RowsAsync(database));

        UInt128 old = (UInt128)Random.Shared.NextInt64();
        await table.AddAsync([(old, 4), (old + 1, 2)], Stop);
        await using (var age = database.CreateCommand("UPDATE verifier.taken_signatures SET changed_at = changed_at - interval '8 days' WHERE taken = 4 AND key < '\\x01'"))
        {
            Assert.Equal(1, await age.ExecuteNonQueryAsync(Stop));
        }

        await table.PruneAsync(TimeSpan.FromDays(7), 1_000_000, Stop);
        var (left, _) = await table.ReadAsync(after: null, TimeSpan.FromDays(30), 1000, Stop);
        Assert.Contains((old + 1, 2), left);
        Assert.DoesNotContain(left, row => row.Key == old);

        // Beyond a number of rows the oldest go.
        await table.AddAsync([(old + 2, 9)], Stop);
        await table.PruneAsync(TimeSpan.FromDays(7), 1, Stop);
        Assert.Equal([(old + 2, 9)], (await table.ReadAsync(after: null, TimeSpan.FromDays(30), 1000, Stop)).Changes);
    }

    private static async Task<long> RowsAsync(NpgsqlDataSource database)
    {
        await using var count = database.CreateCommand("SELECT count(*) FROM verifier.taken_signatures");
        return (long)(await count.ExecuteScalarAsync(Stop))!;
    }

    private AgreementInForce Agree(string recipient = "alice@b.example", Func<AgreementTerms, AgreementTerms>? terms = null) =>
        directory.Add("a.example", ListId, terms: agreed => terms?.Invoke(agreed) ?? agreed with { Rate = Rate }, recipient: recipient);

    private async Task<MessageVerified> ReplayAsync(string message, AgreementClaim? claim = null)
    {
        for (var i = 0; i < 9; i++)
        {
            await JudgeAsync(0, message, Subscriber, claim: claim);
        }

        return await JudgeAsync(0, message, Subscriber, claim: claim);
    }

    // An author writes to the list, which sends it on unchanged under its own signature. A mailkey signature lets nobody add a List-Id behind it, so it
    // is there from the start.
    private string Post(string domain, DateTimeOffset? at = null)
    {
        var now = TimeProvider.System.GetUtcNow();
        var header = $"From: bob@{domain}\r\nSubject: message {++messages}\r\nList-Id: Developers <{ListId}>\r\n";
        var signer = new MailkeySigner { Key = author, KeyName = "k1", Domain = domain };
        header = Encoding.ASCII.GetString(signer.Sign(HeaderBlock.Parse(Encoding.ASCII.GetBytes(header)), Hash, $"bob@{domain}", ["dev@lists.a.example"], now)) + header;
        var dkim = new DkimSigner { Key = list, Selector = "k", Domain = "a.example", Lifetime = TimeSpan.FromDays(30) };
        return Encoding.ASCII.GetString(dkim.Sign(HeaderBlock.Parse(Encoding.ASCII.GetBytes(header)), Hash, at ?? now)) + header;
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

    private async Task<MessageVerified> JudgeAsync(int verifier, string header, string client, string recipient = "alice@b.example", AgreementClaim? claim = null)
    {
        var from = header.IndexOf("From: ", StringComparison.Ordinal) + 6;
        return await verifiers[verifier].Services.GetRequiredService<IVerdictGiver>().JudgeAsync(
            new()
            {
                QueueId = "Q",
                ReceivedAt = TimeProvider.System.GetUtcNow(),
                Connection = new() { ClientAddress = client, ClientName = "client.example", Protocol = "ESMTP", Server = "test" },
                Envelope = new() { ReversePath = header[from..header.IndexOf('\r', from)], Recipients = [new() { ForwardPath = recipient }], Agreement = claim },
                HeaderBlock = Encoding.ASCII.GetBytes(header),
                BodyHashes = [new() { Canonicalization = "relaxed", Sha256 = Hash, Length = 7 }],
                Size = 1000,
            },
            Stop);
    }

    private async Task ExchangeAsync()
    {
        // Twice: what the second one writes the first one reads.
        foreach (var verifier in (WebApplication[])[.. verifiers, .. verifiers])
        {
            await verifier.Services.GetRequiredService<ReplayGuard>().WriteAsync(Stop);
        }
    }

    // Not started: it judges all the same, and nothing is written but when the test says so.
    private async Task<WebApplication> VerifierAsync()
    {
        var builder = ServiceHost.CreateBuilder(
            "verifier",
            [
                $"--Mailkey:Postgres:ConnectionString={postgres.ConnectionString}",
                $"--Mailkey:Dns:Resolvers:0={dns.Endpoint}",
                "--Mailkey:Agreements:Smtp:Enabled=true",
                "--Mailkey:Agreements:Smtp:Url=https://agreements.b.example/v1",
                "--Mailkey:Policy:StateTimeout=00:00:30",
                "--Mailkey:Verdict:Timeout=00:05:00",
            ]);
        builder.Logging.ClearProviders();
        builder.AddVerifier();
        builder.Services.Replace(ServiceDescriptor.Singleton<IAgreementDirectory>(directory));
        builder.Services.Replace(ServiceDescriptor.Singleton<IReplayAlarms>(alarms));
        var verifier = builder.Build();
        await verifier.Services.GetRequiredService<SchemaMigrator>().ApplyAsync(verifier.Services.GetServices<SchemaMigration>(), Stop);
        return verifier;
    }

    private sealed class Alarms : IReplayAlarms
    {
        public List<string> Raised { get; } = [];

        public void Raise(string agreementId, string queueId, string clientAddress) => Raised.Add(agreementId);
    }
}
