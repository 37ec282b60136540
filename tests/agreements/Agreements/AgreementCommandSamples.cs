using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;

namespace Mailkey.Agreements.Tests.Agreements;

/// <summary>Commands by their type: one that fits a state, or one that chance makes.</summary>
internal static class AgreementCommandSamples
{
    public static readonly string[] Addresses = [.. Enumerable.Range(0, 4).Select(_ => UniqueAddress.Mint("alice@b.example").ToString())];

    /// <summary>A command of its type that makes sense in a state, given by one who may.</summary>
    public static AgreementCommand Fitting(Type command, AgreementState state, DateTimeOffset now)
    {
        var version = state.Pending?.Version ?? state.Version;
        return command.Name switch
        {
            nameof(Propose) => Story.Proposal,
            nameof(RequestProof) => Story.Ask,
            nameof(AcceptProof) => Story.Proof,
            nameof(RejectProof) => new RejectProof(Story.System, "signed by somebody else"),
            nameof(RequestConsent) => new RequestConsent(Story.System, version, "Do you want it?", new(0, 0)),
            nameof(GiveConsent) => Story.Yes,
            nameof(AcceptConsentEvidence) => new AcceptConsentEvidence(Story.System, 0),
            nameof(RefuseConsent) => new RefuseConsent(Story.User, "never heard of it"),
            nameof(Approve) => new Approve(Story.Operator, state.Version, "well known"),
            nameof(Disapprove) => new Disapprove(Story.Operator, "unknown"),
            nameof(ProposeTerms) => new ProposeTerms(Story.Forwarder, Story.Terms with { Rate = 900 }, null),
            nameof(AcceptTerms) => new AcceptTerms(Story.User, version, Story.Answer),
            nameof(DeclineTerms) => new DeclineTerms(Story.User, version, "too many"),
            nameof(WithdrawTerms) => new WithdrawTerms(Story.Forwarder, version),
            nameof(AssignAddress) => new AssignAddress(Story.System, Addresses[0], null),
            nameof(IssueCredential) => new IssueCredential(Story.Forwarder, "first"),
            nameof(WithdrawCredential) => new WithdrawCredential(Story.Forwarder, "first"),
            nameof(RecordTraffic) => new RecordTraffic(Story.System, DateOnly.FromDateTime(now.UtcDateTime), 7),
            nameof(Complain) => new Complain(Story.User, ComplaintScope.Message, ComplaintClass.Content, "q1"),
            nameof(ReportMisuse) => new ReportMisuse(Story.System, MisuseKind.WrongReference, "s1"),
            nameof(ReviewTrust) => new ReviewTrust(Story.System),
            nameof(Demote) => new Demote(Story.Operator),
            nameof(Pause) => new Pause(Story.User),
            nameof(Resume) => new Resume(Story.User),
            nameof(Suspend) => new Suspend(Story.System, "the organisation is suspended"),
            nameof(LiftSuspension) => new LiftSuspension(Story.Operator, Hold.Operator),
            nameof(CheckDeadlines) => new CheckDeadlines(Story.System),
            nameof(Reopen) => new Reopen(Story.User),
            nameof(End) => new End(Story.User, null),
            _ => throw new ArgumentOutOfRangeException(nameof(command), command, "no sample"),
        };
    }

    /// <summary>A command as chance makes it: mostly good, given by one who may; sometimes neither.</summary>
    public static AgreementCommand Random(Type command, AgreementState state, DateTimeOffset now, int seed)
    {
        var random = new Random(seed);
        var allowed = AgreementLifecycle.Rules.ActorsOf(command);
        Actor[] actors = [Story.User, Story.Forwarder, Story.Operator, Story.System, new(ActorKind.User, "mallory@b.example"), new(ActorKind.Forwarder, "evil.example")];
        var actor = random.Next(20) == 0 ? Pick(actors) : Pick([.. actors[..4].Where(a => allowed.Contains(a.Kind))]);
        var known = Math.Max(1, state.Versions.Count + 1);
        var version = random.Next(4) == 0 ? random.Next(-1, known + 1) : random.Next(2) == 0 ? state.Version : state.Pending?.Version ?? state.Version;
        var answer = random.Next(8) switch { 0 => null, 1 => Story.Answer with { How = ConsentMeans.MailLink }, 2 => new ConsentAnswer(Pick(Enum.GetValues<ConsentMeans>()), Text(), Text()), _ => Story.Answer };
        return command.Name switch
        {
            nameof(Propose) => Story.Proposal with
            {
                Actor = actor,
                Forwarder = random.Next(20) == 0 ? Text() : "a.example",
                Category = random.Next(20) == 0 ? Text() : Pick(["mailing-list", "newsletter"]),
                Terms = Terms(),
                Methods = random.Next(20) == 0 ? [] : [.. Enum.GetValues<AgreementMethod>().Take(random.Next(1, 4))],
                Evidence = random.Next(2) == 0 ? null : Story.Proposal.Evidence,
            },
            nameof(RequestProof) => new RequestProof(actor, random.Next(10) == 0 ? [] : [ProofKind.Recipe]),
            nameof(AcceptProof) => new AcceptProof(actor, random.Next(10) == 0 ? [] : [ProofKind.Organization, ProofKind.Organization]),
            nameof(RejectProof) => new RejectProof(actor, Text()),
            nameof(RequestConsent) => new RequestConsent(actor, version, Pick(["Do you want it?", Story.Answer.Text, Text()]), new(random.Next(7), random.Next(22))),
            nameof(GiveConsent) => new GiveConsent(actor, version, answer!, random.Next(101)),
            nameof(AcceptConsentEvidence) => new AcceptConsentEvidence(actor, random.Next(101)),
            nameof(RefuseConsent) => new RefuseConsent(actor, random.Next(2) == 0 ? null : Text()),
            nameof(Approve) => new Approve(actor, version, random.Next(2) == 0 ? null : Text()),
            nameof(Disapprove) => new Disapprove(actor, Text()),
            nameof(ProposeTerms) => new ProposeTerms(actor, Terms(), answer),
            nameof(AcceptTerms) => new AcceptTerms(actor, version, answer),
            nameof(DeclineTerms) => new DeclineTerms(actor, version, random.Next(2) == 0 ? null : Text()),
            nameof(WithdrawTerms) => new WithdrawTerms(actor, version),
            nameof(AssignAddress) => new AssignAddress(actor, random.Next(10) == 0 ? Text() : Pick(Addresses), random.Next(3) == 0 ? null : state.Address),
            nameof(IssueCredential) => new IssueCredential(actor, random.Next(10) == 0 ? Text() : Pick(["one", "two", "three"])),
            nameof(WithdrawCredential) => new WithdrawCredential(actor, Pick(["one", "two", "three"])),
            nameof(RecordTraffic) => new RecordTraffic(actor, DateOnly.FromDateTime(now.UtcDateTime.AddDays(random.Next(-1, 1))), Pick([-1, 0, 3, 20, 300, int.MaxValue])),
            nameof(Complain) => new Complain(actor, Pick(Enum.GetValues<ComplaintScope>()), Pick(Enum.GetValues<ComplaintClass>()), random.Next(9) == 0 ? Text() : $"q{random.Next(50)}"),
            nameof(ReportMisuse) => new ReportMisuse(actor, state is { Address: not null, LeakedAddress: null } && random.Next(2) == 0 ? MisuseKind.AddressUsedByAnother : Pick(Enum.GetValues<MisuseKind>()), random.Next(9) == 0 ? Text() : $"s{random.Next(50)}"),
            nameof(ReviewTrust) => new ReviewTrust(actor),
            nameof(Demote) => new Demote(actor),
            nameof(Pause) => new Pause(actor),
            nameof(Resume) => new Resume(actor),
            nameof(Suspend) => new Suspend(actor, Text()),
            nameof(LiftSuspension) => new LiftSuspension(actor, state.Holds.IsEmpty ? Pick(Enum.GetValues<Hold>()) : Pick([.. state.Holds])),
            nameof(CheckDeadlines) => new CheckDeadlines(actor),
            nameof(Reopen) => new Reopen(actor),
            nameof(End) => new End(actor, random.Next(2) == 0 ? null : Text()),
            _ => throw new ArgumentOutOfRangeException(nameof(command), command, "no sample"),
        };

        T Pick<T>(IReadOnlyList<T> from) => from[random.Next(from.Count)];

        string Text() => Pick(["fine", "", "\r\nInjected: yes", "\u202egnp", new string('x', 5000), "<script>", "\ud800"]);

        // Half of them change one thing only, as people do.
        Terms Terms() => random.Next(2) == 0 && state.Terms is { } current
            ? random.Next(3) == 0 ? current with { Expires = now.AddHours(random.Next(1, 60)) } : current with { Rate = Pick([1, 10, 100, 1000]) }
            : AnyTerms();

        Terms AnyTerms() => new()
        {
            Dnsbl = Pick(Enum.GetValues<DnsblTerm>()),
            DnsblZones = random.Next(3) switch { 0 => ["BL.example", "a.bl.example"], 1 => ["bl.example"], _ => null },
            Spf = Pick(Enum.GetValues<SpfTerm>()),
            Mailkey = Pick(Enum.GetValues<MailkeyTerm>()),
            Feedback = Pick([Feedback.Off, new(FeedbackFormat.Arf, "abuse@a.example"), new(FeedbackFormat.Arf, "nobody")]),
            Rate = Pick([0, 1, 20, 200, 10_000, 10_001, int.MaxValue]),
            Size = Pick([0L, 1000, 20 << 20, 50L << 20, long.MaxValue]),
            Expires = Pick<DateTimeOffset?>([null, null, null, now.AddHours(-1), now.AddHours(20), now.AddDays(40), DateTimeOffset.MaxValue]),
        };
    }
}
