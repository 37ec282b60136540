using System.Net;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Organizations;

namespace Mailkey.Agreements.Tests.Organizations;

public sealed class OrganizationTests
{
    [Fact]
    public void Organization_needs_key_and_domain_and_time()
    {
        var story = new OrganizationStory().Do(OrganizationStory.Contact).Refused(OrganizationRefusals.ProofFirst, OrganizationStory.Proposal());
        story.Do(OrganizationStory.Key).Nothing(OrganizationStory.Key);
        Assert.Equal(OrganizationStatus.AwaitingProof, story.State.Status);
        story.Do(OrganizationStory.Dns);
        Assert.Equal(OrganizationStatus.Waiting, story.State.Status);
        story.Refused(OrganizationRefusals.Waiting, OrganizationStory.Proposal());
        story.After(TimeSpan.FromDays(1) - TimeSpan.FromTicks(1)).Nothing(OrganizationStory.Tick);
        story.After(TimeSpan.FromTicks(1)).Do(OrganizationStory.Tick).Nothing(OrganizationStory.Tick);
        Assert.Equal(OrganizationStatus.Verified, story.State.Status);
        story.Do(OrganizationStory.Proposal());
    }

    [Fact]
    public void Organization_that_does_not_prove_itself_in_time_lapses_and_may_come_again()
    {
        var story = new OrganizationStory().Do(OrganizationStory.Contact, OrganizationStory.Key).After(TimeSpan.FromDays(7));
        story.Refused(OrganizationRefusals.Deadline, OrganizationStory.Dns).Do(OrganizationStory.Tick);
        Assert.Equal(OrganizationStatus.Lapsed, story.State.Status);
        story.Do(OrganizationStory.Contact with { Challenge = "challenge-2" });
        Assert.Empty(story.State.Proofs);
        Assert.Equal("challenge-2", story.State.Challenge);
    }

    [Fact]
    public void Organization_is_let_in_by_a_person_where_one_is_asked_for()
    {
        var story = OrganizationStory.At(OrganizationStatus.AwaitingApproval).Refused(OrganizationRefusals.ApprovalNeeded, OrganizationStory.Proposal());
        story.Do(new ApproveOrganization(OrganizationStory.Operator, null)).Nothing(new ApproveOrganization(OrganizationStory.Operator, null));
        Assert.Equal(OrganizationStatus.Verified, story.State.Status);

        OrganizationStory.At(OrganizationStatus.AwaitingApproval).After(TimeSpan.FromDays(30)).Refused(OrganizationRefusals.Deadline, new ApproveOrganization(OrganizationStory.Operator, null));
        OrganizationStory.At(OrganizationStatus.Waiting).Do(new ApproveOrganization(OrganizationStory.Operator, "we know them"));
    }

    [Theory]
    [InlineData("postmaster", "https://a.example/x")]
    [InlineData("postmaster@a.example", "http://a.example/x")]
    [InlineData("postmaster@a.example", "https://user@a.example/x")]
    [InlineData("postmaster@a.example", "https://a.example:8443/x")]
    [InlineData("postmaster@a.example", "https://127.0.0.1/x")]
    [InlineData("postmaster@a.example", "https://[::1]/x")]
    [InlineData("postmaster@a.example", "https://a.example/x#y")]
    [InlineData("postmaster@a.example", "file:///etc/passwd")]
    [InlineData("postmaster@a.example", "https://b.example/x")]
    [InlineData("postmaster@a.example", "https://nota.example/x")]
    [InlineData("postmaster@a.example", "https://a.example.b.example/x")]
    [InlineData("postmaster@a.example", "")]
    public void Organization_says_how_it_can_be_reached(string contact, string callback) =>
        new OrganizationStory().Refused(OrganizationRefusals.ContactInvalid, OrganizationStory.Contact with { Contact = contact, Callback = callback });

    [Fact]
    public void Organization_may_move()
    {
        var story = OrganizationStory.At(OrganizationStatus.Verified).Nothing(OrganizationStory.Contact);
        story.Do(OrganizationStory.Contact with { Callback = "https://new.a.example/x", Load = new(99, 999) });
        Assert.Equal(new OrganizationContactChanged("postmaster@a.example", "https://new.a.example/x"), story.Events[^1]);
        story.Refused(OrganizationRefusals.NotYours, OrganizationStory.Contact with { Domain = "c.example" });
    }

    [Fact]
    public void First_contacts_are_capped_by_network_and_day()
    {
        new OrganizationStory().Refused(OrganizationRefusals.TooManyContacts, OrganizationStory.Contact with { Load = new(3, 3) });
        new OrganizationStory().Refused(OrganizationRefusals.TooManyContacts, OrganizationStory.Contact with { Load = new(0, 100) });
        new OrganizationStory().Do(OrganizationStory.Contact with { Load = new(2, 99) });
    }

    [Fact]
    public void Proposals_are_capped_by_organisation_network_and_recipient()
    {
        var story = OrganizationStory.At(OrganizationStatus.Verified);
        story.Refused(OrganizationRefusals.NetworkReached, OrganizationStory.Proposal(fromNetwork: 5000));
        story.Refused(OrganizationRefusals.RecipientReached, OrganizationStory.Proposal(consentsToday: 5));
        story.Refused(OrganizationRefusals.RecipientReached, OrganizationStory.Proposal(consentsWaiting: 20));
        var first = OrganizationStory.Proposal();
        story.Do(first).Nothing(first);
        for (var i = 1; i < 50; i++)
        {
            story.Do(OrganizationStory.Proposal());
        }

        story.Nothing(first).Refused(OrganizationRefusals.ProposalsReached, OrganizationStory.Proposal());

        // A new day, in UTC.
        story.Now = new(story.Day.AddDays(1), TimeOnly.MinValue, TimeSpan.Zero);
        story.Do(OrganizationStory.Proposal());
        Assert.Single(story.State.Admitted);
    }

    [Fact]
    public void Agreements_are_capped_in_probation()
    {
        var story = OrganizationStory.At(OrganizationStatus.Verified);
        story.Do(new RecordHistory(OrganizationStory.System, story.Day, 199, 10, 0, 0), OrganizationStory.Proposal());
        story.Do(new RecordHistory(OrganizationStory.System, story.Day, 200, 10, 0, 0)).Refused(OrganizationRefusals.AgreementsReached, OrganizationStory.Proposal());
    }

    [Fact]
    public void Caps_do_not_end_by_lapsing_and_coming_again()
    {
        var story = OrganizationStory.At(OrganizationStatus.Verified);
        story.Policy = story.Policy with { ProposalsInProbation = 1, WaitingPeriod = TimeSpan.Zero };
        story.Do(OrganizationStory.Proposal(), new BanOrganization(OrganizationStory.Operator, "by mistake"), new LiftBan(OrganizationStory.Operator));
        story.Do(OrganizationStory.Contact, OrganizationStory.Key, OrganizationStory.Dns);
        Assert.Equal(OrganizationStatus.Verified, story.State.Status);
        story.Refused(OrganizationRefusals.ProposalsReached, OrganizationStory.Proposal());
    }

    [Fact]
    public void Standing_says_what_would_raise_it()
    {
        var story = OrganizationStory.At(OrganizationStatus.Verified).Do(OrganizationStory.Proposal());
        var standing = OrganizationStanding.Of(story.State, story.Policy, story.Now);
        Assert.Equal((OrganizationStatus.Verified, OrganizationTrust.Probation, 49), (standing.Status, standing.Trust, standing.ProposalsLeftToday));
        Assert.Equal([new("days-of-probation-left", 30, 0), new("messages", 0, 500), new("days-with-messages", 0, 10)], standing.Missing);
        story.Refused(OrganizationRefusals.HistoryTooShort, new ReviewOrganization(OrganizationStory.System));

        story.Days(10, messages: 50, complaints: 1).After(TimeSpan.FromDays(30));
        standing = OrganizationStanding.Of(story.State, story.Policy, story.Now);
        Assert.Equal([new("reports-per-thousand", 20, 5)], standing.Missing);

        story.Days(1, messages: 2000);
        Assert.Empty(OrganizationStanding.Of(story.State, story.Policy, story.Now).Missing);
        story.Do(new ReviewOrganization(OrganizationStory.System)).Nothing(new ReviewOrganization(OrganizationStory.System));
        Assert.Equal(OrganizationTrust.Established, story.State.Trust);
        Assert.Equal(5000, OrganizationStanding.Of(story.State, story.Policy, story.Now).ProposalsLeftToday);
    }

    [Fact]
    public void Complaints_demote_and_then_suspend()
    {
        var story = OrganizationStory.At(OrganizationStatus.Verified).Days(11, messages: 100).After(TimeSpan.FromDays(30)).Do(new ReviewOrganization(OrganizationStory.System));
        story.Days(1, messages: 100, complaints: 10);
        Assert.Equal((OrganizationStatus.Verified, OrganizationTrust.Probation), (story.State.Status, story.State.Trust));
        story.Days(1, messages: 100, complaints: 5);
        Assert.Equal(OrganizationStatus.Verified, story.State.Status);
        story.Days(1, messages: 1, complaints: 1);
        Assert.Equal([OrganizationHold.Complaints], story.State.Holds);
        story.Refused(OrganizationRefusals.Suspended, OrganizationStory.Proposal());
        story.Do(new LiftOrganizationSuspension(OrganizationStory.Operator, OrganizationHold.Complaints));
        Assert.Equal(OrganizationStatus.Verified, story.State.Status);
        Assert.Equal(HistoryCounts.Zero, story.State.History);
    }

    [Fact]
    public void History_of_a_day_is_counted_once()
    {
        var story = OrganizationStory.At(OrganizationStatus.Verified);
        var report = new RecordHistory(OrganizationStory.System, story.Day, 6, 100, 1, 0);
        story.Do(report).Nothing(report).Do(report with { Messages = 120 }).Nothing(report with { Day = story.Day.AddDays(-1) });
        Assert.Equal(new HistoryCounts(120, 1, 0), story.State.History);
        story.Do(report with { Day = story.Day.AddDays(1), Messages = 30 });
        Assert.Equal(new HistoryCounts(150, 2, 0), story.State.History);
        Assert.Equal(2, story.State.HistoryDays);
        story.Refused(OrganizationRefusals.HistoryInvalid, report with { Complaints = -1 });
    }

    [Fact]
    public void Proof_that_is_lost_suspends_until_it_is_given_again()
    {
        var story = OrganizationStory.At(OrganizationStatus.Verified).Do(new LoseProof(OrganizationStory.System, OrganizationProof.Key, "no key set"));
        Assert.Equal([OrganizationHold.Proof], story.State.Holds);
        story.Refused(OrganizationRefusals.Suspended, OrganizationStory.Proposal());
        story.Refused(OrganizationRefusals.ProofFirst, new LiftOrganizationSuspension(OrganizationStory.Operator, OrganizationHold.Proof));
        story.Do(new LoseProof(OrganizationStory.System, OrganizationProof.Dns, "record gone"), OrganizationStory.Key);
        Assert.Equal(OrganizationStatus.Suspended, story.State.Status);
        story.Do(OrganizationStory.Dns);
        Assert.Equal(OrganizationStatus.Verified, story.State.Status);

        story = OrganizationStory.At(OrganizationStatus.Waiting).Do(new LoseProof(OrganizationStory.System, OrganizationProof.Dns, "record gone"));
        Assert.Equal(OrganizationStatus.AwaitingProof, story.State.Status);
    }

    [Fact]
    public void Ban_holds_until_an_operator_lifts_it()
    {
        var story = new OrganizationStory().Do(new BanOrganization(OrganizationStory.Operator, "bad repute")).Refused(OrganizationRefusals.Banned, OrganizationStory.Contact);
        story.Do(new LiftBan(OrganizationStory.Operator), OrganizationStory.Contact);
        Assert.Equal(OrganizationStatus.AwaitingProof, story.State.Status);
    }

    [Theory]
    [InlineData("192.0.2.77", "192.0.2.0/24")]
    [InlineData("::ffff:192.0.2.77", "192.0.2.0/24")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48")]
    public void Network_is_what_one_customer_gets(string address, string network)
    {
        Assert.Equal(network, NetworkPrefix.Of(IPAddress.Parse(address)));
        Assert.True(NetworkPrefix.IsNormal(network));
        Assert.False(NetworkPrefix.IsNormal(address));
    }

    [Theory]
    [InlineData("192.0.2.1/24")]
    [InlineData("192.0.2.0/25")]
    [InlineData("/24")]
    [InlineData("")]
    [InlineData(null)]
    public void Network_has_one_form(string? text) => Assert.False(NetworkPrefix.IsNormal(text));

    [Fact]
    public void Organization_stream_is_named_after_its_domain() => Assert.Equal("organization-a.example", Organization.StreamId("a.example"));

    [Fact]
    public void Actor_is_written_with_its_role() =>
        Assert.Equal(["user:x", "forwarder:x", "operator:x", "system:x"], Enum.GetValues<ActorKind>().Select(kind => new Actor(kind, "x").ToString()));
}
