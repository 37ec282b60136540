using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Organizations;

namespace Mailkey.Agreements.Negotiation;

/// <summary>
/// How suspicious a proposal looks, 0 to 100, for the gate of that name: points for what throw-away domains have in common, and for what
/// would do most harm. It refuses nothing; from a score that the operator chose on, a person looks.
/// </summary>
public static class ProposalRisk
{
    private const int NotLetIn = 40;
    private const int OnProbation = 20;
    private const int NoHistory = 15;
    private const int Reported = 20;
    private const int SkipsBlocklists = 15;
    private const int IgnoresSpf = 10;
    private const int UnknownCategory = 10;
    private const int ProposedBySomebodyElse = 10;

    /// <summary>The risk of an agreement of this organisation.</summary>
    public static int Of(AgreementState agreement, OrganizationState organization)
    {
        ArgumentNullException.ThrowIfNull(agreement);
        ArgumentNullException.ThrowIfNull(organization);
        var terms = agreement.Terms;
        var points = (organization.Status == OrganizationStatus.Verified ? 0 : NotLetIn)
            + (organization.Trust == OrganizationTrust.Probation ? OnProbation : 0)
            + (organization.History.Messages == 0 ? NoHistory : 0)
            + (organization.History.Reports > 0 ? Reported : 0)
            + (terms?.Dnsbl is DnsblTerm.Skip or DnsblTerm.SkipZones ? SkipsBlocklists : 0)
            + (terms?.Spf == SpfTerm.Ignore ? IgnoresSpf : 0)
            + (Agreement.KnownCategories.Contains(agreement.Category) ? 0 : UnknownCategory)
            + (agreement.Versions is [{ By: Party.Forwarder }, ..] ? 0 : ProposedBySomebodyElse);
        return Math.Min(points, 100);
    }
}
