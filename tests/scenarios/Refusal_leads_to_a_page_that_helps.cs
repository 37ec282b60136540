using System.Net;
using System.Text.RegularExpressions;

namespace Mailkey.Scenarios.Tests;

/// <summary>The sender's side: from the refusal over its link to a mailkey, with two verifiers.</summary>
public sealed partial class Refusal_leads_to_a_page_that_helps : IAsyncLifetime
{
    private const string Domain = "newcomer.test";
    private const string From = $"alice@{Domain}";
    private const string Recipient = "roberta.secret";
    private const string To = $"{Recipient}@example.test";

    private readonly SenderDomain _newcomer = new(Domain);
    private OwnSystem _own = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _own = await OwnSystem.PrepareAsync([$"{Domain}. 300 IN A 127.0.0.1"], new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["MAILKEY_POLICY_STAGE"] = "require-all",

            // The page is looked at until it says what is waited for, oftener than any person would.
            ["MAILKEY_STATUSPAGE_VIEWSPERCLIENT"] = "100000",

            // So long would verifiers keep what they know, were it not for the button.
            ["MAILKEY_KEYHOST_MINAGE"] = "00:30:00",
        });
        await _own.StartWithPageAsync(Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_own is not null)
        {
            await _own.DisposeAsync();
        }

        _newcomer.Dispose();
    }

    [Fact]
    public async Task Refused_then_told_then_published_then_taken()
    {
        using var browser = new HttpClient();
        List<string> pages = [];

        // Both verifiers get to know that there is no mailkey.
        var refusal = await SendAsync("one");
        for (var i = 0; i < 10; i++)
        {
            Assert.StartsWith("550 5.7.1 ", await SendAsync($"more-{i}"), StringComparison.Ordinal);
        }

        // The link is in the reply, and the page behind it names the domain, the reason, and the way out.
        var link = Link().Match(refusal).Value;
        Assert.Equal($"http://127.0.0.1:{_own.System.StatusPort}/domain/{Domain}", link);
        var page = await ReadAsync(link, text => text.Contains("class=n>11</td>", StringComparison.Ordinal));
        Assert.Contains(Domain, page, StringComparison.Ordinal);
        Assert.Contains("Refused: The domain publishes no mailkey, and this receiver takes its mail only with one.", page, StringComparison.Ordinal);
        Assert.Contains($"mailkey.{Domain}. 3600 IN TXT", page, StringComparison.Ordinal);

        // It publishes, presses the button, and is seen.
        await _own.Dns.AddAsync(_newcomer.Record);
        using var looked = await browser.PostAsync(new Uri(link), content: null, Cancellation);
        Assert.Equal(HttpStatusCode.OK, looked.StatusCode); // after the redirect
        var seen = await looked.Content.ReadAsStringAsync(Cancellation);
        pages.Add(seen);
        Assert.Contains("It has a mailkey", seen, StringComparison.Ordinal);
        Assert.Contains("<code>k1</code>: Ed25519, active", seen, StringComparison.Ordinal);

        // Every verifier has forgotten what it knew: soon none refuses a signed mail any more.
        await _own.ExpectAsync("2", () => SendAsync($"signed-{Guid.NewGuid():N}", signed: true));

        // And a forged one is refused for being forged.
        Assert.StartsWith("550 5.7.20 ", await SendAsync("forged"), StringComparison.Ordinal);
        await ReadAsync(link, text => text.Contains("Refused: The message was not signed with the mailkey of the domain.", StringComparison.Ordinal));

        // Each way to fail has its own words.
        using var impostor = new SenderDomain(Domain);
        using var stranger = new SenderDomain(Domain, "k9");
        var message = SenderDomain.Message(From, To, "page-broken", "Pay 10");
        foreach (var (broken, words) in new[]
        {
            (_newcomer.Sign(message, From, [To]).Replace("Pay 10", "Pay 1000", StringComparison.Ordinal), "The body was changed after signing"),
            (_newcomer.Sign(message, From, ["carol@example.test"]), "The signature was made for another envelope"),
            (impostor.Sign(message, From, [To]), "The key did not make this signature"),
            (stranger.Sign(message, From, [To]), "The signature names a key that is not in the key set"),
        })
        {
            Assert.StartsWith("550 5.7.20 ", await Client.SendAsync(_own.System.SmtpPort, From, [To], broken, Cancellation), StringComparison.Ordinal);
            await ReadAsync(link, text => text.Contains($"Refused: {words}", StringComparison.Ordinal));
        }

        await ReadAsync($"{link}.json", text => text.Contains("\"state\":\"exists\"", StringComparison.Ordinal));

        foreach (var text in pages)
        {
            Assert.DoesNotContain(Recipient, text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("example.test", text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("alice", text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("127.0.0.1", text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("relay.client", text, StringComparison.OrdinalIgnoreCase);
        }

        async Task<string> ReadAsync(string url, Func<string, bool> until)
        {
            var text = await _own.EventuallyAsync(() => browser.GetStringAsync(new Uri(url), Cancellation), until);
            pages.Add(text);
            return text;
        }
    }

    [GeneratedRegex(@"http://[^ ;\r\n]+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Link();

    private Task<string> SendAsync(string id, bool signed = false)
    {
        var message = SenderDomain.Message(From, To, $"page-{id}");
        return Client.SendAsync(_own.System.SmtpPort, From, [To], signed ? _newcomer.Sign(message, From, [To]) : message, Cancellation);
    }
}
