using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Mailkey.Hosting.Options;
using Mailkey.Testkit;
using Mailkey.Testkit.Processes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Mailkey.Messaging.Tests;

/// <summary>Waiting for the broker at the start of a service.</summary>
public sealed class BrokerArrivalTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private readonly int port = LoopbackPort.Take();
    private readonly Lines lines = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task BrokerArrival_of_a_broker_that_is_there_is_silent()
    {
        using var listener = Listen();
        using var broker = Arrival(TimeProvider.System);

        await broker.WaitAsync(Cancellation).WaitAsync(Limit, Cancellation);

        Assert.Empty(lines.All);
    }

    [Fact]
    public async Task BrokerArrival_is_announced_once_however_many_wait()
    {
        using var broker = Arrival(TimeProvider.System);
        var waiting = Task.WhenAll(broker.WaitAsync(Cancellation), broker.WaitAsync(Cancellation));
        await Eventually.GetAsync(() => lines.All.Count, count => count > 0, Limit);
        Assert.False(waiting.IsCompleted);

        using var listener = Listen();
        await waiting.WaitAsync(Limit, Cancellation);

        Assert.Equal([$"Information: Waiting for RabbitMQ at 127.0.0.1:{port}", $"Information: RabbitMQ answers at 127.0.0.1:{port}"], lines.All);
    }

    [Fact]
    public async Task BrokerArrival_is_no_longer_asked_for_when_it_has_been()
    {
        using var broker = Arrival(TimeProvider.System);
        using (Listen())
        {
            await broker.WaitAsync(Cancellation).WaitAsync(Limit, Cancellation);
        }

        Assert.True(broker.WaitAsync(Cancellation).IsCompletedSuccessfully);
    }

    [Fact]
    public async Task BrokerArrival_that_does_not_come_is_complained_about_with_the_reason_and_seldom()
    {
        var time = new ManualTime();
        using var broker = Arrival(time);
        var waiting = broker.WaitAsync(Cancellation);

        // Each attempt is a real connection, during which the clock goes on.
        await Eventually.GetAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(2));
                return lines.All.Count;
            },
            count => count >= 3,
            Limit);

        var seconds = lines.All.Skip(1).Take(2)
            .Select(line => Regex.Match(line, $"^Warning: No RabbitMQ at 127.0.0.1:{port} for ([0-9]+) s: .+; still waiting$", RegexOptions.None, Limit))
            .Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))
            .ToList();
        Assert.True(seconds[0] >= 30, $"complained after {seconds[0]} s");
        Assert.True(seconds[1] - seconds[0] >= 60, $"complained after {seconds[0]} s and again after {seconds[1]} s");
        Assert.False(waiting.IsCompleted);
    }

    [Fact]
    public async Task BrokerArrival_that_does_not_come_is_given_up_by_who_waits_and_by_the_process()
    {
        using var given = new CancellationTokenSource();
        var broker = Arrival(TimeProvider.System);
        var first = broker.WaitAsync(given.Token);
        var second = broker.WaitAsync(Cancellation);

        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.WaitAsync(Limit, Cancellation));
        Assert.False(second.IsCompleted);
        broker.Dispose();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.WaitAsync(Limit, Cancellation));
    }

    private BrokerArrival Arrival(TimeProvider time) => new(
        Options.Create(new MailkeyOptions { RabbitMq = new RabbitMqOptions { Uri = $"amqp://mailkey:secret@127.0.0.1:{port}/" } }), time, lines);

    private TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        return listener;
    }

    private sealed class Lines : ILogger<BrokerArrival>
    {
        private readonly List<string> lines = [];

        public IReadOnlyList<string> All
        {
            get
            {
                lock (lines)
                {
                    return [.. lines];
                }
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines)
            {
                lines.Add($"{logLevel}: {formatter(state, exception)}");
            }
        }
    }
}
