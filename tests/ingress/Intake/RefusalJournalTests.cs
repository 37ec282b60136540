using System.Collections.Concurrent;
using Mailkey.Contracts;
using Mailkey.Contracts.Journal;
using Mailkey.Hosting.Options;
using Mailkey.Ingress.Intake;
using Mailkey.Messaging.Journal;
using Mailkey.Testkit;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Tests.Intake;

public sealed class RefusalJournalTests : IDisposable
{
    private readonly MailkeyOptions _options = new() { Smtp = { MaxJournalledRefusalsPerNetwork = 3 } };
    private readonly ManualTime _time = new();
    private readonly Journal _journal = new();
    private readonly RefusalJournal _refusals;

    public RefusalJournalTests() => _refusals = new(Options.Create(_options), _journal, _time, NullLogger<RefusalJournal>.Instance);

    public void Dispose() => _refusals.Dispose();

    private void Note(string queueId, string client = "192.0.2.1", Verdict? verdict = null) => _refusals.Note(queueId, new()
    {
        Connection = new() { ClientAddress = client, ClientName = "c", Protocol = "ESMTP", Server = "i" },
        Envelope = new() { ReversePath = "", Recipients = [] },
        Reply = new() { Code = 550, EnhancedCode = "5.1.1", Text = "no" },
        Size = 0,
        Verdict = verdict,
    });

    [Fact]
    public void RefusalJournal_takes_so_many_of_a_network_and_says_how_many_it_left_out()
    {
        var began = _time.GetUtcNow();
        for (var i = 0; i < 10; i++)
        {
            Note($"A{i}", $"192.0.2.{i}");
        }

        // Another network is not hit by it.
        Note("B0", "198.51.100.1");
        Note("C0", "2001:db8:1::1");
        Assert.Equal(["A0", "A1", "A2", "B0", "C0"], _journal.QueueIds);

        _time.Advance(TimeSpan.FromMinutes(1));
        Note("A10");
        Assert.Equal(["A0", "A1", "A2", "B0", "C0", "A2", "A10"], _journal.QueueIds);
        Assert.Equal(new RefusalsLeftOut { Network = "192.0.2.0/24", Count = 7, Since = began }, Assert.Single(_journal.LeftOut));
    }

    [Fact]
    public async Task RefusalJournal_says_it_soon_after_the_minute_also_when_the_network_is_silent()
    {
        await _refusals.StartAsync(CancellationToken.None);
        for (var i = 0; i < 5; i++)
        {
            Note($"A{i}", $"2001:db8:1:{i}::1");
        }

        for (var i = 0; _journal.LeftOut.IsEmpty; i++)
        {
            Assert.True(i < 3000, "nothing was said");
            _time.Advance(TimeSpan.FromSeconds(10));
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        var leftOut = Assert.Single(_journal.LeftOut);
        Assert.Equal(("2001:db8:1::/48", 2), (leftOut.Network, leftOut.Count));
        Assert.Equal("A2", _journal.QueueIds[^1]);
        await _refusals.StopAsync(CancellationToken.None);
        Assert.Single(_journal.LeftOut);
    }

    [Fact]
    public async Task RefusalJournal_says_it_when_the_service_stops()
    {
        await _refusals.StartAsync(CancellationToken.None);
        for (var i = 0; i < 5; i++)
        {
            Note($"A{i}");
        }

        await _refusals.StopAsync(CancellationToken.None);
        Assert.Equal(2, Assert.Single(_journal.LeftOut).Count);
    }

    [Fact]
    public void RefusalJournal_leaves_out_nothing_that_was_judged()
    {
        var verdict = new Verdict { HostState = "exists", Result = "fail", Domain = "example.org", Reason = "no signature", Rule = "published-key", Verifier = "v", ElapsedMicroseconds = 1 };
        for (var i = 0; i < 10; i++)
        {
            Note($"A{i}", verdict: verdict);
        }

        Assert.Equal(10, _journal.QueueIds.Length);
    }

    private sealed class Journal : IJournal
    {
        private readonly ConcurrentQueue<string> _queueIds = [];

        public ConcurrentQueue<RefusalsLeftOut> LeftOut { get; } = [];

        public string[] QueueIds => [.. _queueIds];

        public void Append<T>(string queueId, T journalEvent)
            where T : class
        {
            _queueIds.Enqueue(queueId);
            if (journalEvent is RefusalsLeftOut leftOut)
            {
                LeftOut.Enqueue(leftOut);
            }
        }

        public void Append<T>(string queueId, Guid eventId, DateTimeOffset at, T journalEvent)
            where T : class => throw new NotSupportedException();

        public ValueTask AppendAsync<T>(string queueId, T journalEvent, CancellationToken cancellationToken)
            where T : class => throw new NotSupportedException();

        public ValueTask AppendAsync<T>(string queueId, Guid eventId, T journalEvent, CancellationToken cancellationToken)
            where T : class => throw new NotSupportedException();

        public ValueTask FlushAsync(CancellationToken cancellationToken) => default;
    }
}
