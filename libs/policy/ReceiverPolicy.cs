using System.Globalization;
using Mailkey.Contracts;
using Mailkey.Policy.Outcomes;
using Mailkey.Policy.State;

namespace Mailkey.Policy;

/// <summary>
/// The whole policy of a receiver: the rules before the stage, the stage, the rules behind it. The first of them that is final
/// for a message decides; when none is, the stage's acceptance holds. Deterministic, and linear in the number of rules.
/// </summary>
public sealed class ReceiverPolicy(StagePolicy stage, PolicyRules rules)
{
    /// <summary>Fields that one message can get: the trace fields of a message share 8 KiB.</summary>
    public const int MaxTags = 8;

    public StagePolicy Stage { get; } = stage;

    public PolicyRules Rules { get; } = rules;

    /// <summary>Judges a message as far as it goes without the shared state.</summary>
    public PolicyPlan Plan(PolicyInput input) => Rules.Count == 0
        ? new(input, Stage.Decide(input.SenderDomain, input.Evidence.HostState, input.Evidence.Result, input.Evidence.Reason), [], [])
        : Walk(input, null);

    /// <summary>The same, and every step of the way as a line of text.</summary>
    public PolicyPlan Explain(PolicyInput input, out IReadOnlyList<PolicyStep> steps)
    {
        List<PolicyStep> taken = [];
        steps = taken;
        return Walk(input, taken);
    }

    private PolicyPlan Walk(PolicyInput input, List<PolicyStep>? steps)
    {
        var course = new Course(input, steps);
        if (course.Through(Rules.BeforeStage))
        {
            return course.Plan!;
        }

        var evidence = input.Evidence;
        if (course.IsExempt)
        {
            // The name of the exemption stays when no rule behind it decides: it is the reason why the message was taken.
            course.Accepted = PolicyDecision.Accept(course.ExemptBy!);
            steps?.Add(new(course.ExemptBy!, true, "the stage is left out"));
        }
        else
        {
            course.Accepted = Stage.Decide(evidence.Domain, evidence.HostState, evidence.Result, evidence.Reason);
            steps?.Add(new(course.Accepted.Rule, true, $"the stage: mailkey host {evidence.HostState}, result {evidence.Result}: {course.Accepted.Outcome}"));
            if (course.Accepted.Reply is not null)
            {
                return course.End(course.Accepted);
            }
        }

        return course.Through(Rules.AfterStage) ? course.Plan! : course.End(course.Accepted);
    }

    // The way of one message through the rules.
    private sealed class Course(PolicyInput input, List<PolicyStep>? steps)
    {
        private readonly List<StateQuery> _queries = [];
        private readonly List<PolicyRule> _asking = [];
        private List<AppliedTag>? _tags;

        public PolicyPlan? Plan { get; private set; }

        public string? ExemptBy { get; private set; }

        public bool IsExempt => ExemptBy is not null;

        public PolicyDecision Accepted { get; set; } = null!;

        // True when a rule ended the way.
        public bool Through(IReadOnlyList<PolicyRule> rules)
        {
            for (var i = 0; i < rules.Count; i++)
            {
                var rule = rules[i];
                if (rule.Matches(input))
                {
                    steps?.Add(new(rule.Name, true, rule.Then.Text));
                    if (Apply(rule))
                    {
                        return true;
                    }
                }
                else
                {
                    steps?.Add(new(rule.Name, false, rule.NeedsHistory && input.Evidence.History is null ? "the history of the sender is not known" : rule.When.Obstacle(input) ?? ""));
                }
            }

            return false;
        }

        public PolicyPlan End(PolicyDecision decision) =>
            Plan = new(input, _tags is null ? decision : decision with { Tags = _tags }, _queries, _asking);

        private bool Apply(PolicyRule rule)
        {
            switch (rule.Then)
            {
                case TagOutcome tag:
                    if ((_tags ??= []).Count < MaxTags)
                    {
                        _tags.Add(new(rule.Name, tag.Field, tag.Value));
                    }

                    return false;
                case ExemptOutcome:
                    ExemptBy ??= rule.Name;
                    return false;
                case GreylistOutcome or RateLimitOutcome:
                    Ask(rule);
                    return false;
                case AcceptOutcome:
                    End(PolicyDecision.Accept(rule.Name));
                    return true;
                case QuarantineOutcome:
                    End(PolicyDecision.Quarantine(rule.Name));
                    return true;
                case RejectOutcome reject:
                    End(PolicyDecision.Reject(rule.Name, Refusals.Rejected(reject.Reason, reject.Status)));
                    return true;
                case DeferOutcome defer:
                    End(PolicyDecision.Defer(rule.Name, Refusals.Deferred(defer.Reason)));
                    return true;
                default:
                    throw new InvalidOperationException($"No way to apply {rule.Then}.");
            }
        }

        private void Ask(PolicyRule rule)
        {
            var keys = Keys(rule);
            if (keys.Count == 0)
            {
                return;
            }

            _asking.Add(rule);
            _queries.Add(rule.Then switch
            {
                GreylistOutcome greylist => new()
                {
                    Rule = rule.Name, Kind = StateKind.Greylist, Keys = keys, Now = input.ReceivedAt,
                    Period = greylist.Delay, Window = greylist.Window, Remember = greylist.Remember,
                },
                RateLimitOutcome limit => new()
                {
                    Rule = rule.Name, Kind = StateKind.RateLimit, Keys = keys, Now = input.ReceivedAt, Period = limit.Per, Limit = limit.Count,
                },
                _ => throw new InvalidOperationException("Only these ask."),
            });
        }

        // In one order for all verifiers: two messages that share keys wait for each other, and never both at once.
        private List<StateKey> Keys(PolicyRule rule)
        {
            List<StateKey> keys = [];
            var client = input.ClientNetwork;
            switch (rule.Then)
            {
                case GreylistOutcome:
                    var sender = input.Sender.Text;
                    keys.AddRange(input.Recipients.Select(recipient => StateKey.Of("greylist", rule.Name, client, sender, recipient.Text)));
                    break;
                case RateLimitOutcome { Key: RateLimitKey.Client }:
                    keys.Add(StateKey.Of("rate-limit", rule.Name, "client", client));
                    break;
                case RateLimitOutcome { Key: RateLimitKey.SenderDomain }:
                    keys.Add(StateKey.Of("rate-limit", rule.Name, "sender-domain", input.SenderDomain));
                    break;
                case RateLimitOutcome { Key: RateLimitKey.Recipient }:
                    keys.AddRange(input.Recipients.Select(recipient => StateKey.Of("rate-limit", rule.Name, "recipient", recipient.Text)));
                    break;
            }

            return keys.Count < 2 ? keys : [.. keys.Distinct().OrderBy(key => key.Bits)];
        }
    }
}

/// <summary>One step of a message's way through a policy.</summary>
/// <param name="Rule">Name of the rule, or of the stage's decision.</param>
/// <param name="Text">What the rule does, or what keeps it from matching.</param>
public sealed record PolicyStep(string Rule, bool IsMatch, string Text);

/// <summary>A decision that may still depend on the state that verifiers share.</summary>
public sealed class PolicyPlan
{
    private readonly PolicyInput _input;
    private readonly IReadOnlyList<PolicyRule> _asking;

    internal PolicyPlan(PolicyInput input, PolicyDecision otherwise, IReadOnlyList<StateQuery> queries, IReadOnlyList<PolicyRule> asking)
    {
        _input = input;
        _asking = asking;
        Otherwise = otherwise;
        Queries = queries;
    }

    /// <summary>What to ask, in order; empty for ordinary mail.</summary>
    public IReadOnlyList<StateQuery> Queries { get; }

    /// <summary>The decision when no query is refused, and when there is nobody to ask.</summary>
    public PolicyDecision Otherwise { get; }

    /// <summary>The decision.</summary>
    /// <param name="refusal">The first query that was refused; null when none was.</param>
    public PolicyDecision Settle(StateRefusal? refusal)
    {
        if (refusal is null)
        {
            return Otherwise;
        }

        var rule = _asking[refusal.Query];
        var wait = refusal.RetryAt - _input.ReceivedAt;
        return rule.Then switch
        {
            GreylistOutcome => new(VerdictOutcome.Greylist, rule.Name, Refusals.Naming(rule.Name, Refusals.Greylisted(wait))),
            RateLimitOutcome limit => new(VerdictOutcome.RateLimit, rule.Name, Refusals.Naming(rule.Name, Refusals.TooMany(Of(limit.Key), limit.Count, limit.Per, wait, limit.Reject))),
            _ => throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"Rule {rule.Name} asks for nothing.")),
        };
    }

    private string Of(RateLimitKey key) => key switch
    {
        RateLimitKey.Client => "from your network",
        RateLimitKey.SenderDomain => $"from {(_input.SenderDomain.Length == 0 ? "senders without a domain" : _input.SenderDomain)}",
        _ => "for this recipient",
    };
}
