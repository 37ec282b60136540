using System.Globalization;
using System.Text;
using System.Text.Json;
using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Contracts.Journal;
using Mailkey.Dns;
using Mailkey.Hosting;
using Mailkey.Hosting.Postgres;
using Mailkey.Journal.Tests;
using Mailkey.Messaging.Journal;
using Mailkey.Messaging.Verdicts;
using Mailkey.Mime;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Tool;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Mailkey.Verifier.Tests.Policy;

/// <summary>
/// A corpus goes through the verifier as it is put together for production, the verdicts into the journal by its service, and
/// from there through <c>mailkey policy</c>. Nobody publishes a mailkey, so that mailkey must not change what is accepted.
/// </summary>
public sealed class StoredTrafficTests(PostgresServer postgres, RabbitMqServer rabbit)
    : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>, IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new("policy");
    private IHost? _journal;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        // As an operator gives it. No other class of this assembly reads the environment.
        Environment.SetEnvironmentVariable("MAILKEY_POSTGRES_CONNECTIONSTRING", postgres.ConnectionString);
        _journal = await JournalHost.StartAsync(postgres.ConnectionString, rabbit.Uri, Stop);
    }

    public async ValueTask DisposeAsync()
    {
        if (_journal is not null)
        {
            await _journal.StopAsync(CancellationToken.None);
            _journal.Dispose();
        }

        _folder.Dispose();
    }

    [Fact]
    public async Task Observing_equals_the_baseline_where_nobody_publishes()
    {
        var corpus = Corpus();
        await using var observing = Verifier("observe");
        await using var enforcing = Verifier("enforce-published");
        List<MessageVerified> verdicts = [];
        foreach (var message in corpus)
        {
            verdicts.Add(await observing.Services.GetRequiredService<IVerdictGiver>().JudgeAsync(message, Stop));
            var enforced = await enforcing.Services.GetRequiredService<IVerdictGiver>().JudgeAsync(message, Stop);

            // The baseline of a receiver without Mailkey: all of it is taken.
            Assert.Equal((Disposition.Accept, Disposition.Accept), (verdicts[^1].Disposition, enforced.Disposition));
            Assert.Empty(verdicts[^1].AddedFields);
            Assert.Equal("absent", enforced.Verdict.HostState);
        }

        // The evidence is no empty shell: these would be refused by somebody who refuses by it.
        Assert.Contains(verdicts, verdict => verdict.Verdict.Spf?.Result == "fail");
        Assert.Contains(verdicts, verdict => verdict.Verdict.Dkim.Count > 0);
        await StoreAsync(corpus, verdicts);

        using (var same = await RunAsync("replay", "--stage", "observe", "--since", "1h", "--json"))
        {
            Assert.Equal((corpus.Count, 0, 0, 0), (Number(same, "messages"), Number(same, "changed"), Number(same, "otherRule"), Number(same, "wouldRefuse")));
        }

        using (var published = await RunAsync("replay", "--stage", "enforce-published", "--since", "1h", "--json"))
        {
            Assert.Equal((corpus.Count, 0), (Number(published, "messages"), Number(published, "changed")));
        }

        using (var all = await RunAsync("forecast", "--stage", "require-all", "--since", "1h", "--json"))
        {
            Assert.Equal((corpus.Count, corpus.Count, corpus.Count), (Number(all, "messages"), Number(all, "wouldRefuse"), Number(all, "acceptedThen")));
            var first = all.RootElement.GetProperty("domains")[0];
            Assert.Equal(corpus.Count(message => message.Envelope.ReversePath.EndsWith("@forged.test", StringComparison.Ordinal)), first.GetProperty("wouldRefuse").GetInt32());
            Assert.Equal("forged.test", first.GetProperty("domain").GetString());
        }

        // The decision made from the journal is that which the verifier makes of the message.
        var policy = _folder.Path + "/policy.json";
        await File.WriteAllTextAsync(policy, """
            { "rules": [
                { "name": "spf-fail", "when": { "spf": "fail", "size": { "below": "1M" } }, "then": { "reject": "SPF" } },
                { "name": "strangers", "when": { "client": "203.0.113.0/24", "recipient": "b@example.net" }, "then": "quarantine" },
                { "name": "marked", "when": { "dkim": "none" }, "then": { "tag": { "field": "X-Unsigned" } } } ] }
            """, Stop);
        await using var ruling = Verifier("observe", policy);
        var refused = 0;
        var quarantined = 0;
        foreach (var message in corpus)
        {
            var verified = await ruling.Services.GetRequiredService<IVerdictGiver>().JudgeAsync(message, Stop);
            refused += verified.Verdict.Outcome == VerdictOutcome.Reject ? 1 : 0;
            quarantined += verified.Verdict.Outcome == VerdictOutcome.Quarantine ? 1 : 0;
        }

        using var ruled = await RunAsync("replay", "--policy", policy, "--stage", "observe", "--since", "1h", "--json");
        Assert.Equal((refused, quarantined), (Outcome(ruled, "reject"), Outcome(ruled, "quarantine")));
        Assert.True(refused > 0 && quarantined > 0, $"{refused} refused, {quarantined} quarantined");
        Assert.Equal(refused + quarantined, Number(ruled, "changed"));

        var example = ruled.RootElement.GetProperty("changes").EnumerateArray().Single(change => change.GetProperty("after").GetString() == "reject").GetProperty("examples")[0].GetString()!;
        var (code, output, _) = await ToolAsync("policy", "explain", policy, "--message", example);
        Assert.Equal(0, code);
        Assert.Contains("\nreject, by spf-fail\n  550 5.7.1 SPF (rule spf-fail)\n", output, StringComparison.Ordinal);

        (code, output, _) = await ToolAsync("policy", "forecast", "--stage", "require-all", "--since", "1h");
        Assert.Equal(0, code);
        Assert.StartsWith(string.Create(CultureInfo.InvariantCulture, $"The stage require-all would have refused {corpus.Count} of {corpus.Count} messages since "), output, StringComparison.Ordinal);
        (code, output, _) = await ToolAsync("policy", "replay", "--policy", policy, "--since", "1h");
        Assert.Equal(0, code);
        Assert.Contains("accept -> reject: ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_replay_reads_every_message_once_over_all_pages()
    {
        // Many of the same instant: pages end between them.
        const int count = 4500;
        var at = TimeProvider.System.GetUtcNow().AddDays(-10);
        var template = Message("", "alice@sender.test", "192.0.2.1", "From: a@sender.test\r\n\r\n"u8.ToArray());
        var verdict = new Verdict { HostState = "absent", Result = "none", Domain = "sender.test", Reason = "", Rule = "no-mailkey", Outcome = VerdictOutcome.Accept, Size = 1, Verifier = "v", ElapsedMicroseconds = 1 };
        var journal = _journal!.Services.GetRequiredService<IJournal>();
        for (var i = 0; i < count; i++)
        {
            journal.AppendAcceptance(new()
            {
                QueueId = $"page-{i}", ReceivedAt = at.AddSeconds(i / 3000), AcceptedAt = at.AddSeconds(5), Connection = template.Connection, Envelope = template.Envelope,
                Content = new() { Locator = "x", Length = 1 }, Verdict = verdict,
            });
        }

        await Testkit.Processes.Eventually.GetAsync(
            async () =>
            {
                using var json = await RunAsync("replay", "--stage", "require-all", "--since", "11d", "--until", "9d", "--json");
                Assert.Equal(Number(json, "messages"), Number(json, "changed"));
                return Number(json, "messages");
            },
            read => read == count,
            TimeSpan.FromSeconds(60));
    }

    private static int Number(JsonDocument json, string name) => json.RootElement.GetProperty(name).GetInt32();

    private static int Outcome(JsonDocument json, string name) => json.RootElement.GetProperty("outcomes").GetProperty(name).GetInt32();

    private static async Task<JsonDocument> RunAsync(params string[] arguments)
    {
        var (code, output, error) = await ToolAsync(["policy", .. arguments]);
        Assert.True(code == 0, error); // progress is told there as well
        return JsonDocument.Parse(output);
    }

    private static async Task<(int Code, string Output, string Error)> ToolAsync(params string[] arguments)
    {
        using var output = new MemoryStream();
        await using var error = new StringWriter();
        await using var console = new ToolConsole(Stream.Null, output, error);
        var code = await MailkeyTool.RunAsync(arguments, console, Stop);
        return (code, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }

    // Made-up mail of many kinds, and the signed messages of the corpus where it is at hand.
    private static List<MessageReceived> Corpus()
    {
        string[] senders = ["alice@sender.test", "news@forged.test", "shop@forged.test", "", "x@unknown.test", "bad path", "a@xn--bcher-kva.test"];
        string[] clients = ["192.0.2.1", "203.0.113.9", "2001:db8::1"];
        string[] contents =
        [
            "From: a@sender.test\r\nSubject: plain\r\n\r\nHello\r\n",
            "From : almost\r\nFrom: a@sender.test\r\nFrom: b@sender.test\r\n\r\ntwo\r\n",
            "DKIM-Signature: v=1; a=rsa-sha256; d=sender.test; s=none; h=from; bh=AAAA; b=AAAA\r\nFrom: a@sender.test\r\n\r\nsigned\r\n",
            "Mailkey-Signature: v=1; nonsense\r\nFrom: a@sender.test\r\n\r\nalmost\r\n",
            "Subject: no From\r\n",
        ];
        List<MessageReceived> corpus = [];
        foreach (var (sender, i) in senders.Select((sender, i) => (sender, i)))
        {
            corpus.AddRange(contents.Select((content, j) => Message($"made-{i}-{j}", sender, clients[(i + j) % clients.Length], Encoding.Latin1.GetBytes(content))));
        }

        var folder = Path.Combine(
            Environment.GetEnvironmentVariable("MAILKEY_CORPORA") is { Length: > 0 } named ? named : Repository.PathOf("../shared/corpora"), "mail-dkim/corpus");
        foreach (var file in (string[])(Directory.Exists(folder) ? Directory.GetFiles(folder) : []))
        {
            var text = File.ReadAllText(file, Encoding.Latin1).ReplaceLineEndings("\r\n");
            corpus.Add(Message($"corpus-{corpus.Count}", "x@forged.test", "203.0.113.9", Encoding.Latin1.GetBytes(text)));
        }

        return corpus;
    }

    private static MessageReceived Message(string queueId, string from, string client, byte[] octets)
    {
        var end = HeaderBlock.Measure(octets, out var bodyStart);
        List<BodyHash> hashes = [];
        foreach (var (name, canonicalization) in new[] { ("simple", Canonicalization.Simple), ("relaxed", Canonicalization.Relaxed) })
        {
            using var hasher = new BodyHasher(canonicalization);
            hasher.Append(octets.AsSpan(bodyStart));
            hashes.Add(new() { Canonicalization = name, Sha256 = hasher.Finish(), Length = hasher.Length });
        }

        return new()
        {
            QueueId = queueId,
            ReceivedAt = TimeProvider.System.GetUtcNow(),
            Connection = new() { ClientAddress = client, ClientName = "mail.sender.test", Protocol = "ESMTP", Server = "ingress-1" },
            Envelope = new() { ReversePath = from, Recipients = [new() { ForwardPath = "b@example.net" }] },
            HeaderBlock = octets[..end],
            BodyHashes = hashes,
            Size = octets.Length,
        };
    }

    // Everything that the verifier registers, apart from the network: what was asked is answered here.
    private WebApplication Verifier(string stage, string policy = "")
    {
        var builder = ServiceHost.CreateBuilder("verifier",
            [$"--Mailkey:Postgres:ConnectionString={postgres.ConnectionString}", $"--Mailkey:RabbitMq:Uri={rabbit.Uri}", $"--Mailkey:Policy:Stage={stage}", $"--Mailkey:Policy:File={policy}"]);
        builder.AddVerifier();
        builder.Services.Replace(ServiceDescriptor.Singleton<IDnsResolver>(new NoPublisher()));
        return builder.Build();
    }

    private async Task StoreAsync(List<MessageReceived> corpus, List<MessageVerified> verdicts)
    {
        var journal = _journal!.Services.GetRequiredService<IJournal>();
        foreach (var (received, verified) in corpus.Zip(verdicts))
        {
            journal.AppendAcceptance(new()
            {
                QueueId = received.QueueId,
                ReceivedAt = received.ReceivedAt,
                AcceptedAt = received.ReceivedAt,
                Connection = received.Connection,
                Envelope = received.Envelope,
                Content = new() { Locator = "x", Length = received.Size + 500 },
                Verdict = verified.Verdict,
            });
        }

        // A refusal before the content has no verdict: it is left out.
        journal.Append("early", new TransactionRefused
        {
            Connection = corpus[0].Connection, Envelope = corpus[0].Envelope, Reply = new() { Code = 550, EnhancedCode = "5.1.1", Text = "no" }, Size = 0,
        });
        await using var database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await Testkit.Processes.Eventually.GetAsync(
            async () =>
            {
                await using var command = database.CreateCommand("SELECT count(*) FROM journal.messages WHERE received_at > now() - interval '1 hour'");
                return (long)(await command.ExecuteScalarAsync(Stop))!;
            },
            count => count == corpus.Count + 1,
            TimeSpan.FromSeconds(30));
    }

    /// <summary>A world with SPF and without mailkeys.</summary>
    private sealed class NoPublisher : IDnsResolver
    {
        public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken) => new(
            name is "sender.test" or "forged.test" && type == DnsRecordType.Txt
                ? new DnsAnswer
                {
                    Status = DnsStatus.Success,
                    TimeToLive = TimeSpan.FromMinutes(5),
                    Records = [new() { Name = name, Type = type, TimeToLive = TimeSpan.FromMinutes(5), Text = "v=spf1 ip4:192.0.2.0/24 -all" }],
                }
                : new DnsAnswer { Status = DnsStatus.NameError, TimeToLive = TimeSpan.FromMinutes(5) });
    }
}
