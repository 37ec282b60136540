using System.Text.Json;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Tests.Agreements;

/// <summary>One agreement as a test tells it.</summary>
internal sealed class Story() : StoryOf<Story, AgreementState, AgreementCommand, AgreementEvent>(AgreementState.None)
{
    public static readonly Actor User = new(ActorKind.User, "alice@b.example");
    public static readonly Actor Forwarder = new(ActorKind.Forwarder, "a.example");
    public static readonly Actor Operator = new(ActorKind.Operator, "postmaster");
    public static readonly Actor System = new(ActorKind.System, "negotiation");

    public static readonly Terms Terms = new()
    {
        Dnsbl = DnsblTerm.Skip,
        Spf = SpfTerm.Ignore,
        Mailkey = MailkeyTerm.IgnoreRecipientBinding,
        Feedback = new(FeedbackFormat.Arf, "abuse@a.example"),
        Rate = 200,
        Size = 20 << 20,
    };

    public static readonly ConsentAnswer Answer = new(ConsentMeans.Portal, "2001:db8::7", "Do you want mail of the list dev of a.example?");

    public AgreementPolicy Policy { get; set; } = AgreementPolicy.Default;

    public static Propose Proposal => new(Forwarder)
    {
        Forwarder = "a.example",
        Recipient = "alice@b.example",
        Account = "alice@b.example",
        Category = "mailing-list",
        Subscription = "dev.lists.a.example",
        DisplayName = "Developers of A",
        Methods = [AgreementMethod.Reference, AgreementMethod.Address, AgreementMethod.Auth],
        Terms = Terms,
        Evidence = new(Start.AddDays(-400), "192.0.2.9", "Subscribe me to dev."),
    };

    /// <summary>A story that has come to a status by the shortest way.</summary>
    /// <param name="expires">When its terms end.</param>
    public static Story At(AgreementStatus status, DateTimeOffset? expires = null)
    {
        var story = new Story();
        var proposal = Proposal with { Terms = Terms with { Expires = expires } };
        if (status is AgreementStatus.AwaitingApproval)
        {
            story.Policy = story.Policy with { Approval = new() { RiskFrom = 50 } };
        }

        AgreementCommand[] steps = status switch
        {
            AgreementStatus.None => [],
            AgreementStatus.Proposed => [proposal],
            AgreementStatus.AwaitingProof => [proposal, Ask],
            AgreementStatus.AwaitingConsent => [proposal, Ask, Proof],
            AgreementStatus.AwaitingApproval => [proposal, Ask, Proof, Yes with { Risk = 50 }],
            AgreementStatus.ActiveProbation => [proposal, Ask, Proof, Yes],
            AgreementStatus.Refused => [proposal, new RefuseConsent(User, null)],
            AgreementStatus.Revoked => [proposal, Ask, Proof, Yes, new End(User, null)],
            _ => [proposal, Ask, Proof, Yes],
        };
        story.Do(steps);
        switch (status)
        {
            case AgreementStatus.ActiveEstablished:
                story.Promote();
                break;
            case AgreementStatus.Renegotiating:
                story.Promote().Do(new ProposeTerms(Forwarder, Terms with { Rate = 500 }, null));
                break;
            case AgreementStatus.Suspended:
                story.Do(new Suspend(Operator, "under investigation"));
                break;
            case AgreementStatus.Expired:
                story = new Story { Policy = story.Policy }.Do(proposal, Ask, Proof).After(story.Policy.ConsentPeriod).Do(new CheckDeadlines(System));
                break;
        }

        Assert.Equal(status, story.State.Status);
        return story;
    }

    public static RequestProof Ask => new(System, [ProofKind.RequestSignature]);

    public static AcceptProof Proof => new(System, [ProofKind.RequestSignature]);

    public static GiveConsent Yes => new(User, 1, Answer, Risk: 0);

    /// <summary>Days of good history, then the review.</summary>
    public Story Promote()
    {
        for (var day = 0; day < 15; day++)
        {
            Do(new RecordTraffic(System, DateOnly.FromDateTime(Now.UtcDateTime), 10)).After(TimeSpan.FromDays(1));
        }

        return Do(new ReviewTrust(System));
    }

    /// <summary>The state as JSON, in which all of it can be compared.</summary>
    public static string Json(AgreementState state) => JsonSerializer.Serialize(state, AgreementsJson.Default.AgreementState);

    protected override Decision<AgreementEvent> Decide(AgreementCommand command) => Agreement.Decide(State, command, Policy, Now);

    protected override AgreementState Evolve(AgreementState state, AgreementEvent happened) => Agreement.Evolve(state, happened);
}
