using Mailkey.Contracts;

namespace Mailkey.Policy;

/// <summary>A header field that a rule gives to an accepted message.</summary>
/// <param name="Rule">Name of the rule.</param>
/// <param name="Field">Name of the field.</param>
/// <param name="Value">Printable ASCII, one line.</param>
public sealed record AppliedTag(string Rule, string Field, string Value);

/// <summary>What policy says about a message, and by which rule.</summary>
/// <param name="Outcome">One of <see cref="VerdictOutcome"/>.</param>
/// <param name="Rule">Name of the rule that decided; it stands in the verdict, in the reply and in the journal.</param>
/// <param name="Reply">Null when accepted.</param>
public sealed record PolicyDecision(string Outcome, string Rule, ReplyText? Reply)
{
    /// <summary>Field that tells a mail host to deliver a message apart.</summary>
    public const string QuarantineField = "X-Mailkey-Quarantine";

    /// <summary>What the session does.</summary>
    public Disposition Disposition => Reply is null ? Disposition.Accept : Reply.Code >= 500 ? Disposition.Reject : Disposition.Defer;

    /// <summary>Fields for an accepted message, in the order of their rules.</summary>
    public IReadOnlyList<AppliedTag> Tags { get; init; } = [];

    public bool IsQuarantined => Outcome == VerdictOutcome.Quarantine;

    public static PolicyDecision Accept(string rule) => new(VerdictOutcome.Accept, rule, null);

    public static PolicyDecision Quarantine(string rule) => new(VerdictOutcome.Quarantine, rule, null);

    public static PolicyDecision Reject(string rule, ReplyText reply) => new(VerdictOutcome.Reject, rule, Refusals.Naming(rule, reply));

    public static PolicyDecision Defer(string rule, ReplyText reply) => new(VerdictOutcome.Defer, rule, Refusals.Naming(rule, reply));

    /// <summary>The fields to put in front of an accepted message: <c>Name: value</c>.</summary>
    public IReadOnlyList<string> AddedFields()
    {
        if (Reply is not null || (Tags.Count == 0 && !IsQuarantined))
        {
            return [];
        }

        List<string> fields = new(Tags.Count + 1);
        if (IsQuarantined)
        {
            fields.Add($"{QuarantineField}: {Rule}");
        }

        foreach (var tag in Tags)
        {
            fields.Add($"{tag.Field}: {tag.Value}");
        }

        return fields;
    }
}
