using Mailkey.Contracts;

namespace Mailkey.Verifier.Policy;

/// <summary>What policy says about a message, and by which rule.</summary>
/// <param name="Rule">Name of the rule that decided; it stands in the verdict and in the journal.</param>
/// <param name="Reply">Null when accepted.</param>
public sealed record PolicyDecision(Disposition Disposition, string Rule, ReplyText? Reply)
{
    public static PolicyDecision Accept(string rule) => new(Disposition.Accept, rule, null);

    public static PolicyDecision Reject(string rule, ReplyText reply) => new(Disposition.Reject, rule, reply);

    public static PolicyDecision Defer(string rule, ReplyText reply) => new(Disposition.Defer, rule, reply);
}
