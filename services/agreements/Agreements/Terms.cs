using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Mailkey.Agreements.Decisions;
using Mailkey.Dns;
using Mailkey.Smtp;

namespace Mailkey.Agreements.Agreements;

/// <summary>What blocklists have to say about this forwarder's connections.</summary>
[JsonConverter(typeof(KebabCase<DnsblTerm>))]
public enum DnsblTerm
{
    /// <summary>They are asked as for everybody.</summary>
    Check,

    /// <summary>The zones of <see cref="Terms.DnsblZones"/> are not asked.</summary>
    SkipZones,

    /// <summary>None is asked.</summary>
    Skip,
}

/// <summary>What SPF has to say. A forwarded message nearly never passes it for its own envelope sender.</summary>
[JsonConverter(typeof(KebabCase<SpfTerm>))]
public enum SpfTerm
{
    /// <summary>As for everybody.</summary>
    Enforce,

    /// <summary>The forwarder's domain must pass instead of the envelope sender's.</summary>
    ForwarderDomain,

    /// <summary>It is evaluated and reported, and decides nothing.</summary>
    Ignore,
}

/// <summary>What the mailkey signature of the original sender has to say.</summary>
[JsonConverter(typeof(KebabCase<MailkeyTerm>))]
public enum MailkeyTerm
{
    /// <summary>It must be good for this recipient.</summary>
    Enforce,

    /// <summary>
    /// It must be good but for the recipient it names, who is the one that forwards. That is what a forward looks like, so it skips no
    /// check: time, sender and content stay bound.
    /// </summary>
    IgnoreRecipientBinding,
}

/// <summary>In which form complaints go back to the forwarder.</summary>
[JsonConverter(typeof(KebabCase<FeedbackFormat>))]
public enum FeedbackFormat
{
    Off,

    /// <summary>Abuse Reporting Format (RFC 5965).</summary>
    Arf,
}

/// <summary>Where complaints go.</summary>
public sealed record Feedback(FeedbackFormat Format, string? Address = null)
{
    /// <summary>Nowhere.</summary>
    public static Feedback Off { get; } = new(FeedbackFormat.Off, null);
}

/// <summary>
/// What both sides agreed on. Syntax, size and loop checks, complaints and the receiver's own blocks are no terms: nothing here can
/// switch them off.
/// </summary>
public sealed record Terms
{
    /// <summary>Zones that <see cref="DnsblZones"/> may name.</summary>
    public const int MaxZones = 16;

    public required DnsblTerm Dnsbl { get; init; }

    /// <summary>Blocklist zones that are not asked, in their normal form and order; only with <see cref="DnsblTerm.SkipZones"/>.</summary>
    public IReadOnlyList<string>? DnsblZones { get; init; }

    public required SpfTerm Spf { get; init; }

    public required MailkeyTerm Mailkey { get; init; }

    public required Feedback Feedback { get; init; }

    /// <summary>Messages a day (UTC).</summary>
    public required int Rate { get; init; }

    /// <summary>Octets of a message.</summary>
    public required long Size { get; init; }

    /// <summary>When the agreement ends by itself; null: never.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>Whether a check that everybody else goes through is left out or decides nothing.</summary>
    [JsonIgnore]
    public bool SkipsChecks => Dnsbl != DnsblTerm.Check || Spf == SpfTerm.Ignore;

    /// <summary>
    /// Whether these terms give the forwarder nothing that the others do not: then the receiver's side loses nothing by them. Another address for
    /// complaints is something else, for they carry mail.
    /// </summary>
    public bool GrantNoMoreThan(Terms other) =>
        GrantNoMoreZonesThan(other)
        && Spf <= other.Spf
        && Mailkey <= other.Mailkey
        && (Feedback == other.Feedback || Feedback == Feedback.Off)
        && Rate <= other.Rate
        && Size <= other.Size
        && (other.Expires is not { } end || Expires <= end);

    /// <summary>The terms as they act during probation: few and small messages, and every check.</summary>
    public Terms During(Probation probation) => this with
    {
        Dnsbl = DnsblTerm.Check,
        DnsblZones = null,
        Spf = Spf == SpfTerm.Ignore ? SpfTerm.ForwarderDomain : Spf,
        Rate = Math.Min(Rate, probation.Rate),
        Size = Math.Min(Size, probation.Size),
    };

    /// <summary>Brings domain names into their normal forms, and checks the terms against what the operator allows.</summary>
    /// <param name="normal">The terms as they are kept.</param>
    /// <returns>Null when they are acceptable; else what is not.</returns>
    public Refusal? Check(TermsLimits limits, DateTimeOffset now, out Terms normal)
    {
        normal = this;
        if (!Enum.IsDefined(Dnsbl) || !Enum.IsDefined(Spf) || !Enum.IsDefined(Mailkey) || Feedback is null || !Enum.IsDefined(Feedback.Format))
        {
            return AgreementRefusals.TermsInvalid.With("A term has a value that does not exist.");
        }

        if (CheckZones(ref normal) is { } zones)
        {
            return zones;
        }

        if (CheckFeedback(ref normal) is { } feedback)
        {
            return feedback;
        }

        if (Rate < 1 || Size < 1)
        {
            return AgreementRefusals.TermsInvalid.With("rate and size start at 1.");
        }

        if (Expires <= now)
        {
            return AgreementRefusals.TermsInvalid.With("expires is over already.");
        }

        normal = normal with { Expires = Expires?.ToUniversalTime() };
        return this switch
        {
            { Dnsbl: not DnsblTerm.Check } when !limits.DnsblSkip => AgreementRefusals.TermsBeyondLimits.With("dnsbl: blocklists are always asked here."),
            { Spf: SpfTerm.Ignore } when !limits.SpfIgnore => AgreementRefusals.TermsBeyondLimits.With("spf: ignore is not to be had here."),
            _ when Rate > limits.Rate => AgreementRefusals.TermsBeyondLimits.With($"rate: {limits.Rate} messages a day at most."),
            _ when Size > limits.Size => AgreementRefusals.TermsBeyondLimits.With($"size: {limits.Size} octets at most."),
            _ when limits.Lifetime is { } lifetime && (Expires is not { } end || end - now > lifetime) =>
                AgreementRefusals.TermsBeyondLimits.With($"expires: needed, and {(int)lifetime.TotalDays} days from now at most."),
            _ => null,
        };
    }

    // The lists of zones compare by what is in them.
    public bool Equals(Terms? other) =>
        other is not null && Dnsbl == other.Dnsbl && Spf == other.Spf && Mailkey == other.Mailkey && Feedback == other.Feedback
        && Rate == other.Rate && Size == other.Size && Expires == other.Expires && (DnsblZones ?? []).SequenceEqual(other.DnsblZones ?? []);

    public override int GetHashCode() => HashCode.Combine(Dnsbl, Spf, Mailkey, Feedback, Rate, Size, Expires, DnsblZones?.Count);

    private bool GrantNoMoreZonesThan(Terms other) => (Dnsbl, other.Dnsbl) switch
    {
        (DnsblTerm.Check, _) or (_, DnsblTerm.Skip) => true,
        (DnsblTerm.SkipZones, DnsblTerm.SkipZones) => !(DnsblZones ?? []).Except(other.DnsblZones ?? [], StringComparer.Ordinal).Any(),
        _ => false,
    };

    private Refusal? CheckZones(ref Terms normal)
    {
        if (Dnsbl != DnsblTerm.SkipZones)
        {
            return DnsblZones is null or [] ? null : AgreementRefusals.TermsInvalid.With("dnsblZones belong to skip-zones.");
        }

        if (DnsblZones is null or { Count: 0 or > MaxZones })
        {
            return AgreementRefusals.TermsInvalid.With($"dnsblZones: 1 to {MaxZones} zones.");
        }

        var names = ImmutableSortedSet.CreateBuilder<string>(StringComparer.Ordinal);
        foreach (var zone in DnsblZones)
        {
            if (!DomainName.TryNormalize(zone, out var name))
            {
                return AgreementRefusals.TermsInvalid.With("dnsblZones: not a domain name.");
            }

            names.Add(name);
        }

        normal = normal with { DnsblZones = [.. names] };
        return null;
    }

    private Refusal? CheckFeedback(ref Terms normal)
    {
        if (Feedback.Format == FeedbackFormat.Off)
        {
            return Feedback.Address is null ? null : AgreementRefusals.TermsInvalid.With("feedback: an address needs a format.");
        }

        if (!Mailbox.TryParse(Feedback.Address ?? "", out var mailbox, out _) || mailbox!.IsAddressLiteral)
        {
            return AgreementRefusals.TermsInvalid.With("feedback: the address is none.");
        }

        normal = normal with { Feedback = Feedback with { Address = mailbox.Text } };
        return null;
    }
}

/// <summary>What the operator lets be agreed on at most.</summary>
public sealed record TermsLimits
{
    /// <summary>Messages a day.</summary>
    public int Rate { get; init; } = 10_000;

    /// <summary>Octets of a message.</summary>
    public long Size { get; init; } = 50L << 20;

    /// <summary>Time until an agreement must have ended; null: it need not.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>Whether blocklists may be left out.</summary>
    public bool DnsblSkip { get; init; } = true;

    /// <summary>Whether SPF may be ignored.</summary>
    public bool SpfIgnore { get; init; } = true;
}

/// <summary>Limits of a beginning, as they were when it began.</summary>
/// <param name="Rate">Messages a day.</param>
/// <param name="Size">Octets of a message.</param>
/// <param name="ReviewFrom">Before that there is no promotion.</param>
public sealed record Probation(int Rate, long Size, DateTimeOffset ReviewFrom);
