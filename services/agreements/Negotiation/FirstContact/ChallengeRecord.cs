using System.Text.Json.Serialization;
using Mailkey.Agreements.Decisions;
using Mailkey.Dns;

namespace Mailkey.Agreements.Negotiation.FirstContact;

/// <summary>What a look for the record of an organisation found. Only the first three are proof of anything.</summary>
[JsonConverter(typeof(KebabCase<ChallengeFinding>))]
public enum ChallengeFinding
{
    /// <summary>The record is there.</summary>
    Found,

    /// <summary>The name, or a record of ours there, does not exist.</summary>
    Missing,

    /// <summary>There is a record with another challenge.</summary>
    Wrong,

    /// <summary>DNS did not say.</summary>
    Unknown,
}

/// <summary>
/// The TXT record by which an organisation proves that its domain is its own. It stays published: that the organisation still has its domain is
/// looked at again and again.
/// </summary>
public static class ChallengeRecord
{
    private const string Label = "_mailkey-agreements.";
    private const string Tag = "mailkey-agreements=";

    /// <summary>Where the record is.</summary>
    /// <param name="domain">In its normal form.</param>
    public static string NameOf(string domain) => Label + domain;

    /// <summary>The text of the record.</summary>
    public static string TextOf(string challenge) => Tag + challenge;

    /// <summary>Looks for the record.</summary>
    public static async ValueTask<ChallengeFinding> LookAsync(IDnsResolver resolver, string domain, string challenge, CancellationToken cancellationToken)
    {
        var name = NameOf(domain);
        if (name.Length > DomainName.MaxLength)
        {
            return ChallengeFinding.Missing;
        }

        var answer = await resolver.ResolveAsync(name, DnsRecordType.Txt, cancellationToken);
        return answer.Status switch
        {
            DnsStatus.NoData or DnsStatus.NameError => ChallengeFinding.Missing,
            DnsStatus.Success when answer.Records.Any(record => string.Equals(record.Text?.Trim(), TextOf(challenge), StringComparison.Ordinal)) => ChallengeFinding.Found,

            // A text of somebody else's is no wrong answer of theirs.
            DnsStatus.Success => answer.Records.Any(record => record.Text?.StartsWith(Tag, StringComparison.Ordinal) == true) ? ChallengeFinding.Wrong : ChallengeFinding.Missing,
            _ => ChallengeFinding.Unknown,
        };
    }
}
