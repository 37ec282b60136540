using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Mailkey.Authentication.Crypto;
using Mailkey.HttpSignatures;

namespace Mailkey.Scenarios.Tests;

/// <summary>
/// The whole way over the network, and no shorter one: a relay makes contact with its key, proves its domain, proposes; Carol opens the link in the
/// mail she gets and says yes; the relay's mail passes; it ends the agreement, and the mail passes no more.
/// </summary>
public sealed partial class A_forwarder_negotiates_until_its_mail_passes
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task And_ends_it()
    {
        using var key = SigningKey.GenerateEd25519();
        await using var mail = await ForwardedMail.StartAsync(
            new Dictionary<string, string>
            {
                ["MAILKEY_AGREEMENTS_POLICY_WAITINGPERIOD"] = "00:00:00.5",
                ["MAILKEY_AGREEMENTS_NEGOTIATION_FIRSTDNSCHECK"] = "00:00:00.5",
                ["MAILKEY_AGREEMENTS_NEGOTIATION_LONGESTDNSCHECK"] = "00:00:01",

                // The record that is missing at the first look is there at the second.
                ["MAILKEY_DNS_CACHEENTRIES"] = "0",
            },
            $"mailkey.relay.test. 300 IN TXT \"v=MAILKEY1; k=ed25519; s=2026a; p={Convert.ToBase64String(key.ExportPublicKey())}\"");
        var system = mail.System;
        var api = new Uri($"http://127.0.0.1:{system.AgreementsPort}");
        using var http = new HttpClient { BaseAddress = api };

        async Task<(HttpStatusCode Status, JsonNode Json)> CallAsync(HttpMethod method, string path, object? body = null)
        {
            using var request = new HttpRequestMessage(method, new Uri(api, path)) { Content = body is null ? null : JsonContent.Create(body) };
            request.Headers.Add("Idempotency-Key", "scenario");
            await RequestSigner.SignAsync(request, key, "relay.test/2026a", "mailkey-agreements", TimeProvider.System.GetUtcNow(), Cancellation);
            using var response = await http.SendAsync(request, Cancellation);
            return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancellation))!);
        }

        // First contact: key, record, a while.
        var contact = await CallAsync(HttpMethod.Put, "/v1/organizations/relay.test", new { contact = "postmaster@relay.test", callback = "https://relay.test/agreements" });
        Assert.True(contact.Status == HttpStatusCode.Created, contact.Json + system.Logs());
        await mail.Dns.AddAsync($"{contact.Json["challenge"]!["name"]}. 300 IN TXT \"{contact.Json["challenge"]!["text"]}\"");
        await mail.EventuallyAsync(
            async () => (string?)(await CallAsync(HttpMethod.Get, "/v1/organizations/relay.test")).Json["status"], status => status == "verified");

        // A proposal, and what came of it until somebody has to act.
        var proposed = await CallAsync(HttpMethod.Post, "/v1/agreements", new
        {
            recipient = ForwardedMail.To,
            category = "alias",
            subscription = "carol",
            methods = new[] { "reference" },
            terms = new { dnsbl = "check", spf = "forwarder-domain", mailkey = "ignore-recipient-binding", feedback = new { format = "off" }, rate = 100, size = 1 << 20 },
        });
        Assert.True(proposed.Status == HttpStatusCode.Accepted, proposed.Json + system.Logs());
        var path = $"/v1/agreements/{proposed.Json["id"]}";
        using var client = await mail.ConnectAsync();
        await client.AskAsync("EHLO mx.relay.test", Cancellation);
        var parameters = $" XFWDAGREE={proposed.Json["id"]}";
        var early = await mail.EventuallyAsync(
            () => SendAsync(client, mail, "early", parameters), reply => !reply.StartsWith("451 ", StringComparison.Ordinal));
        Assert.StartsWith("550 ", early, StringComparison.Ordinal);

        // Carol is asked by mail. Opening the link decides nothing; her yes does.
        var question = await mail.DeliveredAsync(text => LinkOf().IsMatch(text));
        var link = new Uri(LinkOf().Match(question).Value);
        var page = await http.GetStringAsync(link, Cancellation);
        Assert.Equal("awaiting-consent", (string?)(await CallAsync(HttpMethod.Get, path)).Json["state"]);
        var fields = HiddenField().Matches(page).Select(match => KeyValuePair.Create(match.Groups["name"].Value, WebUtility.HtmlDecode(match.Groups["value"].Value)));
        using var form = new HttpRequestMessage(HttpMethod.Post, link) { Content = new FormUrlEncodedContent([.. fields, new("answer", "yes")]) };

        // As a browser says that the form is on the page of this host.
        form.Headers.Add("Origin", api.GetLeftPart(UriPartial.Authority));
        using var answered = await http.SendAsync(form, Cancellation);
        Assert.True(answered.IsSuccessStatusCode, await answered.Content.ReadAsStringAsync(Cancellation) + system.Logs());
        Assert.Equal("active-probation", (string?)(await CallAsync(HttpMethod.Get, path)).Json["state"]);

        await mail.EventuallyAsync(
            () => SendAsync(client, mail, "under", parameters), reply => reply.StartsWith("250 ", StringComparison.Ordinal));

        // The other end of it, in the same session.
        var ended = await CallAsync(HttpMethod.Delete, $"{path}?reason=moved");
        Assert.Equal("revoked", (string?)ended.Json["state"]);
        await mail.EventuallyAsync(
            () => SendAsync(client, mail, "after", parameters), reply => reply.StartsWith("550 5.7.1 No agreement", StringComparison.Ordinal));
    }

    [GeneratedRegex("http://127\\.0\\.0\\.1:[0-9]+/consent/[A-Za-z0-9._~-]+", RegexOptions.NonBacktracking)]
    private static partial Regex LinkOf();

    [GeneratedRegex("<input type=\"hidden\" name=\"(?<name>[^\"]+)\" value=\"(?<value>[^\"]*)\"", RegexOptions.NonBacktracking)]
    private static partial Regex HiddenField();

    private static async Task<string> SendAsync(Client client, ForwardedMail mail, string id, string parameters)
    {
        var reply = await mail.SendAsync(client, id, parameters: parameters);
        if (!reply.StartsWith("250 ", StringComparison.Ordinal))
        {
            await client.AskAsync("RSET", Cancellation);
        }

        return reply;
    }
}
