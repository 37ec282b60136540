using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Organizations;

/// <summary>Something that somebody wants of an organisation, or on its behalf.</summary>
public abstract record OrganizationCommand(Actor Actor);

/// <summary>First contact, and any later change of where it can be reached.</summary>
/// <param name="Challenge">A new random word, should this be the first contact.</param>
/// <param name="Load">How many others came today.</param>
public sealed record MakeContact(Actor Actor, string Domain, string Contact, string Callback, string Network, string Challenge, ContactLoad Load)
    : OrganizationCommand(Actor);

/// <summary>A proof has been checked and holds.</summary>
/// <param name="Detail">Which key, or which record.</param>
public sealed record Prove(Actor Actor, OrganizationProof Proof, string Detail) : OrganizationCommand(Actor);

/// <summary>A proof is wrong, not merely missing.</summary>
public sealed record FailProof(Actor Actor, OrganizationProof Proof, string Reason) : OrganizationCommand(Actor);

/// <summary>A person lets it in; also before the waiting period is over, if its proofs are there.</summary>
public sealed record ApproveOrganization(Actor Actor, string? Note) : OrganizationCommand(Actor);

/// <summary>A person does not let it in.</summary>
public sealed record RefuseOrganization(Actor Actor, string Reason) : OrganizationCommand(Actor);

/// <summary>Asks whether a proposal may become an agreement.</summary>
/// <param name="AgreementId">The agreement it would become; the same one is counted once.</param>
public sealed record AdmitProposal(Actor Actor, string AgreementId, string Network, ProposalLoad Load) : OrganizationCommand(Actor);

/// <summary>Reports what its agreements came to on a day; a later report of the same day replaces the one before.</summary>
public sealed record RecordHistory(Actor Actor, DateOnly Day, int Agreements, int Messages, int Complaints, int Misuse) : OrganizationCommand(Actor);

/// <summary>Looks whether its history is good enough.</summary>
public sealed record ReviewOrganization(Actor Actor) : OrganizationCommand(Actor);

/// <summary>A proof does not hold any more.</summary>
public sealed record LoseProof(Actor Actor, OrganizationProof Proof, string Reason) : OrganizationCommand(Actor);

/// <summary>Stops it for now.</summary>
public sealed record SuspendOrganization(Actor Actor, string Reason) : OrganizationCommand(Actor);

/// <summary>Lifts a suspension.</summary>
public sealed record LiftOrganizationSuspension(Actor Actor, OrganizationHold Hold) : OrganizationCommand(Actor);

/// <summary>Wants nothing of it any more.</summary>
public sealed record BanOrganization(Actor Actor, string Reason) : OrganizationCommand(Actor);

/// <summary>Lets it make contact anew.</summary>
public sealed record LiftBan(Actor Actor) : OrganizationCommand(Actor);

/// <summary>Looks at the clock.</summary>
public sealed record CheckOrganizationDeadlines(Actor Actor) : OrganizationCommand(Actor);

/// <summary>First contacts of today (UTC).</summary>
/// <param name="FromNetwork">From the network of this one.</param>
/// <param name="All">From anywhere.</param>
public sealed record ContactLoad(int FromNetwork, int All);

/// <summary>What was proposed elsewhere.</summary>
/// <param name="FromNetwork">Proposals of today (UTC) from the network of this one, by all organisations.</param>
/// <param name="Recipient">What the recipient is asked, over all forwarders.</param>
public sealed record ProposalLoad(int FromNetwork, ConsentLoad Recipient);
