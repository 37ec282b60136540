using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Organizations;

namespace Mailkey.Agreements.Portal.Words;

/// <summary>One thing that happened, as a person reads it.</summary>
/// <param name="Who">Who did it; null where that goes without saying.</param>
/// <param name="What">A sentence.</param>
public record Happening(DateTimeOffset At, string? Who, string What, Tone Tone)
{
    /// <summary>Words of those who acted: a reason, a note.</summary>
    public string? Quote { get; init; }

    /// <summary>The terms that it is about, and their number.</summary>
    public (int Version, Terms Terms)? Terms { get; init; }

    /// <summary>The consent that was given.</summary>
    public Consent? Consent { get; init; }

    /// <summary>What the forwarder says about a consent that it got.</summary>
    public ConsentEvidence? Evidence { get; init; }
}

/// <summary>The history of an agreement or an organisation, as a person reads it.</summary>
internal static class TimeLine
{
    /// <summary>Happenings that are shown; a history is read in whole with the operator's command.</summary>
    public const int Longest = 500;

    /// <summary>Adds what an entry says; days of traffic that follow each other become one happening.</summary>
    /// <param name="viewer">The account that reads, which is "you".</param>
    public static void Add(List<Happening> line, HistoryEntry entry, string viewer)
    {
        if (entry.Value is TrafficRecorded traffic)
        {
            var last = line.LastOrDefault();
            if (last is Traffic before)
            {
                line[^1] = before.With(entry.At, traffic);
                return;
            }

            line.Add(Traffic.Of(entry.At, traffic));
            return;
        }

        var who = Who(entry.Actor, viewer);
        var happening = entry.Value switch
        {
            AgreementEvent e => OfAgreement(e, entry.At, who),
            OrganizationEvent e => OfOrganization(e, entry.At, who),
            _ => new(entry.At, who, "Something happened that this version of the program does not know.", Tone.Over),
        };
        line.Add(happening);
    }

    /// <summary>Who acted.</summary>
    public static string Who(string actor, string viewer)
    {
        var colon = actor.IndexOf(':', StringComparison.Ordinal);
        var (kind, id) = colon < 0 ? ("", actor) : (actor[..colon], actor[(colon + 1)..]);
        return kind switch
        {
            "user" => id == viewer ? "You" : Shown.Line(id),
            "forwarder" => Shown.Line(id),
            "operator" => "An operator",
            _ => "This mail system",
        };
    }

    private static Happening OfAgreement(AgreementEvent happened, DateTimeOffset at, string who) => happened switch
    {
        AgreementProposed e => new(at, who, "asked for this agreement", Tone.Waiting) { Terms = (1, e.Terms), Evidence = e.Evidence },
        ProofRequested => new(at, who, "asked the forwarder to prove who it is", Tone.Waiting),
        ProofAccepted => new(at, who, "found the forwarder's proof good", Tone.Good),
        ConsentRequested e => new(at, who, $"asked for consent to version {e.Version} of the terms", Tone.Waiting),
        ConsentGiven e => new(at, who, e.Consent.How == ConsentMeans.ForwarderEvidence ? "took the forwarder's evidence for consent" : $"consented to version {e.Version} of the terms", Tone.Good) { Consent = e.Consent },
        ApprovalRequested => new(at, null, "An operator is asked to approve it", Tone.Waiting),
        ApprovalGiven e => new(at, who, "approved it", Tone.Good) { Quote = e.Note },
        AgreementActivated => new(at, null, "It is in force, on trial", Tone.Good),
        TermsProposed e => new(at, who, $"asked for other terms: version {e.Version}", Tone.Waiting) { Terms = (e.Version, e.Terms) },
        TermsAccepted e => new(at, who, $"accepted version {e.Version} of the terms", Tone.Good),
        TermsAgreed e => new(at, null, $"Version {e.Version} of the terms is agreed on, from the next message", Tone.Good),
        TermsDeclined e => new(at, who, $"declined version {e.Version} of the terms", Tone.Held) { Quote = e.Reason },
        TermsWithdrawn e => new(at, who, $"withdrew version {e.Version} of the terms", Tone.Over),
        TermsLapsed e => new(at, null, $"Nobody answered to version {e.Version} of the terms in time", Tone.Over),
        AddressAssigned => new(at, who, "gave the forwarder a new address for this alone", Tone.Good),
        AddressLeaked => new(at, who, "saw somebody else use the secret address, and refused it", Tone.Held),
        CredentialIssued => new(at, who, "let the forwarder log in for this", Tone.Good),
        CredentialWithdrawn => new(at, who, "took the log-in away from the forwarder", Tone.Held),
        ComplaintReceived e => new(at, who, $"reported {(e.Scope == ComplaintScope.Series ? "the whole series" : "a message")}: {AgreementWords.Class(e.Class)}", Tone.Held) { Quote = e.Scope == ComplaintScope.Message ? e.Reference : null },
        MisuseObserved e => new(at, "This mail system", e.Kind switch
        {
            MisuseKind.ForeignReference => "saw it name the agreement of another forwarder",
            MisuseKind.WrongReference => "saw it name this agreement for other mail",
            MisuseKind.AddressUsedByAnother => "saw somebody else use the secret address",
            _ => "saw far more mail than before",
        }, Tone.Held),
        MessageReplayed e => new(at, "This mail system", "saw somebody send a message of this forwarder again and again, and no longer let it through under this agreement", Tone.Held) { Quote = e.Reference },
        AgreementPromoted => new(at, null, "The trial is over: its history is good", Tone.Good),
        AgreementDemoted => new(at, null, "It is on trial again", Tone.Held),
        AgreementPaused => new(at, who, "paused it", Tone.Held),
        AgreementResumed => new(at, who, "resumed it", Tone.Good),
        AgreementSuspended e => e.Hold == Hold.Operator ? new(at, who, "stopped it", Tone.Held) { Quote = e.Reason } : new(at, null, $"It is held back: {AgreementWords.HoldOf(e.Hold)}", Tone.Held) { Quote = e.Reason },
        SuspensionLifted e => new(at, null, $"No longer held back by this: {AgreementWords.HoldOf(e.Hold)}", Tone.Good),
        AgreementRefused e => new(at, who, "refused it", Tone.Over) { Quote = e.Reason },
        AgreementExpired => new(at, null, "Its time ran out", Tone.Over),
        AgreementReopened => new(at, who, "took the negotiation up again", Tone.Waiting),
        AgreementRevoked e => new(at, who, "ended it", Tone.Over) { Quote = e.Reason },
        _ => new(at, who, "did something that this version of the program does not know", Tone.Over),
    };

    private static Happening OfOrganization(OrganizationEvent happened, DateTimeOffset at, string who) => happened switch
    {
        OrganizationContacted e => new(at, who, $"made contact, from {e.Network}", Tone.Waiting) { Quote = $"{e.Contact} · {e.Callback}" },
        OrganizationContactChanged e => new(at, who, "can be reached elsewhere", Tone.Good) { Quote = $"{e.Contact} · {e.Callback}" },
        OrganizationProven e => new(at, who, $"found its {(e.Proof == OrganizationProof.Key ? "key" : "DNS record")} good", Tone.Good) { Quote = e.Detail },
        OrganizationWaiting e => new(at, who, $"lets it wait until {Shown.Time(e.Until)}", Tone.Waiting),
        OrganizationApprovalRequested => new(at, who, "passed it to an operator", Tone.Waiting),
        OrganizationApproved e => new(at, who, "let it in", Tone.Good) { Quote = e.Note },
        OrganizationVerified => new(at, null, "It may propose agreements, on trial", Tone.Good),
        ProposalAdmitted => new(at, null, "A proposal was let through", Tone.Good),
        OrganizationHistoryRecorded e => new(at, null, $"{Shown.Day(e.Day)}: {Shown.Number(e.Messages)} messages, {Shown.Number(e.Complaints)} complaints, {Shown.Number(e.Misuse)} cases of misuse", Tone.Good),
        OrganizationPromoted => new(at, who, "trusts it more: its history is good", Tone.Good),
        OrganizationDemoted => new(at, who, "trusts it less", Tone.Held),
        OrganizationProofLost e => new(at, who, $"no longer finds its {(e.Proof == OrganizationProof.Key ? "key" : "DNS record")}", Tone.Held) { Quote = e.Reason },
        OrganizationSuspended e => new(at, who, "suspended it", Tone.Held) { Quote = e.Reason },
        OrganizationSuspensionLifted => new(at, who, "lifted the suspension", Tone.Good),
        OrganizationRefused e => new(at, who, "did not let it in", Tone.Over) { Quote = e.Reason },
        OrganizationLapsed => new(at, null, "It did not go on in time", Tone.Over),
        OrganizationBanned e => new(at, who, "banned it", Tone.Held) { Quote = e.Reason },
        OrganizationBanLifted => new(at, who, "lifted the ban", Tone.Good),
        _ => new(at, who, "did something that this version of the program does not know", Tone.Over),
    };

    private sealed record Traffic(DateTimeOffset At, string What, DateOnly First, DateOnly Last, long Messages, int OfLast) : Happening(At, null, What, Tone.Good)
    {
        public static Traffic Of(DateTimeOffset at, TrafficRecorded e) => new(at, Say(e.Day, e.Day, e.Messages), e.Day, e.Day, e.Messages, e.Messages);

        // A later report of the same day takes the place of the one before.
        public Traffic With(DateTimeOffset at, TrafficRecorded e)
        {
            var messages = e.Day == Last ? Messages - OfLast + e.Messages : Messages + e.Messages;
            return new(at, Say(First, e.Day, messages), First, e.Day, messages, e.Messages);
        }

        private static string Say(DateOnly first, DateOnly last, long messages)
        {
            var days = last.DayNumber - first.DayNumber + 1;
            return $"{Shown.Number(messages)} {(messages == 1 ? "message" : "messages")} came {(days == 1 ? "on one day" : $"in {days} days")}";
        }
    }
}
