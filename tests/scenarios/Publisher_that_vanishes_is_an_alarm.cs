namespace Mailkey.Scenarios.Tests;

/// <summary>A key set that disappears from the DNS, whether by mistake or by attack, opens no door: two verifiers, and their restart.</summary>
public sealed class Publisher_that_vanishes_is_an_alarm : IAsyncLifetime
{
    private const string From = "alice@published.test";
    private const string To = "bob@example.test";

    private readonly SenderDomain _published = new("published.test");
    private OwnSystem _own = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _own = await OwnSystem.PrepareAsync([_published.Record], new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["MAILKEY_STATUSPAGE_CHECKINTERVAL"] = "00:00:00.001",
        });
        await _own.StartWithPageAsync(Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_own is not null)
        {
            await _own.DisposeAsync();
        }

        _published.Dispose();
    }

    [Fact]
    public async Task Put_off_and_told_of_once_until_it_is_back()
    {
        await ExpectAsync("250 ");
        await CheckAsync(output => output.Contains("remembered here as a publisher", StringComparison.Ordinal));

        // Gone, and the caches know: mail is put off by both verifiers, neither taken nor refused for good.
        await _own.Dns.RemoveAsync("mailkey.published.test");
        await PressAsync();
        await ExpectAsync("451 4.7.5 ");
        var told = await CheckAsync(output => output.Contains("publisher-vanished", StringComparison.Ordinal));
        Assert.Contains("its mail is put off here until", told, StringComparison.Ordinal);

        // What is remembered outlives the verifiers.
        await Task.WhenAll(_own.System["verifier-1"].KillAsync(), _own.System["verifier-2"].KillAsync());
        await _own.System.StartAsync(["verifier-1", "verifier-2"], Cancellation);
        await ExpectAsync("451 4.7.5 ");

        await _own.Dns.AddAsync(_published.Record);
        await PressAsync();
        await ExpectAsync("250 ");
        told = await CheckAsync(output => output.Contains("publisher-returned", StringComparison.Ordinal));
        Assert.Equal((2, 2), (told.Split("publisher-vanished").Length, told.Split("publisher-returned").Length)); // each once
        using var reader = new HttpClient();
        var page = await reader.GetStringAsync(new Uri($"http://127.0.0.1:{_own.System.StatusPort}/domain/published.test"), Cancellation);
        Assert.Contains("the key set was gone", page, StringComparison.Ordinal);
        Assert.Contains("the key set was back", page, StringComparison.Ordinal);
    }

    private Task ExpectAsync(string code) => _own.ExpectAsync(
        code,
        () => Client.SendAsync(_own.System.SmtpPort, From, [To], _published.Sign(SenderDomain.Message(From, To, $"vanished-{Guid.NewGuid():N}"), From, [To]), Cancellation));

    private Task<string> CheckAsync(Func<string, bool> until) =>
        _own.EventuallyAsync(async () => (await Operator.RunAsync(_own.System, ["check", "published.test"], Cancellation)).Output, until);

    private async Task PressAsync()
    {
        using var client = new HttpClient();
        using var pressed = await client.PostAsync(new Uri($"http://127.0.0.1:{_own.System.StatusPort}/domain/published.test"), content: null, Cancellation);
        Assert.True(pressed.IsSuccessStatusCode, await pressed.Content.ReadAsStringAsync(Cancellation));
    }
}
