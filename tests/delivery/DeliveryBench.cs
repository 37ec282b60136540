using System.Text;
using Mailkey.Contracts;
using Mailkey.Delivery.Maildir;
using Mailkey.Delivery.Outbound;
using Mailkey.Delivery.Routing;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Tests;

/// <summary>The sending half of delivery, without bus and database: real store, real sockets.</summary>
internal sealed class DeliveryBench : IAsyncDisposable
{
    private readonly MaildirDestination _maildir;
    private int _lastId;

    public DeliveryBench(Action<MailkeyOptions>? configure = null, IDnsResolver? resolver = null, TimeProvider? time = null)
    {
        Options = new()
        {
            Hostname = "mail.edge.example",
            DataFolder = Directory.CreateTempSubdirectory("mailkey-delivery-").FullName,
            Domains = [new() { Name = "example.org" }],
        };
        Options.Delivery.SmtpPort = 2525;
        Options.Delivery.IdleConnection = TimeSpan.FromSeconds(30);
        Options.Delivery.CommandTimeout = TimeSpan.FromSeconds(10);
        Options.Delivery.DataTimeout = TimeSpan.FromSeconds(10);
        Options.Delivery.ConnectTimeout = TimeSpan.FromSeconds(5);
        configure?.Invoke(Options);
        var options = Microsoft.Extensions.Options.Options.Create(Options);
        var clock = time ?? TimeProvider.System;
        Store = new(new() { Folder = Path.Combine(Options.DataFolder, "content") }, TimeProvider.System);
        Router router = new(options);
        _maildir = new(new MaildirWriter(options), router, clock);
        Lookup = new(resolver ?? new NoResolver(), options);
        Outbox = new(Lookup, _maildir, options, clock, NullLogger<Outbox>.Instance);
        Courier = new(router, Outbox, options, clock);
    }

    public MailkeyOptions Options { get; }
    public SegmentContentStore Store { get; }
    public ExchangerLookup Lookup { get; }
    public Outbox Outbox { get; }
    public Courier Courier { get; }

    /// <summary>
    /// A bench whose hosted domain goes to a server of this host, by one connection at a time unless the test says otherwise: an outcome
    /// is told before its connection is free again, and a next message would sometimes open another one meanwhile.
    /// </summary>
    public static DeliveryBench To(int port, Action<DeliveryOptions>? configure = null, bool isLmtp = false) => new(options =>
    {
        options.NextHop = $"{(isLmtp ? "lmtp" : "smtp")}://127.0.0.1:{port}";
        options.Delivery.MaxConnectionsPerDestination = 1;
        configure?.Invoke(options.Delivery);
    });

    public static Envelope Envelope(params string[] recipients) => new()
    {
        ReversePath = "sender@example.net",
        Recipients = [.. recipients.Select(recipient => new Recipient { ForwardPath = recipient })],
    };

    public async Task<OutgoingMessage> MessageAsync(Envelope envelope, string content = "Subject: test\r\n\r\nHello\r\n") =>
        await MessageAsync(envelope, Encoding.UTF8.GetBytes(content));

    public async Task<OutgoingMessage> MessageAsync(Envelope envelope, byte[] content)
    {
        var queueId = $"Q{Interlocked.Increment(ref _lastId)}";
        await using var writer = Store.Create(queueId);
        await writer.WriteAsync(content, CancellationToken.None);
        var reference = await writer.CommitAsync(default, CancellationToken.None);
        return (await OutgoingMessage.OpenAsync(Store, queueId, TimeProvider.System.GetUtcNow(), envelope, reference, CancellationToken.None))!;
    }

    public Task<List<RecipientOutcome>> SendAsync(params string[] recipients) => SendAsync(Envelope(recipients));

    public async Task<List<RecipientOutcome>> SendAsync(Envelope envelope, string content = "Subject: test\r\n\r\nHello\r\n")
    {
        using var message = await MessageAsync(envelope, content);
        return await SendAsync(message);
    }

    public async Task<List<RecipientOutcome>> SendAsync(OutgoingMessage message)
    {
        var attempt = Courier.Begin(message, message.Envelope.Recipients);
        await attempt.Ended.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        var (outcomes, broken, running) = attempt.Look();
        Assert.Empty(broken);
        Assert.Empty(running);
        return [.. message.Envelope.Recipients.Select(recipient => Assert.Single(outcomes, outcome => ReferenceEquals(outcome.Recipient, recipient)))];
    }

    public async ValueTask DisposeAsync()
    {
        await Outbox.StopAsync(CancellationToken.None);
        _maildir.Dispose();
        Store.Dispose();
        Directory.Delete(Options.DataFolder, recursive: true);
    }

    private sealed class NoResolver : IDnsResolver
    {
        public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken) =>
            throw new InvalidOperationException($"Nobody should have asked for {name}.");
    }
}
