using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Consents;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Negotiation;
using Mailkey.Agreements.Negotiation.FirstContact;
using Mailkey.Agreements.Organizations;

namespace Mailkey.Agreements.Tests.Negotiation;

/// <summary>Organisations and agreements on their way, with nobody who pushes them but time.</summary>
public sealed class NegotiationTests(NegotiationSystem system) : IClassFixture<NegotiationSystem>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Organisation_goes_the_long_way_also_over_a_restart()
    {
        const string domain = "long.example";
        await system.MakeContactAsync(domain);
        await UntilLookAsync(domain, saga => saga.Finding == ChallengeFinding.Missing && saga.Looks == 1);
        Assert.Equal(OrganizationStatus.AwaitingProof, (await system.Organizations.LoadAsync(domain, Stop)).State.Status);

        // What is set for later is set for good.
        await system.RestartAsync();
        await system.AnswerChallengeAsync(domain);
        system.Jump(TimeSpan.FromMinutes(6));
        await system.UntilAsync(domain, OrganizationStatus.Waiting);
        system.Jump(TimeSpan.FromHours(23));
        await UntilLookAsync(domain, saga => saga.CurrentState == "Waiting");
        Assert.Equal(OrganizationStatus.Waiting, (await system.Organizations.LoadAsync(domain, Stop)).State.Status);
        await system.RestartAsync();
        system.Jump(TimeSpan.FromMinutes(61));
        await system.UntilAsync(domain, OrganizationStatus.Verified);
        Assert.Equal(
            ["organization-contacted", "organization-proven", "organization-proven", "organization-waiting", "organization-verified"],
            await system.EventsAsync(Organization.StreamId(domain)));
    }

    [Fact]
    public async Task Organisation_that_has_keys_and_a_certificate_and_no_say_in_dns_gets_nowhere()
    {
        const string domain = "zombie.example";
        await system.MakeContactAsync(domain);
        await UntilLookAsync(domain, saga => saga.Looks == 1);
        var refused = await system.Agreements.ProposeAsync(
            NegotiationSystem.Proposal(domain, "victim@b.example"), new(ActorKind.Forwarder, domain), NegotiationSystem.NetworkOf(domain), null, Stop);
        Assert.Equal("proof-first", refused.Refusal?.Code);

        system.Jump(TimeSpan.FromDays(7) + TimeSpan.FromMinutes(1));
        await system.UntilAsync(domain, OrganizationStatus.Lapsed);
        Assert.DoesNotContain("organization-refused", await system.EventsAsync(Organization.StreamId(domain)));
    }

    [Fact]
    public async Task Organisation_with_a_wrong_record_is_refused_after_some_looks_and_one_without_an_answer_never()
    {
        const string wrong = "wrong.example";
        const string silent = "org.silent.example";
        await system.MakeContactAsync(wrong);
        await system.AnswerChallengeAsync(wrong, "abcdefgh");
        await system.MakeContactAsync(silent, proveKey: false);
        for (var looks = 1; looks <= 5; looks++)
        {
            var before = looks;
            await UntilLookAsync(silent, saga => saga.Looks >= before && saga.Finding == ChallengeFinding.Unknown);
            if (looks > 1)
            {
                await UntilLookAsync(wrong, saga => saga.Looks >= before);
            }

            system.Jump(TimeSpan.FromHours(6));
        }

        await system.UntilAsync(wrong, OrganizationStatus.Refused);
        Assert.Equal(OrganizationStatus.AwaitingProof, (await system.Organizations.LoadAsync(silent, Stop)).State.Status);
        Assert.Contains("organization-refused", await system.EventsAsync(Organization.StreamId(wrong)));
    }

    [Fact]
    public async Task Organisation_that_loses_its_proof_is_suspended_with_its_agreements_and_comes_back()
    {
        const string domain = "loser.example";
        await system.AdmitAsync(domain);
        var id = await ActiveAsync(domain, "lou@b.example");
        await system.RemoveRecordsAsync($"{ChallengeRecord.NameOf(domain)}.");
        for (var looks = 1; looks <= 3; looks++)
        {
            var missing = looks;
            system.Jump(TimeSpan.FromDays(1) + TimeSpan.FromMinutes(1));
            await UntilLookAsync(domain, saga => saga.DnsMissingInARow >= missing);
        }

        await system.UntilAsync(domain, OrganizationStatus.Suspended);
        var resting = await system.UntilAsync(id, AgreementStatus.Suspended);
        Assert.Null(resting.TermsInForce(system.Time.GetUtcNow()));

        await system.AnswerChallengeAsync(domain);
        await UntilLookAsync(domain, saga => saga.CurrentState == "Suspended");
        system.Jump(TimeSpan.FromDays(1) + TimeSpan.FromMinutes(1));
        await system.UntilAsync(domain, OrganizationStatus.Verified);
        await system.UntilAsync(id, AgreementStatus.ActiveProbation);
    }

    [Fact]
    public async Task Agreement_of_a_verified_organisation_goes_the_short_way_by_the_link_in_a_mail()
    {
        const string domain = "short.example";
        const string user = "sue@b.example";
        await system.AdmitAsync(domain);
        var id = await system.ProposeAsync(NegotiationSystem.Proposal(domain, "sue+lists@b.example", displayName: "Entwickler\u00a0– http://evil.example @ \"x\""));
        await system.UntilAsync(id, AgreementStatus.AwaitingConsent);
        var (message, mail) = Assert.Single(await system.MailsAsync(user, 1));

        Assert.Equal(("", "NEVER", false), (message.Envelope.ReversePath, message.Envelope.Recipients[0].Notify, message.Envelope.SmtpUtf8));
        Assert.Equal(
            ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"],
            mail[..mail.IndexOf("\r\n\r\n", StringComparison.Ordinal)].Split("\r\n").Where(line => !line.StartsWith(' ')).Select(line => line.Split(':')[0]));
        Assert.Contains("\r\nAuto-Submitted: auto-generated\r\n", mail, StringComparison.Ordinal);
        Assert.Contains($"\r\nSubject: Do you want mail forwarded by {domain}?\r\n", mail, StringComparison.Ordinal);
        Assert.DoesNotContain("http://evil.example", mail, StringComparison.Ordinal);
        Assert.Single(mail.Split("https://").Skip(1));

        // The link opens the question, as often as one likes, and answers nothing.
        var questions = system.Get<ConsentQuestions>();
        var token = NegotiationSystem.TokenOf(mail);
        var question = await questions.FindAsync(token, Stop);
        Assert.Equal((id, 1), (question!.Agreement, question.TermsVersion));
        Assert.Equal(question, await questions.FindAsync(token.ToUpperInvariant(), Stop));
        Assert.Equal(AgreementStatus.AwaitingConsent, (await system.StateAsync(id)).Status);
        Assert.Contains("blocklists are not asked", question.Text, StringComparison.Ordinal);
        foreach (var forged in new[] { token[..^1] + (token[^1] == 'a' ? 'i' : 'a'), (token[0] == 'a' ? 'b' : 'a') + token[1..], token[..20] + (token[20] == 'a' ? 'b' : 'a') + token[21..], token + "a", "", null })
        {
            Assert.Null(await questions.FindAsync(forged, Stop));
        }

        // Over a restart it is the same question, and no other mail.
        await system.RestartAsync();
        Assert.Equal(question, await system.Get<ConsentQuestions>().FindAsync(token, Stop));
        var consented = await system.DecideAsync(
            id, new GiveConsent(new(ActorKind.User, user), 1, new(ConsentMeans.MailLink, "192.0.2.7", question.Text), Risk: 0));
        Assert.Equal((null, AgreementStatus.ActiveProbation), (consented.Refusal?.Code, consented.State.Status));
        Assert.Equal(100, consented.State.Terms!.Rate);
        Assert.Equal(DnsblTerm.Check, consented.State.TermsInForce(system.Time.GetUtcNow())!.Dnsbl);
        await UntilNegotiationAsync(id, "InForce");
        Assert.Single(await system.MailsAsync(user, 1));

        // Two weeks are the time for an answer.
        system.Jump(TimeSpan.FromDays(15));
        Assert.Null(await system.Get<ConsentQuestions>().FindAsync(token, Stop));
    }

    [Fact]
    public async Task Agreement_with_evidence_that_the_policy_takes_needs_no_mail_and_one_behind_a_gate_needs_a_person()
    {
        const string domain = "evident.example";
        await system.AdmitAsync(domain);
        var evidence = new ConsentEvidence(system.Time.GetUtcNow().AddDays(-3), "192.0.2.9", "Forward my mail, please.");
        var taken = await system.ProposeAsync(NegotiationSystem.Proposal(domain, "eve@b.example", "dot-forward", "eve", evidence: evidence));
        await system.UntilAsync(taken, AgreementStatus.ActiveProbation);

        // Of another category the same evidence is a claim, and the user is asked.
        var asked = await system.ProposeAsync(NegotiationSystem.Proposal(domain, "ada@b.example", "newsletter", evidence: evidence));
        var (_, mail) = Assert.Single(await system.MailsAsync("ada@b.example", 1));
        Assert.NotEqual("", NegotiationSystem.TokenOf(mail));
        Assert.Equal(AgreementStatus.AwaitingConsent, (await system.StateAsync(asked)).Status);
        Assert.Empty(await system.MailsAsync("eve@b.example", 0));

        var gated = await ConsentedAsync(domain, "gus@b.example", "backup-mx");
        Assert.Equal(["category"], (await system.UntilAsync(gated, AgreementStatus.AwaitingApproval)).Gates);
        await UntilNegotiationAsync(gated, "AwaitingApproval");
        await system.RestartAsync();
        Assert.Null((await system.DecideAsync(gated, new Approve(NegotiationSystem.Operator, 1, null))).Refusal);
        await UntilNegotiationAsync(gated, "InForce");

        var late = await ConsentedAsync(domain, "leo@b.example", "backup-mx");
        await UntilNegotiationAsync(late, "AwaitingApproval");
        system.Jump(TimeSpan.FromDays(30) + TimeSpan.FromMinutes(1));
        await system.UntilAsync(late, AgreementStatus.Expired);
    }

    [Fact]
    public async Task Agreement_that_nobody_answers_is_reminded_of_once_expires_and_can_be_resumed()
    {
        const string domain = "ignored.example";
        const string user = "ivy@b.example";
        await system.AdmitAsync(domain);
        var id = await system.ProposeAsync(NegotiationSystem.Proposal(domain, user));
        await system.MailsAsync(user, 1);
        await UntilNegotiationAsync(id, "AwaitingConsent");
        system.Jump(TimeSpan.FromDays(5) + TimeSpan.FromMinutes(1));
        Assert.Contains("this is a reminder", NegotiationSystem.Flat((await system.MailsAsync(user, 2))[1].Text), StringComparison.Ordinal);
        await system.UntilSagaAsync("negotiation_state", NegotiationState.IdOf(id.ToString()), saga => saga.GetProperty("reminders").GetInt32() == 1);
        system.Jump(TimeSpan.FromDays(5) + TimeSpan.FromMinutes(1));
        await system.UntilSagaAsync(
            "negotiation_state", NegotiationState.IdOf(id.ToString()), saga => saga.GetProperty("asked").GetString() == "enough");
        system.Jump(TimeSpan.FromDays(10));
        await system.UntilAsync(id, AgreementStatus.Expired);
        await UntilNegotiationAsync(id, "Ended");
        Assert.Equal(2, (await system.MailsAsync(user, 2)).Count);

        Assert.Null((await system.DecideAsync(id, new Reopen(new(ActorKind.User, user)))).Refusal);
        await UntilNegotiationAsync(id, "AwaitingConsent");
        Assert.Equal(3, (await system.MailsAsync(user, 3)).Count);
    }

    [Fact]
    public async Task Agreement_in_force_is_promoted_by_its_history_and_other_terms_lapse_when_nobody_accepts_them()
    {
        const string domain = "steady.example";
        const string user = "sam@b.example";
        await system.AdmitAsync(domain);
        var id = await ActiveAsync(domain, user);
        var counter = new Actor(ActorKind.System, "counter");
        var today = DateOnly.FromDateTime(system.Time.GetUtcNow().UtcDateTime);
        for (var day = 0; day < 3; day++)
        {
            await system.DecideAsync(id, new RecordTraffic(counter, today.AddDays(day), 5));
        }

        await UntilNegotiationAsync(id, "InForce");
        system.Jump(TimeSpan.FromDays(14) + TimeSpan.FromMinutes(1));
        await system.UntilAsync(id, AgreementStatus.ActiveEstablished);

        var asked = await system.DecideAsync(id, new ProposeTerms(new(ActorKind.Forwarder, domain), NegotiationSystem.Terms(rate: 500), null));
        Assert.Equal(AgreementStatus.Renegotiating, asked.State.Status);
        var mails = await system.MailsAsync(user, 2);
        Assert.Contains("on other terms", NegotiationSystem.Flat(mails[^1].Text), StringComparison.Ordinal);
        Assert.Contains("up to 500 messages", NegotiationSystem.Flat(mails[^1].Text), StringComparison.Ordinal);
        Assert.Equal(100, asked.State.TermsInForce(system.Time.GetUtcNow())!.Rate);
        await system.UntilSagaAsync("negotiation_state", NegotiationState.IdOf(id.ToString()), saga => saga.GetProperty("askedVersion").GetInt32() == 2);
        system.Jump(TimeSpan.FromDays(14) + TimeSpan.FromMinutes(1));
        var after = await system.UntilAsync(id, AgreementStatus.ActiveEstablished);
        Assert.Equal((1, TermsStanding.Lapsed), (after.Version, after.Versions[1].Standing));
    }

    [Fact]
    public async Task Flood_of_proposals_by_many_forwarders_asks_one_user_no_more_than_the_caps_say()
    {
        const string user = "bombed@b.example";
        var forwarders = Enumerable.Range(0, 8).Select(i => $"flood{i}.example").ToList();

        // Together, so that the long way is gone once.
        foreach (var domain in forwarders)
        {
            await system.MakeContactAsync(domain);
            await system.AnswerChallengeAsync(domain);
        }

        system.Jump(TimeSpan.FromMinutes(6));
        foreach (var domain in forwarders)
        {
            await system.UntilAsync(domain, OrganizationStatus.Waiting);
        }

        system.Jump(TimeSpan.FromDays(1) + TimeSpan.FromMinutes(1));
        foreach (var domain in forwarders)
        {
            await system.UntilAsync(domain, OrganizationStatus.Verified);
        }

        // All at once, before a single question counts; then whoever is slower is turned away at the door.
        var answers = await Task.WhenAll(forwarders.Select(domain => system.Agreements.ProposeAsync(
            NegotiationSystem.Proposal(domain, user), new(ActorKind.Forwarder, domain), NegotiationSystem.NetworkOf(domain), null, Stop)));
        Assert.All(answers, answer => Assert.True(answer.Refusal is null || answer.Refusal.Code == OrganizationRefusals.RecipientReached.Code, answer.Refusal?.Code));
        var admitted = answers.Where(answer => answer.Refusal is null).Select(answer => answer.Id!.Value).ToList();
        List<ConsentOutcome> outcomes = [];
        foreach (var id in admitted)
        {
            var saga = await system.UntilSagaAsync(
                "negotiation_state", NegotiationState.IdOf(id.ToString()), saga => saga.TryGetProperty("asked", out var asked) && asked.ValueKind == System.Text.Json.JsonValueKind.String);
            outcomes.Add(saga.GetProperty("asked").GetString() == "asked" ? ConsentOutcome.Asked : ConsentOutcome.TooManyNow);
        }

        Assert.Equal(Math.Min(5, admitted.Count), outcomes.Count(outcome => outcome == ConsentOutcome.Asked));
        Assert.Equal(5, (await system.MailsAsync(user, 5)).Count);

        // Sub-addresses are the same user.
        var again = await system.Agreements.ProposeAsync(
            NegotiationSystem.Proposal(forwarders[0], "bombed+1@b.example", subscription: "other"), new(ActorKind.Forwarder, forwarders[0]), NegotiationSystem.NetworkOf(forwarders[0]), null, Stop);
        Assert.Equal(OrganizationRefusals.RecipientReached.Code, again.Refusal?.Code);

        // Those that had to wait are asked later, without anybody's doing.
        system.Jump(TimeSpan.FromDays(1));
        Assert.Equal(admitted.Count, (await system.MailsAsync(user, admitted.Count)).Count);
    }

    private async Task<AgreementId> ConsentedAsync(string domain, string user, string category = "mailing-list")
    {
        var id = await system.ProposeAsync(NegotiationSystem.Proposal(domain, user, category));
        var (_, mail) = (await system.MailsAsync(user, 1))[^1];
        var question = await system.Get<ConsentQuestions>().FindAsync(NegotiationSystem.TokenOf(mail), Stop);
        Assert.Null((await system.DecideAsync(id, new GiveConsent(new(ActorKind.User, user), 1, new(ConsentMeans.MailLink, "192.0.2.7", question!.Text), Risk: 0))).Refusal);
        return id;
    }

    private async Task<AgreementId> ActiveAsync(string domain, string user)
    {
        var id = await ConsentedAsync(domain, user);
        await UntilNegotiationAsync(id, "InForce");
        return id;
    }

    private Task UntilNegotiationAsync(AgreementId id, string state) =>
        system.UntilSagaAsync("negotiation_state", NegotiationState.IdOf(id.ToString()), saga => saga.GetProperty("currentState").GetString() == state);

    private Task UntilLookAsync(string domain, Func<FirstContactState, bool> until) => system.UntilSagaAsync(
        "first_contact_state", FirstContactState.IdOf(domain), saga => until(System.Text.Json.JsonSerializer.Deserialize<FirstContactState>(saga, SagaJson.Options)!));
}

internal static class SagaJson
{
    public static System.Text.Json.JsonSerializerOptions Options { get; } = new(System.Text.Json.JsonSerializerDefaults.Web)
    {
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter(System.Text.Json.JsonNamingPolicy.KebabCaseLower) },
    };
}
