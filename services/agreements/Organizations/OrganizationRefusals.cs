using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Organizations;

/// <summary>Every way in which a command on an organisation is refused. The codes stay.</summary>
public static class OrganizationRefusals
{
    public static readonly Refusal Unknown = new("unknown-organization", "The organisation has not made contact.");
    public static readonly Refusal NotYours = new("not-yours", "This is for somebody else to do.");
    public static readonly Refusal ContactInvalid = new("contact-invalid", "The contact cannot be read.");
    public static readonly Refusal ReasonInvalid = new("reason-invalid", "The reason must be one line of 1 to 500 visible characters.");
    public static readonly Refusal HistoryInvalid = new("history-invalid", "Counts are not negative.");
    public static readonly Refusal TooManyContacts = new("too-many-contacts", "Too many organisations made contact today; tomorrow again.");
    public static readonly Refusal ProofFirst = new("proof-first", "The organisation has not yet proven its key and its domain.");
    public static readonly Refusal ProofSettled = new("proof-settled", "The proofs have been accepted already.");
    public static readonly Refusal Waiting = new("waiting-period", "The organisation has to wait.");
    public static readonly Refusal ApprovalNeeded = new("approval-needed", "A person has to let the organisation in.");
    public static readonly Refusal ApprovalSettled = new("approval-settled", "The organisation has been let in already; it can be suspended or banned.");
    public static readonly Refusal Deadline = new("deadline-over", "The time for this is over.");
    public static readonly Refusal NotVerified = new("not-verified", "The organisation is not verified.");
    public static readonly Refusal Closed = new("contact-closed", "The organisation was refused or did not go on in time; it can make contact anew.");
    public static readonly Refusal Suspended = new("suspended", "The organisation is suspended.");
    public static readonly Refusal Banned = new("banned", "The organisation is not welcome here.");
    public static readonly Refusal ProposalsReached = new("too-many-proposals", "The organisation has proposed enough for today.");
    public static readonly Refusal AgreementsReached = new("too-many-agreements", "The organisation has as many agreements as it may during probation.");
    public static readonly Refusal NetworkReached = new("too-many-from-network", "Enough was proposed from this network today.");
    public static readonly Refusal RecipientReached = new("too-many-consent-requests", "The user has been asked often enough; later again.");
    public static readonly Refusal AgreementInvalid = new("agreement-invalid", "The agreement's id or the network cannot be read.");
    public static readonly Refusal HistoryTooShort = new("history-too-short", "The history is not long or good enough for more trust.");
}
