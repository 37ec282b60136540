using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

/// <summary>A key set that disappears from the DNS, whether by mistake or by attack, opens no door: two verifiers, and their restart.</summary>
public sealed class Publisher_that_vanishes_is_an_alarm : IAsyncLifetime
{
    private const string From = "alice@published.test";
    private const string To = "bob@example.test";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly PostgresServer _postgres = new();
    private readonly RabbitMqServer _rabbitMq = new();
    private readonly SenderDomain _published = new("published.test");
    private UnboundServer _dns = null!;
    private MailkeySystem _system = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await Task.WhenAll(_postgres.InitializeAsync().AsTask(), _rabbitMq.InitializeAsync().AsTask());
        _dns = await UnboundServer.StartAsync([_published.Record, "example.test. 300 IN A 127.0.0.1"], []);
        _system = new MailkeySystem(_postgres.ConnectionString, _rabbitMq.Uri, _dns.Resolver, new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["MAILKEY_STATUSPAGE_CHECKINTERVAL"] = "00:00:00.001",
        });
        await _system.StartAsync(["journal", "delivery", "status", "verifier-1", "verifier-2", "ingress"], Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_system is not null)
        {
            await _system.DisposeAsync();
        }

        if (_dns is not null)
        {
            await _dns.DisposeAsync();
        }

        _published.Dispose();
        await _rabbitMq.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    [Fact]
    public async Task Put_off_and_told_of_once_until_it_is_back()
    {
        await ExpectAsync("250 ");
        await CheckAsync(output => output.Contains("remembered here as a publisher", StringComparison.Ordinal));

        // Gone, and the caches know: mail is put off by both verifiers, neither taken nor refused for good.
        await _dns.RemoveAsync("mailkey.published.test");
        await PressAsync();
        await ExpectAsync("451 4.7.5 ");
        var told = await CheckAsync(output => output.Contains("publisher-vanished", StringComparison.Ordinal));
        Assert.Contains("its mail is put off here until", told, StringComparison.Ordinal);

        // What is remembered outlives the verifiers.
        await Task.WhenAll(_system["verifier-1"].KillAsync(), _system["verifier-2"].KillAsync());
        await _system.StartAsync(["verifier-1", "verifier-2"], Cancellation);
        await ExpectAsync("451 4.7.5 ");

        await _dns.AddAsync(_published.Record);
        await PressAsync();
        await ExpectAsync("250 ");
        told = await CheckAsync(output => output.Contains("publisher-returned", StringComparison.Ordinal));
        Assert.Equal((2, 2), (told.Split("publisher-vanished").Length, told.Split("publisher-returned").Length)); // each once
        using var reader = new HttpClient();
        var page = await reader.GetStringAsync(new Uri($"http://127.0.0.1:{_system.StatusPort}/domain/published.test"), Cancellation);
        Assert.Contains("the key set was gone", page, StringComparison.Ordinal);
        Assert.Contains("the key set was back", page, StringComparison.Ordinal);
    }

    // Ten in a row: each verifier is asked for some of them.
    private async Task ExpectAsync(string code)
    {
        var inARow = 0;
        await Eventually.GetAsync(
            async () =>
            {
                var message = _published.Sign(SenderDomain.Message(From, To, $"vanished-{Guid.NewGuid():N}"), From, [To]);
                var reply = await Client.SendAsync(_system.SmtpPort, From, [To], message, Cancellation);
                return inARow = reply.StartsWith(code, StringComparison.Ordinal) ? inARow + 1 : 0;
            },
            count => count == 10,
            Limit,
            () => _system.Logs());
    }

    private async Task<string> CheckAsync(Predicate<string> until) =>
        await Eventually.GetAsync(async () => (await Operator.RunAsync(_system, ["check", "published.test"], Cancellation)).Output, output => until(output), Limit, () => _system.Logs());

    private async Task PressAsync()
    {
        using var client = new HttpClient();
        using var pressed = await client.PostAsync(new Uri($"http://127.0.0.1:{_system.StatusPort}/domain/published.test"), content: null, Cancellation);
        Assert.True(pressed.IsSuccessStatusCode, await pressed.Content.ReadAsStringAsync(Cancellation));
    }
}
