using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Agreements;

namespace Mailkey.Agreements.Desk;

/// <summary>What came of a command: the state as it is now, read from the events and not from a read model.</summary>
/// <param name="Version">Of the stream; grows with each event.</param>
/// <param name="Refusal">Why nothing happened; null when something did, or when nothing had to.</param>
/// <param name="HasChanged">Whether events were added.</param>
public sealed record DeskAnswer<TState>(TState State, long Version, Refusal? Refusal, bool HasChanged);

/// <summary>What came of a proposal.</summary>
/// <param name="Id">The agreement that it became, or that was there already; null when it was refused before there was one.</param>
public sealed record ProposalAnswer(AgreementId? Id, AgreementState State, long Version, Refusal? Refusal, bool HasChanged);
