using Mailkey.Contracts;
using Mailkey.Policy.State;

namespace Mailkey.Policy.Replay;

/// <summary>Messages whose outcome changes in one way.</summary>
public sealed class OutcomeChange(string before, string after)
{
    /// <summary>Queue ids kept.</summary>
    public const int MaxExamples = 5;

    private readonly Dictionary<(string Before, string After), long> _rules = [];
    private readonly List<ReplayedMessage> _examples = [];

    public string Before { get; } = before;

    public string After { get; } = after;

    public long Count { get; private set; }

    /// <summary>By the rule that decided and the one that would, the most frequent first.</summary>
    public IEnumerable<(string Before, string After, long Count)> Rules =>
        _rules.OrderByDescending(rule => rule.Value).ThenBy(rule => rule.Key).Select(rule => (rule.Key.Before, rule.Key.After, rule.Value));

    /// <summary>The first of them.</summary>
    public IReadOnlyList<ReplayedMessage> Examples => _examples;

    internal void Add(ReplayedMessage message, PolicyDecision decision)
    {
        Count++;
        _rules[(message.Rule, decision.Rule)] = _rules.GetValueOrDefault((message.Rule, decision.Rule)) + 1;
        if (_examples.Count < MaxExamples)
        {
            _examples.Add(message);
        }
    }
}

/// <summary>What becomes of the mail of one domain.</summary>
public sealed class DomainForecast(string domain)
{
    /// <summary>Empty for mail without a sender domain.</summary>
    public string Domain { get; } = domain;

    public long Messages { get; internal set; }

    /// <summary>Would be refused for good.</summary>
    public long WouldRefuse { get; internal set; }

    /// <summary>Would be refused for now.</summary>
    public long WouldDefer { get; internal set; }

    /// <summary>Of those that would be refused, for good or for now: how many were accepted.</summary>
    public long AcceptedNow { get; internal set; }
}

/// <summary>
/// Runs stored messages through a policy and counts what would be different. Greylisting and rate limits work as they would,
/// from an empty memory and by the times of the messages; so add messages in the order of their times.
/// </summary>
public sealed class PolicyReplay(ReceiverPolicy policy)
{
    /// <summary>Domains counted one by one. Names that forgers make up have no end.</summary>
    private const int MaxDomains = 200_000;

    /// <summary>Where the rest is counted.</summary>
    public const string OtherDomains = "(others)";

    private readonly MemoryPolicyState _state = new();
    private readonly Dictionary<(string Before, string After), OutcomeChange> _changes = [];
    private readonly Dictionary<string, DomainForecast> _domains = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _outcomes = new(StringComparer.Ordinal);

    /// <summary>Messages run through.</summary>
    public long Messages { get; private set; }

    /// <summary>Messages whose outcome would be another one.</summary>
    public long Changed { get; private set; }

    /// <summary>Messages with the same outcome, by another rule.</summary>
    public long OtherRule { get; private set; }

    /// <summary>Messages without a stored history, where the policy asks for one: its rules about history were skipped.</summary>
    public long WithoutHistory { get; private set; }

    public long WouldRefuse { get; private set; }

    public long WouldDefer { get; private set; }

    /// <summary>Of those that would be refused, for good or for now: how many were accepted.</summary>
    public long AcceptedNow { get; private set; }

    /// <summary>What would be, by outcome.</summary>
    public IReadOnlyDictionary<string, long> Outcomes => _outcomes;

    /// <summary>The most frequent first.</summary>
    public IEnumerable<OutcomeChange> Changes => _changes.Values.OrderByDescending(change => change.Count).ThenBy(change => change.Before, StringComparer.Ordinal).ThenBy(change => change.After, StringComparer.Ordinal);

    /// <summary>Domains of which something would be refused, the most first.</summary>
    public IEnumerable<DomainForecast> Domains => _domains.Values.Where(domain => domain.WouldRefuse + domain.WouldDefer > 0)
        .OrderByDescending(domain => domain.WouldRefuse + domain.WouldDefer).ThenBy(domain => domain.Domain, StringComparer.Ordinal);

    /// <summary>Runs one message through.</summary>
    public PolicyDecision Add(ReplayedMessage message)
    {
        var input = message.Input;
        var plan = policy.Plan(input);
        var decision = plan.Queries.Count == 0 ? plan.Otherwise : plan.Settle(_state.Ask(plan.Queries));
        Messages++;
        _outcomes[decision.Outcome] = _outcomes.GetValueOrDefault(decision.Outcome) + 1;
        if (policy.Rules.NeedsHistory && input.Evidence.History is null && input.SenderDomain.Length > 0)
        {
            WithoutHistory++;
        }

        var domain = Domain(input.SenderDomain);
        domain.Messages++;
        if (decision.Reply is not null)
        {
            var isFinal = decision.Disposition == Disposition.Reject;
            var wasAccepted = message.Outcome is VerdictOutcome.Accept or VerdictOutcome.Quarantine;
            (WouldRefuse, WouldDefer, AcceptedNow) = (WouldRefuse + (isFinal ? 1 : 0), WouldDefer + (isFinal ? 0 : 1), AcceptedNow + (wasAccepted ? 1 : 0));
            domain.WouldRefuse += isFinal ? 1 : 0;
            domain.WouldDefer += isFinal ? 0 : 1;
            domain.AcceptedNow += wasAccepted ? 1 : 0;
        }

        if (decision.Outcome != message.Outcome)
        {
            Changed++;
            if (!_changes.TryGetValue((message.Outcome, decision.Outcome), out var change))
            {
                _changes.Add((message.Outcome, decision.Outcome), change = new(message.Outcome, decision.Outcome));
            }

            change.Add(message, decision);
        }
        else if (decision.Rule != message.Rule)
        {
            OtherRule++;
        }

        return decision;
    }

    private DomainForecast Domain(string name)
    {
        if (_domains.TryGetValue(name, out var domain))
        {
            return domain;
        }

        name = _domains.Count < MaxDomains ? name : OtherDomains;
        if (!_domains.TryGetValue(name, out domain))
        {
            _domains.Add(name, domain = new(name));
        }

        return domain;
    }
}
