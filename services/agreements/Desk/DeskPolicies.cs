using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Organizations;
using Mailkey.Dns;
using Mailkey.Hosting.Options;

namespace Mailkey.Agreements.Desk;

/// <summary>What the operator decided beforehand, as the deciders take it.</summary>
public sealed record DeskPolicies(AgreementPolicy Agreements, OrganizationPolicy Organizations)
{
    public static DeskPolicies Default { get; } = new(AgreementPolicy.Default, OrganizationPolicy.Default);

    /// <summary>The policies of a configuration.</summary>
    public static DeskPolicies Of(AgreementsPolicyOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var caps = new ConsentCaps { PerDay = options.ConsentRequestsPerDay, Waiting = options.ConsentRequestsWaiting };
        var agreements = new AgreementPolicy
        {
            Limits = new() { Rate = options.MaxRate, Size = options.MaxSize, DnsblSkip = options.AllowDnsblSkip, SpfIgnore = options.AllowSpfIgnore },
            ProofPeriod = options.ProofPeriod,
            ConsentPeriod = options.ConsentPeriod,
            ApprovalPeriod = options.ApprovalPeriod,
            TermsPeriod = options.TermsPeriod,
            CredentialOverlap = options.CredentialOverlap,
            ConsentCaps = caps,
            EvidenceCategories = options.EvidenceCategories.ToHashSet(StringComparer.Ordinal),
            Approval = new()
            {
                Categories = options.ApprovalCategories.ToHashSet(StringComparer.Ordinal),
                Forwarders = options.ApprovalForwarders.Select(domain => DomainName.TryNormalize(domain, out var name) ? name : domain).ToHashSet(StringComparer.Ordinal),
                Users = options.ApprovalUsers.Select(account => account.ToLowerInvariant()).ToHashSet(StringComparer.Ordinal),
                RiskFrom = options.ApprovalRisk,
            },
            Trust = new() { ProbationPeriod = options.ProbationPeriod, ProbationRate = options.ProbationRate, ProbationSize = options.ProbationSize, SuspendsOnLeak = options.SuspendOnAddressLeak, ReplayAlarmDays = options.ReplayAlarmDays },
        };
        return new(agreements, new()
        {
            ProofPeriod = options.ContactPeriod,
            WaitingPeriod = options.WaitingPeriod,
            NeedsApproval = options.OrganizationsNeedApproval,
            ApprovalPeriod = options.ApprovalPeriod,
            ContactsPerNetwork = options.ContactsPerNetwork,
            ContactsPerDay = options.ContactsPerDay,
            ProposalsInProbation = options.ProposalsInProbation,
            ProposalsPerDay = options.ProposalsPerDay,
            ProposalsPerNetwork = options.ProposalsPerNetwork,
            AgreementsInProbation = options.AgreementsInProbation,
            ConsentCaps = caps,
            ProbationPeriod = options.OrganizationProbation,
        });
    }
}
