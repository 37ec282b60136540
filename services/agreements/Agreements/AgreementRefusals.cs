using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Agreements;

/// <summary>Every way in which a command on an agreement is refused. The codes stay.</summary>
public static class AgreementRefusals
{
    public static readonly Refusal Unknown = new("unknown-agreement", "There is no such agreement.");
    public static readonly Refusal Exists = new("agreement-exists", "The agreement exists already, with another content.");
    public static readonly Refusal Ended = new("agreement-ended", "The agreement has ended; a new one can be proposed.");
    public static readonly Refusal Deadline = new("deadline-over", "The time for this is over.");
    public static readonly Refusal NotYours = new("not-yours", "This is for another side of the agreement to do.");
    public static readonly Refusal ProposalInvalid = new("proposal-invalid", "The proposal cannot be read.");
    public static readonly Refusal TermsInvalid = new("terms-invalid", "The terms cannot be read.");
    public static readonly Refusal TermsBeyondLimits = new("terms-beyond-limits", "The terms ask for more than is given here.");
    public static readonly Refusal ReasonInvalid = new("reason-invalid", "The reason must be one line of 1 to 500 visible characters.");
    public static readonly Refusal ReferenceInvalid = new("reference-invalid", "The reference must be one line of 1 to 200 visible characters.");
    public static readonly Refusal ProofFirst = new("proof-first", "The forwarder has not yet proven who it is.");
    public static readonly Refusal ProofMissing = new("proof-missing", "At least one proof is needed.");
    public static readonly Refusal ProofSettled = new("proof-settled", "The proof has been accepted already.");
    public static readonly Refusal ConsentFirst = new("consent-first", "The user has not consented yet.");
    public static readonly Refusal ConsentSettled = new("consent-settled", "The user has consented already; other terms are proposed and accepted.");
    public static readonly Refusal ConsentNeeded = new("consent-needed", "These terms need the user's consent, with the text that was shown.");
    public static readonly Refusal ConsentInvalid = new("consent-invalid", "The consent lacks who, when, how, from where, or the text that was shown.");
    public static readonly Refusal ConsentTextDiffers = new("consent-text-differs", "The text is not the one that the request showed.");
    public static readonly Refusal EvidenceNotAccepted = new("evidence-not-accepted", "The evidence is not accepted here; the user is asked.");
    public static readonly Refusal TooManyRequests = new("too-many-consent-requests", "The user has been asked often enough; later again.");
    public static readonly Refusal VersionDiffers = new("version-differs", "The version is not the one that is spoken of.");
    public static readonly Refusal ApprovalNotDue = new("approval-not-due", "The agreement does not wait for approval yet.");
    public static readonly Refusal ApprovalSettled = new("approval-settled", "The agreement has been approved already; it can be suspended or ended.");
    public static readonly Refusal NotInForce = new("not-in-force", "The agreement is not in force yet.");
    public static readonly Refusal NothingProposed = new("nothing-proposed", "No other terms are proposed.");
    public static readonly Refusal AlreadyProposed = new("already-proposed", "These terms are proposed already; they can be accepted.");
    public static readonly Refusal TooManyVersions = new("too-many-versions", "The terms were changed too often; a new agreement can be proposed.");
    public static readonly Refusal NotSuspended = new("not-suspended", "Nothing of that kind holds the agreement back.");
    public static readonly Refusal Suspended = new("suspended", "The agreement is suspended.");
    public static readonly Refusal HistoryTooShort = new("history-too-short", "The history is not long enough for more trust.");
    public static readonly Refusal MethodNotAgreed = new("method-not-agreed", "This method was not agreed on.");
    public static readonly Refusal AddressExists = new("address-exists", "There is an address already; it must be named to be replaced.");
    public static readonly Refusal AddressInvalid = new("address-invalid", "The address is not one that is made for this recipient.");
    public static readonly Refusal CredentialInvalid = new("credential-invalid", "The credential's name must be 1 to 64 letters, digits or hyphens.");
    public static readonly Refusal CredentialUnknown = new("credential-unknown", "There is no such credential.");
    public static readonly Refusal TooManyReports = new("too-many-reports", "There are more reports than are kept for one agreement.");
    public static readonly Refusal TooManyIssued = new("too-many-credentials", "Credentials and addresses were issued too often; a new agreement can be proposed.");
    public static readonly Refusal NotResumable = new("not-resumable", "What has been in force is not resumed; a new agreement can be proposed.");
    public static readonly Refusal TooManyResumptions = new("too-many-resumptions", "The negotiation was resumed too often; a new agreement can be proposed.");
}
