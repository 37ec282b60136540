using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>How the service agreements goes on with organisations and proposals by itself: looks, questions, reminders.</summary>
public sealed class AgreementsNegotiationOptions
{
    [Description("Time until the DNS record of an organisation that made contact is looked for again; it doubles from look to look.")]
    public TimeSpan FirstDnsCheck { get; set; } = TimeSpan.FromMinutes(5);

    [Description("Longest time between two looks for the DNS record of an organisation that made contact.")]
    public TimeSpan LongestDnsCheck { get; set; } = TimeSpan.FromHours(6);

    [Range(1, 1000), Description("Looks in a row that find a DNS record with another challenge until the organisation is refused.")]
    public int WrongDnsChecks { get; set; } = 5;

    [Description("Time between two looks at the proofs, DNS record and keys, of an organisation that was let in.")]
    public TimeSpan ProofCheck { get; set; } = TimeSpan.FromDays(1);

    [Range(1, 1000), Description("Looks in a row at which a proof must be missing until the organisation is suspended. A look without an answer counts for neither.")]
    public int MissingProofChecks { get; set; } = 3;

    [Description("Time between two looks whether the organisation of a waiting proposal has been let in.")]
    public TimeSpan ProposalCheck { get; set; } = TimeSpan.FromMinutes(15);

    [Description("Time after which a user who has not answered is asked once more.")]
    public TimeSpan Reminder { get; set; } = TimeSpan.FromDays(5);

    [Description("Time after which a question is tried again that was one too many for the user.")]
    public TimeSpan AskAgain { get; set; } = TimeSpan.FromHours(12);

    [Description("Time between two looks whether the history of an agreement on probation is good enough.")]
    public TimeSpan TrustReview { get; set; } = TimeSpan.FromDays(1);

    [Description("Address that questions for consent come from. Empty: postmaster at Mailkey:Hostname.")]
    public string ConsentFrom { get; set; } = "";

    [Description("Key that the links in questions for consent are signed with: base64 of at least 32 random octets. Empty: one that the replicas make and keep in the database.")]
    public string ConsentKey { get; set; } = "";
}
