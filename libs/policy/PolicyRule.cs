using Mailkey.Hosting.Options;
using Mailkey.Policy.Conditions;
using Mailkey.Policy.Outcomes;

namespace Mailkey.Policy;

/// <summary>A rule of the policy file.</summary>
/// <param name="Name">Unique; lower-case letters, digits and hyphens.</param>
/// <param name="Line">Where it begins in the file, from 1.</param>
internal sealed record PolicyRule(string Name, int Line, Condition When, Outcome Then)
{
    /// <summary>Whether its conditions ask for the history of the sender domain.</summary>
    public bool NeedsHistory { get; } = When.NeedsHistory;

    /// <summary>Whether it matches. A rule about a history that nobody could tell does not.</summary>
    public bool Matches(PolicyInput input) => (!NeedsHistory || input.Evidence.History is not null) && When.Matches(input);
}

/// <summary>The rules of a policy file, in their order.</summary>
public sealed class PolicyRules
{
    internal PolicyRules(IReadOnlyList<PolicyRule> beforeStage, IReadOnlyList<PolicyRule> afterStage)
    {
        BeforeStage = beforeStage;
        AfterStage = afterStage;
        NeedsHistory = beforeStage.Concat(afterStage).Any(rule => rule.NeedsHistory);
        NeedsState = beforeStage.Concat(afterStage).Any(rule => rule.Then is GreylistOutcome or RateLimitOutcome);
    }

    /// <summary>No rules: the stage decides alone.</summary>
    public static PolicyRules None { get; } = new([], []);

    /// <summary>Rules in all.</summary>
    public int Count => BeforeStage.Count + AfterStage.Count;

    /// <summary>Whether a rule asks for the history of the sender domain.</summary>
    public bool NeedsHistory { get; }

    /// <summary>Whether a rule greylists or limits rates.</summary>
    public bool NeedsState { get; }

    /// <summary>Names in the order of the file, with what each does.</summary>
    public IEnumerable<(string Section, string Name, int Line, string Outcome)> Summary =>
        BeforeStage.Select(rule => ("before-stage", rule.Name, rule.Line, rule.Then.Text))
            .Concat(AfterStage.Select(rule => ("rules", rule.Name, rule.Line, rule.Then.Text)));

    /// <summary>Rules that no message can reach: one before them matches everything and is final.</summary>
    public IEnumerable<(string Name, int Line, string Behind)> Unreachable()
    {
        string? end = null;
        foreach (var rule in BeforeStage.Concat(AfterStage))
        {
            if (end is not null)
            {
                yield return (rule.Name, rule.Line, end);
            }
            else if (rule.When is AllOf { IsEmpty: true } && rule.Then is (AcceptOutcome or QuarantineOutcome or RejectOutcome or DeferOutcome))
            {
                end = rule.Name;
            }
        }
    }

    /// <summary>Rules that ask for what is not known under a configuration, so that they, or a part of them, do nothing.</summary>
    public IEnumerable<(string Name, int Line, string Why)> Unanswerable(MailkeyOptions options) =>
        from rule in BeforeStage.Concat(AfterStage)
        from why in Unanswerable(rule.When, options).Distinct(StringComparer.Ordinal)
        select (rule.Name, rule.Line, why);

    private static IEnumerable<string> Unanswerable(Condition condition, MailkeyOptions options)
    {
        var own = condition.Unanswerable(options);
        return condition.Parts.SelectMany(part => Unanswerable(part, options)).Concat(own is null ? [] : [own]);
    }

    internal IReadOnlyList<PolicyRule> BeforeStage { get; }

    internal IReadOnlyList<PolicyRule> AfterStage { get; }
}
