using System.Text.Json;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Organizations;

namespace Mailkey.Agreements.Tests.Organizations;

/// <summary>One organisation as a test tells it.</summary>
internal sealed class OrganizationStory() : StoryOf<OrganizationStory, OrganizationState, OrganizationCommand, OrganizationEvent>(OrganizationState.None)
{
    public static readonly Actor Forwarder = new(ActorKind.Forwarder, "a.example");
    public static readonly Actor Operator = new(ActorKind.Operator, "postmaster");
    public static readonly Actor System = new(ActorKind.System, "first-contact");
    public static readonly MakeContact Contact = new(Forwarder, "a.example", "postmaster@a.example", "https://a.example/agreements", "192.0.2.0/24", "challenge-1", new(0, 0));
    public static readonly Prove Key = new(System, OrganizationProof.Key, "key 2026a");
    public static readonly Prove Dns = new(System, OrganizationProof.Dns, "_mailkey-agreements.a.example");
    public static readonly CheckOrganizationDeadlines Tick = new(System);

    public OrganizationPolicy Policy { get; set; } = OrganizationPolicy.Default;

    public DateOnly Day => DateOnly.FromDateTime(Now.UtcDateTime);

    public static AdmitProposal Proposal(int fromNetwork = 0, int consentsToday = 0, int consentsWaiting = 0) =>
        new(Forwarder, AgreementId.Mint().ToString(), "192.0.2.0/24", new(fromNetwork, new(consentsToday, consentsWaiting)));

    /// <summary>Days of history, each with so many messages and complaints.</summary>
    public OrganizationStory Days(int days, int messages, int complaints = 0)
    {
        for (var day = 0; day < days; day++)
        {
            Do(new RecordHistory(System, Day, 6, messages, complaints, 0)).After(TimeSpan.FromDays(1));
        }

        return this;
    }

    /// <summary>A story that has come to a status.</summary>
    public static OrganizationStory At(OrganizationStatus status)
    {
        var story = new OrganizationStory();
        if (status == OrganizationStatus.AwaitingApproval)
        {
            story.Policy = story.Policy with { NeedsApproval = true };
        }

        if (status is OrganizationStatus.None)
        {
            return story;
        }

        story.Do(Contact);
        switch (status)
        {
            case OrganizationStatus.Waiting:
                story.Do(Key, Dns);
                break;
            case OrganizationStatus.AwaitingApproval or OrganizationStatus.Verified:
                story.Do(Key, Dns).After(TimeSpan.FromDays(1)).Do(Tick);
                break;
            case OrganizationStatus.Suspended:
                story.Do(Key, Dns).After(TimeSpan.FromDays(1)).Do(Tick, new SuspendOrganization(Operator, "under investigation"));
                break;
            case OrganizationStatus.Refused:
                story.Do(new RefuseOrganization(Operator, "unknown"));
                break;
            case OrganizationStatus.Lapsed:
                story.After(TimeSpan.FromDays(7)).Do(Tick);
                break;
            case OrganizationStatus.Banned:
                story.Do(new BanOrganization(Operator, "sends what nobody ordered"));
                break;
        }

        Assert.Equal(status, story.State.Status);
        return story;
    }

    public static string Json(OrganizationState state) => JsonSerializer.Serialize(state, AgreementsJson.Default.OrganizationState);

    protected override Decision<OrganizationEvent> Decide(OrganizationCommand command) => Organization.Decide(State, command, Policy, Now);

    protected override OrganizationState Evolve(OrganizationState state, OrganizationEvent happened) => Organization.Evolve(state, happened);
}
