using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Mime;
using Mailkey.Testkit;
using Mailkey.Testkit.Dns;
using Mailkey.Verifier.Evidence;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Tests.Evidence;

public sealed class DkimCheckTests : IDisposable
{
    private const string Header = "From: a@example.org\r\nSubject: x\r\n";

    private readonly SigningKey key = SigningKey.GenerateEd25519();
    private readonly ManualTime time = new();
    private readonly MailkeyOptions options = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => key.Dispose();

    private DkimCheck Check(IDnsResolver resolver) => new(new DkimVerifier(resolver, time), new SignatureSightings(Options.Create(options), time), Options.Create(options));

    private string Record => DkimKeyRecord.ToTxt(key.Type, key.ExportPublicKey());

    private string Sign(string body, string selector = "k") =>
        Encoding.ASCII.GetString(new DkimSigner { Key = key, Selector = selector, Domain = "example.org" }.Sign(HeaderBlock.Parse(Encoding.ASCII.GetBytes(Header)), Hash(body), time.GetUtcNow()));

    private static byte[] Hash(string body)
    {
        using var hasher = new BodyHasher(Canonicalization.Relaxed);
        hasher.Append(Encoding.ASCII.GetBytes(body));
        return hasher.Finish();
    }

    private static MessageReceived Message(string header, string body, params string[] recipients) => new()
    {
        QueueId = "Q",
        ReceivedAt = DateTimeOffset.UnixEpoch,
        Connection = new() { ClientAddress = "192.0.2.1", ClientName = "client.example", Protocol = "ESMTP", Server = "test" },
        Envelope = new() { ReversePath = "a@example.org", Recipients = [.. recipients.Select(path => new Recipient { ForwardPath = path })] },
        HeaderBlock = Encoding.ASCII.GetBytes(header),
        BodyHashes = [new() { Canonicalization = "relaxed", Sha256 = Hash(body), Length = body.Length }],
        Size = header.Length + body.Length,
    };

    private static async Task<IReadOnlyList<DkimEvidence>> AskAsync(DkimCheck check, MessageReceived message) =>
        (await check.CheckAsync(message, HeaderBlock.Parse(message.HeaderBlock), Cancellation)).Evidence;

    [Fact]
    public async Task Check_says_what_each_signature_is_worth_with_keys_from_a_server()
    {
        await using var server = await UnboundServer.StartAsync([$"k._domainkey.example.org. 300 IN TXT \"{Record}\""], ["broken.example"]);
        var resolver = new DnsResolver(new() { Servers = [server.Endpoint] }, TimeProvider.System);
        var header = Sign("Hello\r\n") + Sign("Hello\r\n", "none") + Sign("Hello\r\n").Replace("d=example.org", "d=broken.example", StringComparison.Ordinal) + Sign("Hi\r\n") + Header;

        var evidence = await AskAsync(Check(resolver), Message(header, "Hello\r\n", "b@example.net"));

        Assert.Equal(
            [
                ("pass", "example.org", "k", null, 256, 1),
                ("permerror", "example.org", "none", "no key is published", null, null),
                ("temperror", "broken.example", "k", "the DNS failed to answer for the key", null, null),
                ("fail", "example.org", "k", "the body was changed after signing", null, (int?)null),
            ],
            evidence.Select(e => (e.Result, e.Domain, e.Selector, e.Reason, e.KeyBits, e.Seen)));
        Assert.Equal(("ed25519-sha256", "@example.org"), (evidence[0].Algorithm, evidence[0].Identity));
        Assert.Contains(evidence[0].SignatureStart!, header, StringComparison.Ordinal);
        Assert.Empty(await AskAsync(Check(resolver), Message(Header, "Hello\r\n", "b@example.net")));
    }

    [Fact]
    public async Task Check_of_a_silent_DNS_ends_at_its_limit_as_a_temporary_error()
    {
        options.Dkim.Timeout = TimeSpan.FromSeconds(3);
        var resolver = new SilentResolver();
        var check = AskAsync(Check(resolver), Message(Sign("Hello\r\n") + Header, "Hello\r\n", "b@example.net"));
        await resolver.Asked.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(check.IsCompleted);
        await time.AdvanceUntilAsync(check, TimeSpan.FromSeconds(0.1)).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        var evidence = Assert.Single(await check.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
        Assert.Equal(("temperror", "the key was not found in time"), (evidence.Result, evidence.Reason));
    }

    [Theory]
    [InlineData("From: b@example.org\r\n", "more than one From field")]
    [InlineData("From : b@example.org\r\n", "the header block is malformed: MalformedField at octet 4")]
    public async Task Check_gives_no_credit_to_a_header_that_can_be_read_in_two_ways(string added, string reason)
    {
        var evidence = Assert.Single(await AskAsync(Check(new OneKey(Record)), Message(added + Sign("Hello\r\n") + Header, "Hello\r\n", "b@example.net")));
        Assert.Equal(("permerror", reason), (evidence.Result, evidence.Reason));
    }

    [Fact]
    public async Task Check_counts_a_good_signature_that_comes_again_for_others()
    {
        using var metrics = new Metrics("mailkey.verifier.dkim.repeated");
        var check = Check(new OneKey(Record));
        var header = Sign("Hello\r\n") + Header;

        Assert.Equal(1, await SeenAsync(header, "b@example.net", "c@example.net"));
        Assert.Equal(1, await SeenAsync(header, "c@EXAMPLE.net", "b@example.net")); // tried again
        Assert.Equal(2, await SeenAsync(header, "d@example.net"));
        Assert.Equal(3, await SeenAsync("Received: x\r\n" + header, "e@example.net"));
        Assert.Equal(1, await SeenAsync(Sign("Hello\r\n", "k2") + Header, "e@example.net"));
        Assert.Equal(2, metrics.Sum);

        // Of a bad one nothing is remembered: anybody can make those.
        Assert.Null(Assert.Single(await AskAsync(check, Message(header, "changed\r\n", "f@example.net"))).Seen);
        Assert.Equal(4, await SeenAsync(header, "f@example.net"));

        async Task<int?> SeenAsync(string headers, params string[] recipients) => Assert.Single(await AskAsync(check, Message(headers, "Hello\r\n", recipients))).Seen;
    }

    [Fact]
    public async Task Check_counts_results_and_what_it_does_not_look_at()
    {
        using var ignored = new Metrics("mailkey.verifier.dkim.ignored");
        using var results = new Metrics("mailkey.verifier.dkim.signatures");
        var header = string.Concat(Enumerable.Range(0, 8).Select(_ => Sign("Hello\r\n"))) + Header;

        Assert.Equal(5, (await AskAsync(Check(new OneKey(Record)), Message(header, "Hello\r\n", "b@example.net"))).Count);
        Assert.Equal((3, 5), (ignored.Sum, results.Sum));
    }

    [Fact]
    public void Sightings_cover_half_a_day_to_a_day()
    {
        var sightings = new SignatureSightings(Options.Create(options), time);
        Assert.Equal(1, sightings.Note(1, 1));
        time.Advance(TimeSpan.FromHours(13));
        Assert.Equal(2, sightings.Note(1, 2));
        Assert.Equal(2, sightings.Note(1, 1)); // known from the half day before
        time.Advance(TimeSpan.FromHours(13));
        Assert.Equal(2, sightings.Note(1, 3));
        time.Advance(TimeSpan.FromHours(30));
        Assert.Equal(1, sightings.Note(1, 4));
    }

    [Fact]
    public void Sightings_are_bounded_whatever_comes()
    {
        options.Dkim.SeenEntries = 100;
        var sightings = new SignatureSightings(Options.Create(options), time);
        for (uint i = 0; i < 1000; i++)
        {
            sightings.Note(i, 1);
            Assert.InRange(sightings.Remembered, 1, 100);
        }

        Assert.Equal(2, sightings.Note(999, 2));
        Assert.Equal(1, sightings.Note(0, 2));

        options.Dkim.SeenEntries = 0;
        Assert.Null(new SignatureSightings(Options.Create(options), time).Note(1, 1));
    }

    private sealed class OneKey(string record) : IDnsResolver
    {
        public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken) =>
            new(new DnsAnswer { Status = DnsStatus.Success, Records = [new() { Name = name, Type = type, TimeToLive = TimeSpan.Zero, Text = record }] });
    }

    private sealed class SilentResolver : IDnsResolver
    {
        private readonly TaskCompletionSource asked = new();

        public Task Asked => asked.Task;

        public async ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken)
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException();
        }
    }

    /// <summary>Adds up what this flow of calls counts; tests at the same time count as well.</summary>
    private sealed class Metrics : IDisposable
    {
        private readonly MeterListener listener = new();
        private readonly AsyncLocal<ConcurrentBag<long>> mine = new() { Value = [] };

        public Metrics(string name)
        {
            listener.InstrumentPublished = (instrument, publisher) =>
            {
                if (instrument.Name == name)
                {
                    publisher.EnableMeasurementEvents(instrument);
                }
            };
            listener.SetMeasurementEventCallback<long>((_, measurement, _, _) => mine.Value?.Add(measurement));
            listener.Start();
        }

        public long Sum => mine.Value!.Sum();

        public void Dispose() => listener.Dispose();
    }
}
