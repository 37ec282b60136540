using Mailkey.Agreements.Organizations;

namespace Mailkey.Agreements.Portal.Words;

/// <summary>Organisations in plain words.</summary>
internal static class OrganizationWords
{
    public static StateWords State(OrganizationState state) => state.Status switch
    {
        OrganizationStatus.AwaitingProof => new("Awaits proof", $"It still has to prove {string.Join(" and ", Missing(state))}.", Tone.Waiting),
        OrganizationStatus.Waiting => new("Waits", "Its proofs are good. Time has to pass; you may let it in earlier.", Tone.Waiting),
        OrganizationStatus.AwaitingApproval => new("Awaits approval", "Its proofs are good. You decide whether it is let in.", Tone.Waiting),
        OrganizationStatus.Verified => state.Trust == OrganizationTrust.Established
            ? new("Established", "It may propose agreements, within the wider caps.", Tone.Good)
            : new("Verified, on trial", "It may propose agreements, within low caps.", Tone.Good),
        OrganizationStatus.Suspended => new("Suspended", $"No new agreements, and those it has rest: {string.Join("; ", state.Holds.Select(HoldOf))}.", Tone.Held),
        OrganizationStatus.Refused => new("Refused", "It was not let in. It may make contact anew.", Tone.Over),
        OrganizationStatus.Lapsed => new("Lapsed", "It did not go on in time. It may make contact anew.", Tone.Over),
        OrganizationStatus.Banned => new("Banned", "Nothing is taken from it until you lift the ban.", Tone.Held),
        _ => new("Unknown", "", Tone.Over),
    };

    public static string HoldOf(OrganizationHold hold) => hold switch
    {
        OrganizationHold.Operator => "an operator stopped it",
        OrganizationHold.Complaints => "too many complaints",
        _ => "a proof does not hold any more",
    };

    /// <summary>What more trust needs and is not there yet.</summary>
    public static string Need(StandingNeed need) => need.What switch
    {
        "days-of-probation-left" => $"{Shown.Number(need.Is)} days of the trial are left",
        "messages" => $"{Shown.Number(need.Is)} of {Shown.Number(need.Needed)} messages",
        "days-with-messages" => $"{Shown.Number(need.Is)} of {Shown.Number(need.Needed)} days with messages",
        "reports-per-thousand" => $"{Shown.Number(need.Is)} reports for a thousand messages, at most {Shown.Number(need.Needed)}",
        _ => Shown.Line(need.What),
    };

    private static IEnumerable<string> Missing(OrganizationState state)
    {
        if (!state.Proofs.Contains(OrganizationProof.Key))
        {
            yield return "its key";
        }

        if (!state.Proofs.Contains(OrganizationProof.Dns))
        {
            yield return "its DNS";
        }
    }
}
