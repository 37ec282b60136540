namespace Mailkey.Agreements.Negotiation.FirstContact;

// What the saga of an organisation is told: where the organisation is, as of a version of its stream.

/// <summary>A proof is missing.</summary>
public sealed record ProofsDue(string Domain, long Version);

/// <summary>The proofs are there; time has to pass.</summary>
public sealed record WaitingBegun(string Domain, long Version);

/// <summary>A person has to look at it.</summary>
public sealed record JudgementDue(string Domain, long Version);

/// <summary>It may propose agreements.</summary>
public sealed record OrganizationAdmitted(string Domain, long Version);

/// <summary>It may not for now.</summary>
public sealed record OrganizationHeld(string Domain, long Version);

/// <summary>It was refused, did not go on in time, or is banned.</summary>
public sealed record ContactClosed(string Domain, long Version);

/// <summary>A time in the contact has come.</summary>
public sealed record ContactDeadlineDue(Guid ContactId);

/// <summary>The proofs are to be looked at again.</summary>
public sealed record ProofLookDue(Guid ContactId);
