using System.Text.Json;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Callbacks;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Authentication.Crypto;
using Mailkey.HttpSignatures;
using Mailkey.Messaging;
using MassTransit;

namespace Mailkey.Agreements.Tests.Negotiation;

/// <summary>What a forwarder is told, over HTTPS, in which order, and what happens when it does not listen.</summary>
public sealed class CallbackTests(NegotiationSystem system) : IClassFixture<NegotiationSystem>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Callback_that_is_not_taken_at_first_comes_again_in_order_signed_and_binds_nothing()
    {
        const string domain = "called.example";
        await system.AdmitAsync(domain);
        system.Forwarder = (_, _) => 503;
        var id = await ActiveAsync(domain, "cal@b.example");
        await UntilAsync(id, saga => State(saga) == "Waiting");

        // Ended by the user while nobody can tell the forwarder: it holds for no transaction from here on.
        await system.DecideAsync(id, new Pause(new(ActorKind.User, "cal@b.example")));
        await system.DecideAsync(id, new End(new(ActorKind.User, "cal@b.example"), null));
        Assert.Null((await system.StateAsync(id)).TermsInForce(system.Time.GetUtcNow()));
        await UntilAsync(id, saga => saga.GetProperty("known").GetInt64() >= 6);
        await system.RestartAsync();
        var answers = 0;
        system.Forwarder = (_, body) => EventOf(body) == "agreement-paused" && answers++ == 0 ? 500 : 200;
        system.Jump(TimeSpan.FromMinutes(1));
        await UntilAsync(id, saga => State(saga) == "Waiting" && saga.GetProperty("told").GetInt64() == 4);
        system.Jump(TimeSpan.FromMinutes(1));
        await UntilAsync(id, saga => State(saga) == "Quiet");

        var calls = system.Calls.Where(call => call.Host == "callbacks.called.example").ToList();
        Assert.Equal(
            ["agreement-activated", "agreement-paused", "agreement-revoked"],
            calls.Where(call => call.Status == 200).Select(call => EventOf(call.Body)));
        Assert.Equal(503, calls[0].Status);
        Assert.Equal(EventOf(calls[0].Body), EventOf(calls.First(call => call.Status == 200).Body));

        // The same event has the same id however often it is told, and versions only grow.
        Assert.All(calls.GroupBy(call => Json(call.Body).GetProperty("version").GetInt64()), told => Assert.Single(told.Select(call => Json(call.Body).GetProperty("id").GetGuid()).Distinct()));
        Assert.True(VerifyKey.TryImport(system.CallbackKey.Type, system.CallbackKey.ExportPublicKey(), out var key, out _));
        foreach (var (host, headers, body, _) in calls)
        {
            Assert.Equal(id.ToString(), Json(body).GetProperty("agreement").GetString());
            Assert.DoesNotContain("cal@b.example", body, StringComparison.Ordinal);
            var octets = System.Text.Encoding.UTF8.GetBytes(body);
            var request = SignedRequest.To(
                "POST", new Uri($"https://{headers.Host}/agreements"), name => headers.TryGetValue(name, out var values) ? [.. values.OfType<string>()] : null);
            var fault = new SignatureRules { Tag = CallbackSigner.Tag, MaxAge = TimeSpan.FromDays(400) }.Check(request, octets, system.Time.GetUtcNow(), out var candidate, out var detail);
            Assert.True(fault == SignatureFault.None, detail);
            Assert.Equal($"k1@{NegotiationSystem.Host}", candidate!.KeyId);
            Assert.True(SignatureAlgorithm.Verify(key!, candidate.Text.Span, candidate.Signature.Value.Span));
            Assert.StartsWith("callbacks.", host, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Callback_that_is_never_taken_becomes_a_dead_letter_and_goes_on_when_an_operator_says_so()
    {
        const string domain = "deaf.example";
        await system.AdmitAsync(domain);
        system.Forwarder = (_, _) => 302;
        var id = await ActiveAsync(domain, "dee@b.example");
        for (var attempt = 1; attempt <= 5; attempt++)
        {
            var failures = attempt;
            await UntilAsync(id, saga => State(saga) == "Waiting" && saga.GetProperty("failures").GetInt32() == failures);
            system.Jump(attempt == 5 ? TimeSpan.FromDays(3) : TimeSpan.FromHours(6));
        }

        var lost = await UntilAsync(id, saga => State(saga) == "GivenUp");
        Assert.Equal("callbacks.deaf.example answered 302", lost.GetProperty("lastFailure").GetString());
        Assert.Equal(AgreementStatus.ActiveProbation, (await system.StateAsync(id)).Status);
        Assert.NotEqual(0u, await system.QueueLengthAsync(DurableQueue.DeadLetters));

        system.Forwarder = (_, _) => 204;
        var queue = await system.Get<IBus>().GetSendEndpoint(CallbackDefinition.Address);
        await queue.Send(new ResumeCallbacks(id.ToString()), Stop);
        await UntilAsync(id, saga => State(saga) == "Quiet");

        // Whoever says that there is nobody any more is not asked for three days.
        system.Forwarder = (_, _) => 410;
        await system.DecideAsync(id, new Pause(new(ActorKind.User, "dee@b.example")));
        await UntilAsync(id, saga => State(saga) == "GivenUp");
    }

    [Theory]
    [InlineData("http://callbacks.deaf.example/")]
    [InlineData("https://127.0.0.1/")]
    [InlineData("https://callbacks.deaf.example:8443/")]
    [InlineData("https://callbacks.stranger.example/")]
    [InlineData("https://callbacksdeaf.example/")]
    public async Task Callback_goes_to_no_address_that_an_organisation_must_not_name_even_where_the_ledger_has_one(string address)
    {
        var result = await system.Get<CallbackClient>().PostAsync("deaf.example", address, "{}"u8.ToArray(), Stop);
        Assert.True(result.IsFinal);
        Assert.Contains("deaf.example has to make contact anew", result.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Callback_to_a_name_without_an_address_is_tried_again()
    {
        var result = await system.Get<CallbackClient>().PostAsync("deaf.example", "https://nowhere.deaf.example/", "{}"u8.ToArray(), Stop);
        Assert.Equal(("nowhere.deaf.example has no address", false), (result.Failure, result.IsFinal));
    }

    private async Task<AgreementId> ActiveAsync(string domain, string user)
    {
        var evidence = new ConsentEvidence(system.Time.GetUtcNow().AddDays(-3), "192.0.2.9", "Forward my mail, please.");
        var id = await system.ProposeAsync(NegotiationSystem.Proposal(domain, user, "dot-forward", user.Split('@')[0], evidence: evidence));
        await system.UntilAsync(id, AgreementStatus.ActiveProbation);
        return id;
    }

    private Task<JsonElement> UntilAsync(AgreementId id, Func<JsonElement, bool> until) => system.UntilSagaAsync("callback_state", CallbackState.IdOf(id.ToString()), until);

    private static string? State(JsonElement saga) => saga.GetProperty("currentState").GetString();

    private static JsonElement Json(string body) => JsonDocument.Parse(body).RootElement;

    private static string? EventOf(string body) => Json(body).GetProperty("event").GetString();
}
