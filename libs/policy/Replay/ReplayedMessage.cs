using Mailkey.Contracts;
using Mailkey.Contracts.Journal;

namespace Mailkey.Policy.Replay;

/// <summary>A message as the journal has it: what was known of it, and what was decided then.</summary>
/// <param name="Outcome">One of <see cref="VerdictOutcome"/>.</param>
/// <param name="Rule">The rule that decided.</param>
public sealed record ReplayedMessage(string QueueId, PolicyInput Input, string Outcome, string Rule)
{
    /// <summary>Null when no verifier had judged it: mail that the system made itself, and refusals before the content.</summary>
    public static ReplayedMessage? From(string queueId, AcceptedForDelivery accepted) => PolicyInput.From(accepted) is { } input
        ? new(queueId, input, input.Evidence.Outcome ?? (accepted.Envelope.Quarantine is null ? VerdictOutcome.Accept : VerdictOutcome.Quarantine), input.Evidence.Rule)
        : null;

    /// <inheritdoc cref="From(string, AcceptedForDelivery)"/>
    /// <param name="at">Time of the event.</param>
    public static ReplayedMessage? From(string queueId, TransactionRefused refused, DateTimeOffset at) => PolicyInput.From(refused, at) is { } input
        ? new(queueId, input, input.Evidence.Outcome ?? OutcomeOf(refused, input.Evidence.Rule), input.Evidence.Rule)
        : null;

    // Verdicts of older versions don't say. A message that policy had accepted could still end in 451, for want of a disk or a broker.
    private static string OutcomeOf(TransactionRefused refused, string rule) =>
        rule is "observe" or "signed" or "test-key" or "no-mailkey" ? VerdictOutcome.Accept
        : refused.Reply.Code >= 500 ? VerdictOutcome.Reject
        : VerdictOutcome.Defer;
}
