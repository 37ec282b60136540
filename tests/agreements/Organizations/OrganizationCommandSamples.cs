using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Organizations;

namespace Mailkey.Agreements.Tests.Organizations;

/// <summary>Commands by their type: one that fits, or one that chance makes.</summary>
internal static class OrganizationCommandSamples
{
    private static readonly string[] Ids = [.. Enumerable.Range(0, 60).Select(_ => AgreementId.Mint().ToString())];

    public static OrganizationCommand Fitting(Type command, OrganizationState state, DateTimeOffset now) => command.Name switch
    {
        nameof(MakeContact) => OrganizationStory.Contact,
        nameof(Prove) => OrganizationStory.Key,
        nameof(FailProof) => new FailProof(OrganizationStory.System, OrganizationProof.Dns, "another challenge"),
        nameof(ApproveOrganization) => new ApproveOrganization(OrganizationStory.Operator, "well known"),
        nameof(RefuseOrganization) => new RefuseOrganization(OrganizationStory.Operator, "unknown"),
        nameof(AdmitProposal) => OrganizationStory.Proposal() with { AgreementId = Ids[0] },
        nameof(RecordHistory) => new RecordHistory(OrganizationStory.System, DateOnly.FromDateTime(now.UtcDateTime), 6, 100, 0, 0),
        nameof(ReviewOrganization) => new ReviewOrganization(OrganizationStory.System),
        nameof(LoseProof) => new LoseProof(OrganizationStory.System, OrganizationProof.Key, "no key set"),
        nameof(SuspendOrganization) => new SuspendOrganization(OrganizationStory.Operator, "under investigation"),
        nameof(LiftOrganizationSuspension) => new LiftOrganizationSuspension(OrganizationStory.Operator, state.Holds.IsEmpty ? OrganizationHold.Operator : state.Holds[0]),
        nameof(BanOrganization) => new BanOrganization(OrganizationStory.Operator, "sends what nobody ordered"),
        nameof(LiftBan) => new LiftBan(OrganizationStory.Operator),
        nameof(CheckOrganizationDeadlines) => OrganizationStory.Tick,
        _ => throw new ArgumentOutOfRangeException(nameof(command), command, "no sample"),
    };

    public static OrganizationCommand Random(Type command, OrganizationState state, DateTimeOffset now, int seed)
    {
        var random = new Random(seed);
        var allowed = OrganizationLifecycle.Rules.ActorsOf(command);
        Actor[] actors = [OrganizationStory.Forwarder, OrganizationStory.Operator, OrganizationStory.System, new(ActorKind.User, "alice@b.example"), new(ActorKind.Forwarder, "evil.example")];
        var actor = random.Next(20) == 0 ? Pick(actors) : Pick([.. actors[..3].Where(a => allowed.Contains(a.Kind))]);
        return command.Name switch
        {
            nameof(MakeContact) => new MakeContact(
                actor,
                Pick(["a.example", "A.example.", "a.example", "evil.example", "x"]),
                Pick(["postmaster@a.example", "root@a.example", "nobody"]),
                Pick(["https://a.example/x", "https://a.example/y", "http://a.example/", "https://127.0.0.1/", "https://a.example:8443/", ""]),
                Pick(["192.0.2.0/24", "192.0.2.0/24", "192.0.2.1"]),
                Pick(["challenge-1", "challenge-2", ""]),
                new(random.Next(4), random.Next(102))),
            nameof(Prove) => new Prove(actor, Pick(Enum.GetValues<OrganizationProof>()), Text()),
            nameof(FailProof) => new FailProof(actor, Pick(Enum.GetValues<OrganizationProof>()), Text()),
            nameof(ApproveOrganization) => new ApproveOrganization(actor, random.Next(2) == 0 ? null : Text()),
            nameof(RefuseOrganization) => new RefuseOrganization(actor, Text()),
            nameof(AdmitProposal) => new AdmitProposal(actor, random.Next(10) == 0 ? "none" : Pick(Ids), "192.0.2.0/24", new(random.Next(8) == 0 ? 5000 : 1, new(random.Next(6), random.Next(21)))),
            nameof(RecordHistory) => new RecordHistory(actor, DateOnly.FromDateTime(now.UtcDateTime.AddDays(random.Next(-1, 1))), Pick([-1, 0, 6, 500]), Pick([0, 100, 1000, int.MaxValue]), Pick([0, 0, 1, 9, int.MaxValue]), Pick([0, 0, 2])),
            nameof(ReviewOrganization) => new ReviewOrganization(actor),
            nameof(LoseProof) => new LoseProof(actor, Pick(Enum.GetValues<OrganizationProof>()), Text()),
            nameof(SuspendOrganization) => new SuspendOrganization(actor, Text()),
            nameof(LiftOrganizationSuspension) => new LiftOrganizationSuspension(actor, Pick(Enum.GetValues<OrganizationHold>())),
            nameof(BanOrganization) => new BanOrganization(actor, Text()),
            nameof(LiftBan) => new LiftBan(actor),
            nameof(CheckOrganizationDeadlines) => new CheckOrganizationDeadlines(actor),
            _ => throw new ArgumentOutOfRangeException(nameof(command), command, "no sample"),
        };

        T Pick<T>(IReadOnlyList<T> from) => from[random.Next(from.Count)];

        string Text() => Pick(["fine", "fine", "fine", "", "\r\nInjected: yes", "\u202egnp", new string('x', 5000)]);
    }
}
