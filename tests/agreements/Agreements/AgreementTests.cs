using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;

namespace Mailkey.Agreements.Tests.Agreements;

public sealed class AgreementTests
{
    private static readonly TimeSpan ThirtyDays = TimeSpan.FromDays(30);

    private static string Names(Decision<AgreementEvent> decision) => string.Join(' ', decision.Events.Select(e => e.GetType().Name));

    [Fact]
    public void Agreement_comes_into_force_after_proof_and_consent()
    {
        var story = new Story().Do(Story.Proposal);
        Assert.Equal(AgreementStatus.Proposed, story.State.Status);
        Assert.Null(story.State.TermsInForce(story.Now));
        story.Do(Story.Ask, Story.Proof, new RequestConsent(Story.System, 1, Story.Answer.Text, new(0, 0)), Story.Yes);
        Assert.Equal(AgreementStatus.ActiveProbation, story.State.Status);
        Assert.Equal(1, story.State.Version);
        Assert.NotNull(story.State.TermsInForce(story.Now));
    }

    [Fact]
    public void Agreement_in_probation_skips_no_check_and_takes_little()
    {
        var story = Story.At(AgreementStatus.ActiveProbation);
        var terms = story.State.TermsInForce(story.Now)!;
        Assert.Equal(Story.Terms with { Dnsbl = DnsblTerm.Check, Spf = SpfTerm.ForwarderDomain, Rate = 20, Size = 5 << 20 }, terms);
        Assert.False(terms.SkipsChecks);
        Assert.Equal(MailkeyTerm.IgnoreRecipientBinding, terms.Mailkey);

        story.Promote();
        Assert.Equal(AgreementStatus.ActiveEstablished, story.State.Status);
        Assert.Equal(Story.Terms, story.State.TermsInForce(story.Now));
    }

    [Fact]
    public void Agreement_keeps_the_limits_of_the_probation_it_began_with()
    {
        var story = Story.At(AgreementStatus.ActiveProbation);
        story.Policy = story.Policy with { Trust = new() { ProbationRate = 1 } };
        Assert.Equal(20, story.State.TermsInForce(story.Now)!.Rate);
    }

    [Fact]
    public void Consent_is_proven_by_who_when_how_from_where_and_the_text()
    {
        var story = Story.At(AgreementStatus.AwaitingConsent).After(TimeSpan.FromHours(3)).Do(Story.Yes);
        var consent = story.Events.OfType<ConsentGiven>().Single();
        Assert.Equal(1, consent.Version);
        Assert.Equal(Story.User.Id, consent.Consent.Who);
        Assert.Equal(story.Now, consent.Consent.When);
        Assert.Equal(ConsentMeans.Portal, consent.Consent.How);
        Assert.Equal("2001:db8::7", consent.Consent.From);
        Assert.Equal(Story.Answer.Text, consent.Consent.Text);
        Assert.Equal(Consent.HashOf(Story.Answer.Text), consent.Consent.TextHash);
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", Consent.HashOf("abc"));
    }

    [Fact]
    public void Consent_by_mail_must_show_the_words_that_were_asked()
    {
        var story = Story.At(AgreementStatus.AwaitingConsent);
        var byLink = Story.Yes with { Answer = Story.Answer with { How = ConsentMeans.MailLink } };
        story.Refused(AgreementRefusals.ConsentTextDiffers, byLink);
        story.Do(new RequestConsent(Story.System, 1, Story.Answer.Text, new(0, 0)));
        story.Refused(AgreementRefusals.ConsentTextDiffers, byLink with { Answer = byLink.Answer with { Text = "Win a car?" } });
        story.Do(byLink).Nothing(byLink);
        story.Refused(AgreementRefusals.ConsentSettled, Story.Yes with { Answer = Story.Answer with { Text = "Something else?" } });
    }

    [Theory]
    [InlineData(ConsentMeans.Portal, "", "text")]
    [InlineData(ConsentMeans.Portal, "192.0.2.1", "")]
    [InlineData(ConsentMeans.Portal, "192.0.2.1\r\nX: y", "text")]
    [InlineData(ConsentMeans.Portal, "192.0.2.1", "text\u202e")]
    [InlineData(ConsentMeans.ForwarderEvidence, "192.0.2.1", "text")]
    [InlineData(ConsentMeans.OperatorImport, "192.0.2.1", "text")]
    [InlineData((ConsentMeans)77, "192.0.2.1", "text")]
    public void Consent_that_proves_nothing_is_none(ConsentMeans how, string from, string text) =>
        Story.At(AgreementStatus.AwaitingConsent).Refused(AgreementRefusals.ConsentInvalid, Story.Yes with { Answer = new(how, from, text) });

    [Fact]
    public void Consent_is_for_the_terms_that_are_offered_now()
    {
        var story = Story.At(AgreementStatus.AwaitingConsent).Do(new ProposeTerms(Story.Forwarder, Story.Terms with { Rate = 9000 }, null));
        Assert.Equal(2, story.State.Version);
        story.Refused(AgreementRefusals.VersionDiffers, Story.Yes);
        story.Do(Story.Yes with { Version = 2 });
        Assert.Equal(9000, story.State.Terms!.Rate);
    }

    [Fact]
    public void Consent_settles_what_was_asked_for_before_it()
    {
        // Proposed by her when nothing was consented to, and without a text: it must not bind because the forwarder accepts it later.
        var story = Story.At(AgreementStatus.AwaitingConsent).Do(new ProposeTerms(Story.User, Story.Terms with { Rate = 9000 }, null), Story.Yes);
        Assert.Null(story.State.Pending);
        story.Refused(AgreementRefusals.NothingProposed, new AcceptTerms(Story.Forwarder, 2, null));
        Assert.Equal([TermsStanding.Binding, TermsStanding.Withdrawn], story.State.Versions.Select(v => v.Standing));
    }

    [Fact]
    public void Evidence_of_the_forwarder_counts_where_the_operator_says_so()
    {
        var story = Story.At(AgreementStatus.AwaitingConsent).Refused(AgreementRefusals.EvidenceNotAccepted, new AcceptConsentEvidence(Story.System, 0));
        story.Policy = story.Policy with { EvidenceCategories = new HashSet<string>(StringComparer.Ordinal) { "mailing-list" } };
        story.Do(new AcceptConsentEvidence(Story.System, 0));
        var consent = story.Events.OfType<ConsentGiven>().Single().Consent;
        Assert.Equal((ConsentMeans.ForwarderEvidence, Story.Start.AddDays(-400), "Subscribe me to dev."), (consent.How, consent.When, consent.Text));
        Assert.Equal(AgreementStatus.ActiveProbation, story.State.Status);
    }

    [Fact]
    public void Evidence_from_the_future_is_none() =>
        new Story().Refused(AgreementRefusals.ConsentInvalid, Story.Proposal with { Evidence = new(Story.Start.AddMinutes(1), "192.0.2.9", "Subscribe me.") });

    [Fact]
    public void Consent_requests_to_a_user_are_capped_over_all_forwarders()
    {
        RequestConsent Request(string text, int today, int waiting) => new(Story.System, 1, text, new(today, waiting));
        var story = Story.At(AgreementStatus.AwaitingConsent);
        story.Refused(AgreementRefusals.TooManyRequests, Request("one", today: 5, waiting: 0));
        story.Refused(AgreementRefusals.TooManyRequests, Request("one", today: 0, waiting: 20));
        story.Do(Request("one", 4, 19)).Nothing(Request("one", 5, 20));
        story.Do(Request("reminder", 0, 0));
        story.Refused(AgreementRefusals.TooManyRequests, Request("another reminder", 0, 0));
    }

    [Fact]
    public void Approval_is_needed_by_category_forwarder_user_and_risk()
    {
        static HashSet<string> Set(string value) => new(StringComparer.Ordinal) { value };
        (ApprovalGates Gates, int Risk, string[] Expected)[] cases =
        [
            (new(), 100, []),
            (new() { Categories = Set("mailing-list") }, 0, ["category"]),
            (new() { Categories = Set("newsletter") }, 0, []),
            (new() { Forwarders = Set("a.example") }, 0, ["forwarder"]),
            (new() { Users = Set("alice@b.example") }, 0, ["user"]),
            (new() { RiskFrom = 50 }, 49, []),
            (new() { RiskFrom = 50 }, 50, ["risk"]),
            (new() { Categories = Set("mailing-list"), Forwarders = Set("a.example"), Users = Set("alice@b.example"), RiskFrom = 0 }, 0, ["category", "forwarder", "user", "risk"]),
        ];
        foreach (var (gates, risk, expected) in cases)
        {
            var story = Story.At(AgreementStatus.AwaitingConsent);
            story.Policy = story.Policy with { Approval = gates };
            story.Do(Story.Yes with { Risk = risk });
            Assert.Equal(expected, story.State.Gates);
            Assert.Equal(expected.Length > 0 ? AgreementStatus.AwaitingApproval : AgreementStatus.ActiveProbation, story.State.Status);
            Assert.Equal(expected.Length == 0, story.State.TermsInForce(story.Now) is not null);
        }
    }

    [Fact]
    public void Approval_is_for_the_terms_that_were_looked_at()
    {
        var story = Story.At(AgreementStatus.AwaitingApproval).Do(new ProposeTerms(Story.User, Story.Terms with { Rate = 10 }, null));
        story.Refused(AgreementRefusals.VersionDiffers, new Approve(Story.Operator, 1, null));
        story.Do(new Approve(Story.Operator, 2, "fine"));
        Assert.Equal(AgreementStatus.ActiveProbation, story.State.Status);
        Assert.Equal(10, story.State.TermsInForce(story.Now)!.Rate);
    }

    [Fact]
    public void Negotiation_that_nobody_goes_on_with_expires_and_can_be_resumed()
    {
        var story = Story.At(AgreementStatus.AwaitingApproval).After(ThirtyDays).Refused(AgreementRefusals.Deadline, new Approve(Story.Operator, 1, null));
        story.Do(new CheckDeadlines(Story.System)).Nothing(new CheckDeadlines(Story.System));
        Assert.Equal(AgreementStatus.Expired, story.State.Status);
        story.Refused(AgreementRefusals.Ended, new Approve(Story.Operator, 1, null));
        story.Do(new Reopen(Story.Operator)).Nothing(new Reopen(Story.Operator));
        Assert.Equal(AgreementStatus.AwaitingApproval, story.State.Status);
        story.Do(new Approve(Story.Operator, 1, null));
        Assert.Equal(AgreementStatus.ActiveProbation, story.State.Status);
    }

    [Fact]
    public void Negotiation_is_not_resumed_without_end()
    {
        var story = Story.At(AgreementStatus.Expired);
        for (var i = 0; i < story.Policy.Resumptions; i++)
        {
            story.Do(new Reopen(Story.User)).After(ThirtyDays).Do(new CheckDeadlines(Story.System));
        }

        story.Refused(AgreementRefusals.TooManyResumptions, new Reopen(Story.User));
    }

    [Fact]
    public void Terms_with_an_end_end_the_agreement_at_that_moment()
    {
        var story = new Story().Do(Story.Proposal with { Terms = Story.Terms with { Expires = Story.Start.AddDays(10) } }, Story.Ask, Story.Proof, Story.Yes);
        story.After(TimeSpan.FromDays(10) - TimeSpan.FromTicks(1));
        Assert.NotNull(story.State.TermsInForce(story.Now));
        story.Nothing(new CheckDeadlines(Story.System)).After(TimeSpan.FromTicks(1));
        Assert.Null(story.State.TermsInForce(story.Now));
        story.Refused(AgreementRefusals.Deadline, new ProposeTerms(Story.User, Story.Terms, Story.Answer));
        story.Do(new CheckDeadlines(Story.System));
        Assert.Equal(AgreementStatus.Expired, story.State.Status);
        story.Refused(AgreementRefusals.NotResumable, new Reopen(Story.User));
    }

    [Fact]
    public void Renegotiation_by_the_forwarder_keeps_the_old_terms_until_the_user_accepts()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished).Do(new ProposeTerms(Story.Forwarder, Story.Terms with { Rate = 500 }, null));
        Assert.Equal(AgreementStatus.Renegotiating, story.State.Status);
        Assert.Equal(200, story.State.TermsInForce(story.Now)!.Rate);
        story.Refused(AgreementRefusals.NotYours, new AcceptTerms(Story.Forwarder, 2, null));
        story.Refused(AgreementRefusals.ConsentNeeded, new AcceptTerms(Story.User, 2, null));
        story.Refused(AgreementRefusals.VersionDiffers, new AcceptTerms(Story.User, 1, Story.Answer));
        Assert.Equal(200, story.State.TermsInForce(story.Now)!.Rate);
        Assert.Equal("ConsentGiven TermsAccepted TermsAgreed", Names(story.Try(new AcceptTerms(Story.User, 2, Story.Answer))));
        Assert.Equal(500, story.State.TermsInForce(story.Now)!.Rate);
        Assert.Equal(AgreementStatus.ActiveEstablished, story.State.Status);
        Assert.Equal([(1, 200, TermsStanding.Superseded), (2, 500, TermsStanding.Binding)], story.State.Versions.Select(v => (v.Number, v.Terms.Rate, v.Standing)));
    }

    [Fact]
    public void Renegotiation_by_the_user_binds_at_once_when_it_restricts()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished);
        Assert.Equal("TermsProposed TermsAgreed", Names(story.Try(new ProposeTerms(Story.User, Story.Terms with { Dnsbl = DnsblTerm.Check, Rate = 5 }, null))));
        Assert.Equal((DnsblTerm.Check, 5), (story.State.TermsInForce(story.Now)!.Dnsbl, story.State.TermsInForce(story.Now)!.Rate));
    }

    [Fact]
    public void Renegotiation_by_the_user_that_grants_more_needs_consent_and_the_forwarder()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished);
        var more = new ProposeTerms(Story.User, Story.Terms with { Rate = 500 }, null);
        story.Refused(AgreementRefusals.ConsentNeeded, more);
        story.Do(more with { Answer = Story.Answer });
        Assert.Equal(200, story.State.TermsInForce(story.Now)!.Rate);
        story.Refused(AgreementRefusals.NotYours, new AcceptTerms(Story.User, 2, Story.Answer));
        story.Do(new AcceptTerms(Story.Forwarder, 2, null)).Nothing(new AcceptTerms(Story.Forwarder, 2, null));
        Assert.Equal(500, story.State.TermsInForce(story.Now)!.Rate);
    }

    [Fact]
    public void Renegotiation_by_the_operator_that_grants_more_needs_both_sides()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished).Do(new ProposeTerms(Story.Operator, Story.Terms with { Rate = 500 }, null));
        story.Do(new AcceptTerms(Story.Forwarder, 2, null));
        Assert.Equal(200, story.State.TermsInForce(story.Now)!.Rate);
        story.Nothing(new AcceptTerms(Story.Forwarder, 2, null)).Do(new AcceptTerms(Story.User, 2, Story.Answer));
        Assert.Equal(500, story.State.TermsInForce(story.Now)!.Rate);
    }

    [Fact]
    public void Counter_proposal_takes_the_place_of_the_proposal()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished).Do(new ProposeTerms(Story.Forwarder, Story.Terms with { Rate = 500 }, null));
        story.Refused(AgreementRefusals.AlreadyProposed, new ProposeTerms(Story.User, Story.Terms with { Rate = 500 }, Story.Answer));
        story.Do(new ProposeTerms(Story.User, Story.Terms with { Rate = 300 }, Story.Answer));
        story.Refused(AgreementRefusals.VersionDiffers, new AcceptTerms(Story.User, 2, Story.Answer));
        story.Do(new AcceptTerms(Story.Forwarder, 3, null));
        Assert.Equal([TermsStanding.Superseded, TermsStanding.Superseded, TermsStanding.Binding], story.State.Versions.Select(v => v.Standing));
        Assert.Equal(300, story.State.TermsInForce(story.Now)!.Rate);
    }

    [Fact]
    public void Terms_that_are_declined_withdrawn_or_forgotten_change_nothing()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished);
        ProposeTerms Ask(int rate) => new(Story.Forwarder, Story.Terms with { Rate = rate }, null);
        story.Do(Ask(500), new DeclineTerms(Story.User, 2, "too many")).Nothing(new DeclineTerms(Story.User, 2, "too many"));
        story.Do(Ask(501), new DeclineTerms(Story.Operator, 3, null));
        story.Do(Ask(502)).Refused(AgreementRefusals.NotYours, new WithdrawTerms(Story.User, 4)).Do(new WithdrawTerms(Story.Forwarder, 4));
        story.Do(Ask(503)).After(TimeSpan.FromDays(14)).Refused(AgreementRefusals.Deadline, new AcceptTerms(Story.User, 5, Story.Answer)).Do(new CheckDeadlines(Story.System));
        Assert.Equal(
            [TermsStanding.Binding, TermsStanding.Declined, TermsStanding.Declined, TermsStanding.Withdrawn, TermsStanding.Lapsed],
            story.State.Versions.Select(v => v.Standing));
        Assert.Equal(AgreementStatus.ActiveEstablished, story.State.Status);
        Assert.Equal(Story.Terms, story.State.TermsInForce(story.Now));
    }

    [Fact]
    public void Forwarder_does_not_get_what_limits_forbid_by_waiting()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished).Do(new ProposeTerms(Story.Forwarder, Story.Terms with { Rate = 500 }, null));
        story.Policy = story.Policy with { Limits = new() { Rate = 400 } };
        story.Refused(AgreementRefusals.TermsBeyondLimits, new AcceptTerms(Story.User, 2, Story.Answer));
    }

    [Fact]
    public void Forwarder_cannot_make_the_history_grow_without_end()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished);
        for (var i = 0; i < Agreement.MaxVersionsByForwarder - 1; i++)
        {
            story.Do(new ProposeTerms(Story.Forwarder, Story.Terms with { Rate = 300 + i }, null));
        }

        story.Refused(AgreementRefusals.TooManyVersions, new ProposeTerms(Story.Forwarder, Story.Terms with { Rate = 299 }, null));
        story.Do(new ProposeTerms(Story.User, Story.Terms with { Rate = 1 }, null));
    }

    [Fact]
    public void Pause_is_the_users_and_only_the_user_ends_it()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished).Do(new Pause(Story.User)).Nothing(new Pause(Story.User));
        Assert.Null(story.State.TermsInForce(story.Now));
        story.Refused(AgreementRefusals.NotYours, new LiftSuspension(Story.Operator, Hold.Pause));
        story.Do(new Suspend(Story.Operator, "investigation"), new Resume(Story.User));
        Assert.Equal(AgreementStatus.Suspended, story.State.Status);
        story.Do(new LiftSuspension(Story.Operator, Hold.Operator));
        Assert.Equal(AgreementStatus.ActiveEstablished, story.State.Status);
        Assert.Equal(Story.Terms, story.State.TermsInForce(story.Now));
    }

    [Fact]
    public void End_by_either_side_is_final()
    {
        foreach (var actor in new[] { Story.User, Story.Forwarder, Story.Operator, Story.System })
        {
            var story = Story.At(AgreementStatus.Renegotiating).Do(new IssueCredential(Story.Forwarder, "one"), new End(actor, "enough"));
            Assert.Equal(AgreementStatus.Revoked, story.State.Status);
            Assert.Null(story.State.TermsInForce(story.Now));
            Assert.Empty(story.State.Credentials);
            Assert.Null(story.State.Pending);
            story.Nothing(new End(actor, "enough")).Refused(AgreementRefusals.Ended, new Resume(Story.User));
        }
    }

    [Fact]
    public void Trust_rises_with_days_messages_and_time_and_not_before()
    {
        var story = Story.At(AgreementStatus.ActiveProbation);
        ReviewTrust review = new(Story.System);
        void Day(int messages) => story.Do(new RecordTraffic(Story.System, DateOnly.FromDateTime(story.Now.UtcDateTime), messages)).After(TimeSpan.FromDays(1));
        Day(4);
        Day(4);
        story.After(TimeSpan.FromDays(11)).Refused(AgreementRefusals.HistoryTooShort, review);
        story.After(TimeSpan.FromDays(1));
        Assert.Contains("8 of 10 messages", story.Try(review).Refusal!.Text, StringComparison.Ordinal);
        story.Do(new RecordTraffic(Story.System, DateOnly.FromDateTime(story.Now.UtcDateTime.AddDays(-1)), 4));
        story.Do(review);
        Assert.Equal(new AgreementPromoted(12, 3), story.Events[^1]);
    }

    [Fact]
    public void Trust_does_not_rise_over_complaints()
    {
        var story = Story.At(AgreementStatus.ActiveProbation).Do(new Complain(Story.User, ComplaintScope.Message, ComplaintClass.Content, "q1"));
        for (var day = 0; day < 14; day++)
        {
            story.Do(new RecordTraffic(Story.System, DateOnly.FromDateTime(story.Now.UtcDateTime), 3)).After(TimeSpan.FromDays(1));
        }

        story.Refused(AgreementRefusals.HistoryTooShort, new ReviewTrust(Story.System));
        story.Do(new RecordTraffic(Story.System, DateOnly.FromDateTime(story.Now.UtcDateTime), 20)).Do(new ReviewTrust(Story.System));
    }

    [Fact]
    public void Traffic_of_a_day_is_counted_once()
    {
        var day = new DateOnly(2026, 11, 20);
        var story = Story.At(AgreementStatus.ActiveProbation).Do(new RecordTraffic(Story.System, day, 5)).Nothing(new RecordTraffic(Story.System, day, 5));
        story.Nothing(new RecordTraffic(Story.System, day, 4)).Do(new RecordTraffic(Story.System, day, 8)).Nothing(new RecordTraffic(Story.System, day.AddDays(-1), 9));
        Assert.Equal(new TrafficHistory(8, 1, day, 8), story.State.Traffic);
    }

    [Theory]
    [InlineData(ComplaintClass.Content, ComplaintScope.Message, 3)]
    [InlineData(ComplaintClass.Content, ComplaintScope.Series, 1)]
    [InlineData(ComplaintClass.UnsubscribeIgnored, ComplaintScope.Message, 1)]
    [InlineData(ComplaintClass.UnsubscribeIgnored, ComplaintScope.Series, 1)]
    [InlineData(ComplaintClass.NoOptIn, ComplaintScope.Message, 1)]
    [InlineData(ComplaintClass.NoOptIn, ComplaintScope.Series, 1)]
    [InlineData(ComplaintClass.ForgedIdentity, ComplaintScope.Message, 1)]
    [InlineData(ComplaintClass.ForgedIdentity, ComplaintScope.Series, 1)]
    public void Complaints_suspend_in_probation_by_class_and_scope(ComplaintClass @class, ComplaintScope scope, int count)
    {
        var story = Story.At(AgreementStatus.ActiveProbation);
        for (var i = 1; i <= count; i++)
        {
            Assert.Equal(AgreementStatus.ActiveProbation, story.State.Status);
            story.Do(new Complain(Story.User, scope, @class, $"q{i}")).Nothing(new Complain(Story.User, scope, @class, $"q{i}"));
        }

        Assert.Equal(AgreementStatus.Suspended, story.State.Status);
        Assert.Equal([Hold.Complaints], story.State.Holds);
        Assert.Contains(KebabCase<ComplaintClass>.Word(@class), story.Events.OfType<AgreementSuspended>().Single().Reason, StringComparison.Ordinal);
        story.Do(new LiftSuspension(Story.Operator, Hold.Complaints));
        Assert.Empty(story.State.Complaints);
        Assert.Equal(AgreementStatus.ActiveProbation, story.State.Status);
    }

    [Fact]
    public void One_message_is_bad_and_the_newsletter_stays()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished);
        story.Do(new Complain(Story.User, ComplaintScope.Message, ComplaintClass.Content, "q1"), new Complain(Story.User, ComplaintScope.Message, ComplaintClass.Content, "q2"));
        Assert.Equal(AgreementStatus.ActiveEstablished, story.State.Status);
        story.Do(new Complain(Story.User, ComplaintScope.Message, ComplaintClass.Content, "q3"));
        Assert.Equal(AgreementStatus.ActiveProbation, story.State.Status);
        Assert.Equal(DemotionReason.Complaints, story.Events.OfType<AgreementDemoted>().Single().Reason);
        Assert.False(story.State.TermsInForce(story.Now)!.SkipsChecks);
        story.Do(new Complain(Story.User, ComplaintScope.Series, ComplaintClass.Content, "r1"));
        Assert.Equal(AgreementStatus.Suspended, story.State.Status);
    }

    [Fact]
    public void Complaint_after_the_end_is_heard()
    {
        var story = Story.At(AgreementStatus.Revoked).Do(new Complain(Story.User, ComplaintScope.Message, ComplaintClass.UnsubscribeIgnored, "q9"));
        Assert.Equal(new ComplaintReceived(ComplaintScope.Message, ComplaintClass.UnsubscribeIgnored, "q9"), story.Events[^1]);
        Assert.Equal(AgreementStatus.Revoked, story.State.Status);
    }

    [Fact]
    public void Complaints_do_not_make_the_history_grow_without_end()
    {
        var story = Story.At(AgreementStatus.Revoked);
        for (var i = 0; i < Agreement.MaxReports; i++)
        {
            story.Do(new Complain(Story.User, ComplaintScope.Message, ComplaintClass.Content, $"q{i}"));
        }

        story.Refused(AgreementRefusals.TooManyReports, new Complain(Story.User, ComplaintScope.Message, ComplaintClass.Content, "one more"));
        story.Nothing(new Complain(Story.User, ComplaintScope.Message, ComplaintClass.Content, "q7"));
    }

    [Fact]
    public void Misuse_leaves_room_for_complaints()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished);
        for (var i = 0; i < Agreement.MaxReports; i++)
        {
            story.Do(new ReportMisuse(Story.System, MisuseKind.WrongReference, $"q{i}"));
        }

        story.Refused(AgreementRefusals.TooManyReports, new ReportMisuse(Story.System, MisuseKind.WrongReference, "one more"));
        story.Do(new Complain(Story.User, ComplaintScope.Message, ComplaintClass.Content, "q1"));
    }

    [Fact]
    public void Forwarder_does_not_make_the_history_grow_without_end()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished);
        for (var i = 0; i < Agreement.MaxIssued; i++)
        {
            if (i % 2 == 0)
            {
                story.Do(new IssueCredential(Story.Forwarder, $"c{i}"));
            }
            else
            {
                story.Do(new AssignAddress(Story.System, UniqueAddress.Mint("alice@b.example").ToString(), story.State.Address));
            }
        }

        story.Refused(AgreementRefusals.TooManyIssued, new IssueCredential(Story.Forwarder, "more"));
        story.Refused(AgreementRefusals.TooManyIssued, new AssignAddress(Story.System, UniqueAddress.Mint("alice@b.example").ToString(), story.State.Address));

        // Who is protected by a new address gets one.
        story.Do(new AssignAddress(Story.User, UniqueAddress.Mint("alice@b.example").ToString(), story.State.Address));
    }

    [Theory]
    [InlineData(MisuseKind.ForeignReference, 1, Hold.Misuse)]
    [InlineData(MisuseKind.WrongReference, 5, Hold.Misuse)]
    [InlineData(MisuseKind.SuddenVolume, 1, Hold.Misuse)]
    public void Misuse_suspends(MisuseKind kind, int count, Hold hold)
    {
        var story = Story.At(AgreementStatus.ActiveEstablished);
        for (var i = 1; i <= count; i++)
        {
            Assert.Equal(AgreementStatus.ActiveEstablished, story.State.Status);
            story.Do(new ReportMisuse(Story.System, kind, $"s{i}")).Nothing(new ReportMisuse(Story.System, kind, $"s{i}"));
        }

        Assert.Equal([hold], story.State.Holds);
        Assert.Equal(KebabCase<MisuseKind>.Word(kind), story.Events.OfType<AgreementSuspended>().Single().Reason);
        story.Refused(AgreementRefusals.NotYours, new LiftSuspension(Story.System, hold));
        story.Do(new LiftSuspension(Story.Operator, hold));
        Assert.Equal(AgreementStatus.ActiveProbation, story.State.Status);
        Assert.Equal(TrafficHistory.Empty, story.State.Traffic);
    }

    [Fact]
    public void Sudden_volume_is_a_brake()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished);
        var day = DateOnly.FromDateTime(story.Now.UtcDateTime);
        story.Do(new RecordTraffic(Story.System, day, 100));
        Assert.Equal(AgreementStatus.ActiveEstablished, story.State.Status);
        Assert.Equal("TrafficRecorded MisuseObserved AgreementSuspended", Names(story.Try(new RecordTraffic(Story.System, day, 101))));
        Assert.Null(story.State.TermsInForce(story.Now));
        Assert.Equal("TrafficRecorded", Names(story.Try(new RecordTraffic(Story.System, day, 5000))));
    }

    [Fact]
    public void Leaked_address_raises_the_alarm_once_and_stops_nothing()
    {
        var (first, second) = (UniqueAddress.Mint("alice@b.example").ToString(), UniqueAddress.Mint("alice@b.example").ToString());
        var story = Story.At(AgreementStatus.ActiveEstablished).Do(new AssignAddress(Story.System, first, null)).Nothing(new AssignAddress(Story.System, first.ToUpperInvariant(), null));
        var terms = story.State.TermsInForce(story.Now);
        Assert.Equal("AddressLeaked", Names(story.Try(new ReportMisuse(Story.System, MisuseKind.AddressUsedByAnother, "s1"))));
        for (var i = 1; i <= Agreement.MaxReports + 1; i++)
        {
            story.Nothing(new ReportMisuse(Story.System, MisuseKind.AddressUsedByAnother, $"s{i}"));
        }

        // Neither the user's mail, nor the forwarder's name, nor the room for the user's complaints is a stranger's.
        Assert.Equal(AgreementStatus.ActiveEstablished, story.State.Status);
        Assert.Equal(terms, story.State.TermsInForce(story.Now));
        Assert.Equal(first, story.State.LeakedAddress);
        Assert.Empty(story.State.Misuse);
        Assert.Empty(story.State.Reports);

        story.Refused(AgreementRefusals.AddressExists, new AssignAddress(Story.User, second, null));
        story.Do(new AssignAddress(Story.User, second, first));
        Assert.Equal(second, story.State.Address);
        Assert.Null(story.State.LeakedAddress);
        Assert.Equal(AgreementStatus.ActiveEstablished, story.State.Status);
        story.Do(new ReportMisuse(Story.System, MisuseKind.AddressUsedByAnother, "s1"));
        Assert.Equal(second, story.State.LeakedAddress);
    }

    [Fact]
    public void Replayed_message_raises_the_alarm_once_a_week_and_stops_nothing()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished);
        var terms = story.State.TermsInForce(story.Now);
        Assert.Equal("MessageReplayed", Names(story.Try(new ReportMisuse(Story.System, MisuseKind.MessageReplayed, "q1"))));
        for (var i = 1; i <= Agreement.MaxReports + 1; i++)
        {
            story.Nothing(new ReportMisuse(Story.System, MisuseKind.MessageReplayed, $"q{i}"));
        }

        Assert.Equal((AgreementStatus.ActiveEstablished, terms), (story.State.Status, story.State.TermsInForce(story.Now)));
        Assert.Empty(story.State.Misuse);
        Assert.Empty(story.State.Reports);

        story.After(TimeSpan.FromDays(6)).Nothing(new ReportMisuse(Story.System, MisuseKind.MessageReplayed, "later"));
        story.After(TimeSpan.FromDays(1));
        Assert.Equal("MessageReplayed", Names(story.Try(new ReportMisuse(Story.System, MisuseKind.MessageReplayed, "later"))));
    }

    [Fact]
    public void Leaked_address_suspends_where_the_operator_wants_it_and_is_replaced_by_one_click()
    {
        var policy = AgreementPolicy.Default with { Trust = new() { SuspendsOnLeak = true } };
        var (first, second) = (UniqueAddress.Mint("alice@b.example").ToString(), UniqueAddress.Mint("alice@b.example").ToString());
        var story = Story.At(AgreementStatus.ActiveEstablished).Do(new AssignAddress(Story.System, first, null));
        var decision = Agreement.Decide(story.State, new ReportMisuse(Story.System, MisuseKind.AddressUsedByAnother, "s1"), policy, story.Now);
        Assert.Equal("AddressLeaked AgreementSuspended", string.Join(" ", decision.Events.Select(e => e.GetType().Name)));
        var held = decision.Events.Aggregate(story.State, Agreement.Evolve);
        Assert.Equal([Hold.AddressLeak], held.Holds);
        Assert.Null(held.TermsInForce(story.Now));
        Assert.True(AgreementLifecycle.Rules[story.State.Status, typeof(ReportMisuse)].IsAllowed);
        Assert.Equal(AgreementRefusals.NotYours, Agreement.Decide(held, new LiftSuspension(Story.System, Hold.AddressLeak), policy, story.Now).Refusal);

        var replaced = Agreement.Decide(held, new AssignAddress(Story.User, second, first), policy, story.Now).Events.Aggregate(held, Agreement.Evolve);
        Assert.Equal((second, AgreementStatus.ActiveProbation), (replaced.Address, replaced.Status));
    }

    [Fact]
    public void Address_is_made_for_this_recipient()
    {
        var story = Story.At(AgreementStatus.ActiveEstablished);
        foreach (var address in new[] { "alice@b.example", UniqueAddress.Mint("bob@b.example").ToString(), UniqueAddress.Mint("alice@c.example").ToString(), "" })
        {
            story.Refused(AgreementRefusals.AddressInvalid, new AssignAddress(Story.System, address, null));
        }

        story = new Story().Do(Story.Proposal with { Methods = [AgreementMethod.Reference] }, Story.Proof, Story.Yes);
        story.Refused(AgreementRefusals.MethodNotAgreed, new AssignAddress(Story.System, UniqueAddress.Mint("alice@b.example").ToString(), null));
        story.Refused(AgreementRefusals.MethodNotAgreed, new IssueCredential(Story.Forwarder, "one"));
    }

    [Fact]
    public void Credentials_are_rotated_with_overlap()
    {
        var story = Story.At(AgreementStatus.ActiveProbation).Do(new IssueCredential(Story.Forwarder, "one"), new IssueCredential(Story.Forwarder, "two"));
        Assert.Equal([new("one", story.Now.AddDays(7)), new("two", null)], story.State.Credentials);
        story.Do(new IssueCredential(Story.Forwarder, "three"));
        Assert.Equal(["two", "three"], story.State.Credentials.Select(c => c.Id));
        story.Do(new WithdrawCredential(Story.User, "two")).Nothing(new WithdrawCredential(Story.User, "two"));
        Assert.Equal(["three"], story.State.Credentials.Select(c => c.Id));
        story.Refused(AgreementRefusals.CredentialInvalid, new IssueCredential(Story.Forwarder, "a b"));
    }

    [Fact]
    public void Proposal_is_read_strictly()
    {
        (Propose Proposal, Refusal Refusal)[] bad =
        [
            (Story.Proposal with { Forwarder = "a..example" }, AgreementRefusals.ProposalInvalid),
            (Story.Proposal with { Recipient = "alice" }, AgreementRefusals.ProposalInvalid),
            (Story.Proposal with { Subscription = "dev list" }, AgreementRefusals.ProposalInvalid),
            (Story.Proposal with { Category = "Mailing List" }, AgreementRefusals.ProposalInvalid),
            (Story.Proposal with { Category = new string('a', 33) }, AgreementRefusals.ProposalInvalid),
            (Story.Proposal with { DisplayName = "free\r\nmoney" }, AgreementRefusals.ProposalInvalid),
            (Story.Proposal with { DisplayName = "\u202egnp.exe" }, AgreementRefusals.ProposalInvalid),
            (Story.Proposal with { DisplayName = new string('x', 201) }, AgreementRefusals.ProposalInvalid),
            (Story.Proposal with { Methods = [] }, AgreementRefusals.ProposalInvalid),
            (Story.Proposal with { Methods = [(AgreementMethod)9] }, AgreementRefusals.ProposalInvalid),
            (Story.Proposal with { Forwarder = "c.example" }, AgreementRefusals.NotYours),
            (Story.Proposal with { Terms = Story.Terms with { Rate = 0 } }, AgreementRefusals.TermsInvalid),
        ];
        foreach (var (proposal, refusal) in bad)
        {
            new Story().Refused(refusal, proposal);
        }

        new Story().Do(Story.Proposal with { Category = "my-own-category", DisplayName = null }).Refused(AgreementRefusals.Exists, Story.Proposal);
    }
}
