namespace Mailkey.Dns;

/// <summary>What a response says about one question. Records of other names count for nothing (RFC 5452 §6).</summary>
/// <param name="Status">Null: a CNAME chain that has to be followed further, at <paramref name="End"/>.</param>
/// <param name="Records">Records of the asked type at the end of the chain.</param>
/// <param name="TimeToLive">Least TTL of what was used.</param>
/// <param name="Detail">One line for a person.</param>
/// <param name="End">The name at which the chain ended.</param>
/// <param name="Links">CNAMEs that were followed.</param>
internal sealed record AnswerReading(DnsStatus? Status, IReadOnlyList<DnsRecord> Records, TimeSpan TimeToLive, string Detail, string End, int Links)
{
    public static AnswerReading Failure(DnsStatus status, string detail) => new(status, [], TimeSpan.Zero, detail, "", 0);

    public static AnswerReading Of(DnsResponse response, DnsQuestion question, TimeSpan maxNegativeTtl)
    {
        if (response.ResponseCode is not (0 or DnsResolver.NameErrorCode))
        {
            return Failure(DnsStatus.ServerFailure, CodeName(response.ResponseCode));
        }

        var name = question.Name;
        var links = 0;
        var used = 0;
        var timeToLive = TimeSpan.MaxValue;
        while (question.Type != DnsRecordType.Cname && response.Answers.FirstOrDefault(r => r.Type == DnsRecordType.Cname && r.Name == name) is { } alias)
        {
            if (++links > DnsResolver.MaxChain)
            {
                return Failure(DnsStatus.ServerFailure, "CNAME chain without end");
            }

            // RFC 1034 §3.6.2: a name with a CNAME has no other data, and no second CNAME.
            var atName = response.Answers.Count(r => r.Name == name && r.Type is var t && (t == DnsRecordType.Cname || t == question.Type));
            if (atName != 1)
            {
                return Failure(DnsStatus.ServerFailure, "CNAME and other data at one name");
            }

            used++;
            timeToLive = Least(timeToLive, alias.TimeToLive);
            name = alias.Target!;
        }

        DnsRecord[] records = [.. response.Answers.Where(r => r.Type == question.Type && r.Name == name)];
        foreach (var record in records)
        {
            timeToLive = Least(timeToLive, record.TimeToLive);
        }

        if (records.Length > 0)
        {
            return response.ResponseCode == 0
                ? new(DnsStatus.Success, records, timeToLive, "", name, links)
                : Failure(DnsStatus.ServerFailure, "NXDOMAIN with records of the name");
        }

        // An answer that speaks of other names only proves nothing about ours.
        if (response.Answers.Count(r => r.Type == DnsRecordType.Cname || r.Type == question.Type) > used)
        {
            return Failure(DnsStatus.ServerFailure, "answer about another name");
        }

        var soa = response.Authorities.FirstOrDefault(s => s.Zone == "." || DomainName.IsWithin(name, s.Zone));
        if (soa is null && links > 0 && response.ResponseCode == 0)
        {
            return new(null, [], timeToLive, "", name, links);
        }

        // RFC 2308 §5: the TTL of a negative answer is the lesser of the SOA's own TTL and its MINIMUM; without SOA it is not kept.
        timeToLive = soa is null ? TimeSpan.Zero : Least(timeToLive, Least(maxNegativeTtl, Least(soa.TimeToLive, soa.Minimum)));
        if (response.ResponseCode == DnsResolver.NameErrorCode)
        {
            return new(DnsStatus.NameError, [], timeToLive, "NXDOMAIN", name, links);
        }

        // RFC 2308 §2.2.1: NS without SOA is a referral, no proof that there is no data.
        return soa is null && response.HasNameServers
            ? Failure(DnsStatus.ServerFailure, "referral instead of an answer")
            : new(DnsStatus.NoData, [], timeToLive, "NODATA", name, links);
    }

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static string CodeName(int code) => code switch
    {
        DnsResolver.FormatError => "FORMERR",
        2 => "SERVFAIL",
        DnsResolver.NotImplemented => "NOTIMP",
        5 => "REFUSED",
        _ => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"RCODE {code}"),
    };
}
