using System.Globalization;

namespace Mailkey.Policy.Outcomes;

/// <summary>What a rule does with a message that it matches.</summary>
internal abstract record Outcome
{
    /// <summary>For a person, in the words of the policy file.</summary>
    public abstract string Text { get; }
}

/// <summary>Taken; no further rule is looked at.</summary>
internal sealed record AcceptOutcome : Outcome
{
    public override string Text => "accept";
}

/// <summary>The stage does not judge this message; the rules behind it do.</summary>
internal sealed record ExemptOutcome : Outcome
{
    public override string Text => "exempt";
}

/// <summary>Taken, and delivered apart.</summary>
internal sealed record QuarantineOutcome : Outcome
{
    public override string Text => "quarantine";
}

/// <summary>A header field; the rules go on.</summary>
internal sealed record TagOutcome(string Field, string Value) : Outcome
{
    public override string Text => $"tag {Field}: {Value}";
}

/// <summary>550.</summary>
internal sealed record RejectOutcome(string? Reason, string Status) : Outcome
{
    public override string Text => $"reject {Status}";
}

/// <summary>451.</summary>
internal sealed record DeferOutcome(string? Reason) : Outcome
{
    public override string Text => "defer";
}

/// <summary>451 for the first message of client network, sender and recipient; the rules go on for one that has waited.</summary>
internal sealed record GreylistOutcome(TimeSpan Delay, TimeSpan Window, TimeSpan Remember) : Outcome
{
    public override string Text => string.Create(CultureInfo.InvariantCulture, $"greylist for {Delay.TotalSeconds:0} s");
}

/// <summary>What a rate limit counts by.</summary>
internal enum RateLimitKey
{
    Client,
    SenderDomain,
    Recipient,
}

/// <summary>451 or 550 for what is more than so many; the rules go on for the others.</summary>
internal sealed record RateLimitOutcome(RateLimitKey Key, int Count, TimeSpan Per, bool Reject) : Outcome
{
    public override string Text => string.Create(CultureInfo.InvariantCulture, $"rate-limit {Count} in {Per.TotalSeconds:0} s by {Key switch { RateLimitKey.Client => "client network", RateLimitKey.SenderDomain => "sender domain", _ => "recipient" }}");
}
