using System.Text;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Callbacks;
using Mailkey.Agreements.Tests.Agreements;

namespace Mailkey.Agreements.Tests.Negotiation;

/// <summary>What forwarders' programs read: names and words stay.</summary>
public sealed class CallbackBodyTests
{
    private static readonly Guid Id = new("01980000-0000-7000-8000-000000000001");

    [Fact]
    public void CallbackBody_is_written_as_it_always_was()
    {
        var story = Story.At(AgreementStatus.ActiveProbation);
        var activated = (AgreementActivated)story.Events[^1];
        var body = CallbackBody.Of(Id, "abc", activated, 6, Story.Start, "system:negotiation", story.State);
        Assert.Equal(
            """{"id":"01980000-0000-7000-8000-000000000001","agreement":"abc","event":"agreement-activated","version":6,"at":"2026-11-02T08:00:00+00:00","by":"system","status":"active-probation","binding":1,"terms":{"dnsbl":"skip","spf":"ignore","mailkey":"ignore-recipient-binding","feedback":{"format":"arf","address":"abuse@a.example"},"rate":200,"size":20971520}}""",
            Encoding.UTF8.GetString(body.ToJson()));
    }

    [Fact]
    public void CallbackBody_says_in_what_role_and_not_who_and_keeps_the_reason_of_a_user_to_itself()
    {
        var story = Story.At(AgreementStatus.ActiveProbation);
        var revoked = new AgreementRevoked(Party.User, "I never liked them");
        var body = CallbackBody.Of(Id, "abc", revoked, 7, Story.Start, "user:alice@b.example", Agreement.Evolve(story.State, revoked));
        Assert.Equal(
            """{"id":"01980000-0000-7000-8000-000000000001","agreement":"abc","event":"agreement-revoked","version":7,"at":"2026-11-02T08:00:00+00:00","by":"user","status":"revoked"}""",
            Encoding.UTF8.GetString(body.ToJson()));
    }

    [Fact]
    public void CallbackEvents_are_those_that_change_what_may_be_sent()
    {
        Assert.Equal(
            ["agreement-activated", "terms-proposed", "terms-accepted", "terms-agreed", "terms-declined", "terms-withdrawn", "terms-lapsed", "address-leaked", "message-replayed", "agreement-promoted", "agreement-demoted", "agreement-paused",
                "agreement-resumed", "agreement-suspended", "suspension-lifted", "agreement-refused", "agreement-expired", "agreement-reopened", "agreement-revoked"],
            AgreementEvents.All.Select(e => e.Name).Where(CallbackEvents.IsTold));
        Assert.True(CallbackEvents.IsTold("terms-proposed.v2"));
        Assert.False(CallbackEvents.IsTold("complaint-received"));
    }
}
