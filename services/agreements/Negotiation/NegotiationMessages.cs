namespace Mailkey.Agreements.Negotiation;

// What the saga of an agreement is told: where the agreement is, as of a version of its stream. One that is older than what the saga knows says
// nothing new, in whatever order they come.

/// <summary>The forwarder has to prove itself.</summary>
public sealed record ProofDue(string AgreementId, long Version);

/// <summary>The user has to consent.</summary>
public sealed record ConsentDue(string AgreementId, long Version);

/// <summary>A person has to approve.</summary>
public sealed record ApprovalDue(string AgreementId, long Version);

/// <summary>The agreement is in force, whether or not something holds it back or other terms wait.</summary>
public sealed record AgreementBinds(string AgreementId, long Version);

/// <summary>It was refused, revoked, or has expired.</summary>
public sealed record AgreementEnded(string AgreementId, long Version);

/// <summary>A time in the agreement has come.</summary>
public sealed record DeadlineDue(Guid NegotiationId);

/// <summary>Something is to be looked at again.</summary>
public sealed record LookDue(Guid NegotiationId);
