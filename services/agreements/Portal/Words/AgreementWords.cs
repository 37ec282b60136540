using Mailkey.Agreements.Agreements;

namespace Mailkey.Agreements.Portal.Words;

/// <summary>How a state looks: in what colour.</summary>
public enum Tone
{
    Good,
    Waiting,
    Held,
    Over,
}

/// <summary>A state in plain words.</summary>
/// <param name="Word">Two or three words.</param>
/// <param name="Meaning">A sentence or two: what it means, and what there is to do.</param>
public sealed record StateWords(string Word, string Meaning, Tone Tone);

/// <summary>Agreements in plain words.</summary>
internal static class AgreementWords
{
    public static string Category(string category) => category switch
    {
        "dot-forward" => "Forwarded mailbox",
        "alias" => "Alias",
        "mailing-list" => "Mailing list",
        "newsletter" => "Newsletter",
        "backup-mx" => "Backup mail host",
        _ => Shown.Line(category),
    };

    /// <summary>The name that a person knows it by.</summary>
    public static string NameOf(AgreementState state) => Shown.Line(state.DisplayName ?? state.Subscription);

    /// <summary>Whether it waits for the user's answer.</summary>
    public static bool AwaitsUser(AgreementState state) =>
        state.Phase == AgreementPhase.AwaitingConsent || (state.Phase == AgreementPhase.InForce && state.Pending?.Awaits.Contains(Party.User) == true);

    public static bool IsOver(AgreementState state) => state.Phase is AgreementPhase.Refused or AgreementPhase.Revoked or AgreementPhase.Expired;

    /// <summary>As an operator reads it, to whom "you" would be somebody else.</summary>
    public static StateWords State(AgreementState state, bool asOperator) => !asOperator ? State(state) : State(state) with
    {
        Word = state.Status switch
        {
            AgreementStatus.AwaitingConsent => "Waits for the user",
            AgreementStatus.Renegotiating when AwaitsUser(state) => "New terms wait for the user",
            AgreementStatus.Suspended when state.Holds is [Hold.Pause] => "Paused by the user",
            _ => State(state).Word,
        },
        Meaning = state.Status switch
        {
            AgreementStatus.AwaitingApproval => "The user has consented. You decide whether it comes into force.",
            AgreementStatus.Suspended => $"Nothing is let through under it: {string.Join("; ", state.Holds.Select(HoldOf))}.",
            _ => $"It is {Decisions.KebabCase<AgreementStatus>.Word(state.Status)}, and belongs to {Shown.Line(state.Account)}.",
        },
    };

    public static StateWords State(AgreementState state) => state.Status switch
    {
        AgreementStatus.Proposed or AgreementStatus.AwaitingProof =>
            new("Being checked", "Somebody asked to forward mail to you. The forwarder has not yet proven who it is; there is nothing for you to do.", Tone.Waiting),
        AgreementStatus.AwaitingConsent =>
            new("Waits for you", "It comes into force only if you want it.", Tone.Waiting),
        AgreementStatus.AwaitingApproval =>
            new("Waits for approval", "You said yes. The operator of this mail system looks at it too.", Tone.Waiting),
        AgreementStatus.ActiveProbation =>
            new("Active, on trial", "Mail is let through, in small numbers, and every check is made until the forwarder has shown that it keeps to what was agreed.", Tone.Good),
        AgreementStatus.ActiveEstablished =>
            new("Active", "Mail is let through under the terms below.", Tone.Good),
        AgreementStatus.Renegotiating when state.Pending!.Awaits.Contains(Party.User) =>
            new("New terms wait for you", "Mail is let through under the terms that were. The new ones bind only if you accept them.", Tone.Waiting),
        AgreementStatus.Renegotiating =>
            new("Active, change asked for", "Mail is let through under the terms that were, until the other side has answered.", Tone.Good),
        AgreementStatus.Suspended when state.Holds is [Hold.Pause] =>
            new("Paused by you", "Nothing is let through under it until you resume it.", Tone.Held),
        AgreementStatus.Suspended =>
            new("Held back", $"Nothing is let through under it: {string.Join("; ", state.Holds.Select(HoldOf))}.", Tone.Held),
        AgreementStatus.Refused => new("Refused", "It never came into force.", Tone.Over),
        AgreementStatus.Revoked => new("Ended", "It is over. For mail to come again, you would subscribe anew at the forwarder.", Tone.Over),
        AgreementStatus.Expired when state.ExpiredIn is AgreementPhase.InForce => new("Expired", "Its terms had an end, and that is over.", Tone.Over),
        AgreementStatus.Expired => new("Lapsed", "Nobody went on with it in time.", Tone.Over),
        _ => new("Unknown", "", Tone.Over),
    };

    public static string HoldOf(Hold hold) => hold switch
    {
        Hold.Pause => "its user paused it",
        Hold.Complaints => "too many complaints",
        Hold.Misuse => "the forwarder did what the agreement does not cover",
        Hold.AddressLeak => "its secret address became known to others",
        Hold.Operator => "the operator of this mail system stopped it",
        Hold.Organization => "the whole forwarder is suspended",
        _ => "for another reason",
    };

    public static string Class(ComplaintClass value) => value switch
    {
        ComplaintClass.NoOptIn => "I never asked for it",
        ComplaintClass.UnsubscribeIgnored => "I unsubscribed, and it still comes",
        ComplaintClass.ForgedIdentity => "It pretends to be from somebody else",
        _ => "I don't want this content",
    };

    public static string Standing(TermsStanding standing) => standing switch
    {
        TermsStanding.Offered => "offered",
        TermsStanding.Binding => "in force",
        TermsStanding.Pending => "waits for an answer",
        TermsStanding.Superseded => "replaced",
        TermsStanding.Declined => "declined",
        TermsStanding.Withdrawn => "withdrawn",
        TermsStanding.Lapsed => "not answered in time",
        _ => "in force until the end",
    };

    /// <summary>How the forwarder proves in a transaction that it is this agreement.</summary>
    public static string Method(AgreementMethod method) => method switch
    {
        AgreementMethod.Auth => "logs in",
        AgreementMethod.Address => "uses an address that only it knows",
        _ => "names the agreement, and is known by its domain",
    };

    /// <summary>Each term and its value, in the same order for all terms.</summary>
    public static IReadOnlyList<(string Term, string Value)> Terms(Terms terms) =>
    [
        ("Messages a day", $"up to {Shown.Number(terms.Rate)}"),
        ("Size of a message", $"up to {Shown.Size(terms.Size)}"),
        ("Blocklists", terms.Dnsbl switch
        {
            DnsblTerm.Check => "asked, as for everybody",
            DnsblTerm.SkipZones => $"not asked: {Shown.Line(string.Join(", ", terms.DnsblZones ?? []))}",
            _ => "not asked",
        }),
        ("Sender check (SPF)", terms.Spf switch
        {
            SpfTerm.Enforce => "as for everybody",
            SpfTerm.ForwarderDomain => "the forwarder's domain must pass",
            _ => "looked at, decides nothing",
        }),
        ("Signature of the sender (mailkey)", terms.Mailkey == MailkeyTerm.Enforce ? "must be made for you" : "must be good, but may be made for the address that forwards"),
        ("Your complaints", terms.Feedback.Format == FeedbackFormat.Off ? "are not passed on" : $"are passed on to {Shown.Line(terms.Feedback.Address)}"),
        ("Ends", terms.Expires is { } end ? Shown.Day(end) : "not by itself"),
    ];
}
