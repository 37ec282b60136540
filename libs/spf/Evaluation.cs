using System.Globalization;
using System.Text;
using Mailkey.Dns;

namespace Mailkey.Spf;

/// <summary>One run of check_host() with what it has used up so far.</summary>
internal sealed class Evaluation
{
    private static readonly DnsAnswer Late = new() { Status = DnsStatus.Timeout, Detail = "the time for SPF is up" };

    // RFC 7505: the exchange of a domain that takes no mail.
    private static readonly Task<DnsAnswer> NoExchange = Task.FromResult(new DnsAnswer { Status = DnsStatus.NoData });

    private readonly IDnsResolver _resolver;
    private readonly SpfIdentity _identity;
    private readonly string _domain;
    private readonly ClientAddress _client;
    private readonly MacroValues _values;
    private readonly TimeSpan _timeLimit;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly CancellationToken _cancellation;

    private int _lookupTerms;
    private int _voidLookups;
    private bool _isLate;
    private string? _problem;
    private ClientNames? _clientNames;

    public Evaluation(
        IDnsResolver resolver, SpfQuestion question, SpfIdentity identity, string localPart, string domain, TimeSpan timeLimit, TimeProvider time, CancellationToken cancellationToken)
    {
        _resolver = resolver;
        _identity = identity;
        _domain = domain;
        _client = new(question.Client);
        _values = new(question, _client, localPart, domain, time);
        _timeLimit = timeLimit;
        _time = time;
        _started = time.GetTimestamp();
        _cancellation = cancellationToken;
    }

    private enum Match
    {
        No,
        Yes,
        TempError,
        PermError,
    }

    public async ValueTask<SpfResult> RunAsync()
    {
        var outcome = await CheckHostAsync(_domain);
        return new()
        {
            Verdict = outcome.Verdict,
            Identity = _identity,
            Domain = _domain,
            Directive = outcome.Directive,
            Explanation = outcome.Verdict == SpfVerdict.Fail ? await ExplainAsync(outcome) : null,
            Problem = outcome.Verdict is SpfVerdict.None or SpfVerdict.TempError or SpfVerdict.PermError ? Printable(_problem ?? "") : null,
        };
    }

    private async ValueTask<Outcome> CheckHostAsync(string domain)
    {
        for (var redirected = false; ; redirected = true)
        {
            var (verdict, record) = await FindRecordAsync(domain);
            if (record is null)
            {
                // RFC 7208 §6.1: a redirect to nowhere is the fault of the record that has it.
                return new(redirected && verdict == SpfVerdict.None ? SpfVerdict.PermError : verdict);
            }

            var position = 0;
            while (record.TryReadTerm(ref position, out var term))
            {
                if (term.IsModifier)
                {
                    continue;
                }

                var match = await MatchAsync(record, term, domain);
                if (_isLate)
                {
                    _problem = Late.Detail;
                    return new(SpfVerdict.TempError);
                }

                switch (match)
                {
                    case Match.Yes:
                        return new(term.Qualifier, record.TextOf(term).ToString(), record, domain);
                    case Match.TempError:
                        return new(SpfVerdict.TempError);
                    case Match.PermError:
                        return new(SpfVerdict.PermError);
                }
            }

            if (record.Redirect is not { } redirect)
            {
                return new(SpfVerdict.Neutral); // RFC 7208 §4.7
            }

            if (!CountLookupTerm())
            {
                return new(SpfVerdict.PermError);
            }

            if (!CanExpand(record.DomainOf(redirect)))
            {
                return new(SpfVerdict.Neutral); // RFC 8616 §4: as if the modifier were not there
            }

            if (await ExpandAsync(record, redirect, domain) is not { } target)
            {
                _problem = $"{domain}: redirect to no domain name";
                return new(SpfVerdict.PermError);
            }

            domain = target;
        }
    }

    // RFC 7208 §4.4, §4.5
    private async ValueTask<(SpfVerdict Verdict, SpfRecord? Record)> FindRecordAsync(string domain)
    {
        if (!domain.Contains('.', StringComparison.Ordinal))
        {
            _problem = $"{domain}: a name of one label";
            return (SpfVerdict.None, null);
        }

        var answer = await AskAsync(domain, DnsRecordType.Txt);
        if (IsFailure(answer, domain))
        {
            return (SpfVerdict.TempError, null);
        }

        string? text = null;
        for (var i = 0; i < answer.Records.Count; i++)
        {
            if (answer.Records[i].Text is { } candidate && SpfRecord.IsSpf(candidate))
            {
                if (text is not null)
                {
                    _problem = $"{domain}: more than one SPF record";
                    return (SpfVerdict.PermError, null);
                }

                text = candidate;
            }
        }

        if (text is null)
        {
            _problem = $"{domain}: no SPF record";
            return (SpfVerdict.None, null);
        }

        if (SpfRecord.TryParse(text, out var record, out var error))
        {
            return (SpfVerdict.Neutral, record);
        }

        _problem = $"{domain}: {error}";
        return (SpfVerdict.PermError, null);
    }

    private async ValueTask<Match> MatchAsync(SpfRecord record, SpfTerm term, string domain)
    {
        switch (term.Kind)
        {
            case SpfTermKind.All:
                return Match.Yes;
            case SpfTermKind.Ip4:
                return _client.IsIp4 && _client.IsWithin(term.Network, term.Ip4Prefix) ? Match.Yes : Match.No;
            case SpfTermKind.Ip6:
                return !_client.IsIp4 && _client.IsWithin(term.Network, term.Ip6Prefix) ? Match.Yes : Match.No;
        }

        if (!CountLookupTerm())
        {
            return Match.PermError;
        }

        var target = domain;
        if (term.DomainLength > 0)
        {
            // RFC 8616 §4: a local part that is not ASCII can't be in the DNS, so such a term matches nothing.
            if (!CanExpand(record.DomainOf(term)))
            {
                return Match.No;
            }

            if (await ExpandAsync(record, term, domain) is not { } expanded)
            {
                // RFC 7208 §4.8 leaves open what a name is that can't exist. We take it for one that doesn't, without asking.
                _problem = $"{domain}: no domain name in {record.TextOf(term)}";
                return term.Kind == SpfTermKind.Include ? Match.PermError : Match.No;
            }

            target = expanded;
        }

        return term.Kind switch
        {
            SpfTermKind.Include => await MatchIncludeAsync(target),
            SpfTermKind.A => await MatchAddressAsync(target, term),
            SpfTermKind.Mx => await MatchExchangesAsync(target, term),
            SpfTermKind.Ptr => await MatchClientNameAsync(target),
            _ => await MatchExistsAsync(target),
        };
    }

    // RFC 7208 §5.2
    private async ValueTask<Match> MatchIncludeAsync(string target)
    {
        var outcome = await CheckHostAsync(target);
        return outcome.Verdict switch
        {
            SpfVerdict.Pass => Match.Yes,
            SpfVerdict.TempError => Match.TempError,
            SpfVerdict.PermError or SpfVerdict.None => Match.PermError,
            _ => Match.No,
        };
    }

    // RFC 7208 §5.3
    private async ValueTask<Match> MatchAddressAsync(string target, SpfTerm term)
    {
        var answer = await AskAsync(target, AddressType);
        if (IsFailure(answer, target))
        {
            return Match.TempError;
        }

        return !CountVoid(answer) ? Match.PermError : HasClient(answer, term) ? Match.Yes : Match.No;
    }

    // RFC 7208 §5.4
    private async ValueTask<Match> MatchExchangesAsync(string target, SpfTerm term)
    {
        var answer = await AskAsync(target, DnsRecordType.Mx);
        if (IsFailure(answer, target))
        {
            return Match.TempError;
        }

        if (!CountVoid(answer))
        {
            return Match.PermError;
        }

        if (answer.Records.Count > SpfLimits.MailExchanges)
        {
            _problem = string.Create(CultureInfo.InvariantCulture, $"{target}: more than {SpfLimits.MailExchanges} mail exchanges");
            return Match.PermError;
        }

        // All at once, but looked at in order: what one of them says does not depend on how fast another one is.
        var asked = new Task<DnsAnswer>[answer.Records.Count];
        for (var i = 0; i < asked.Length; i++)
        {
            asked[i] = answer.Records[i].Target is { } exchange and not "." ? AskReadyAsync(exchange, AddressType).AsTask() : NoExchange;
        }

        var found = asked.Length == 0;
        for (var i = 0; i < asked.Length; i++)
        {
            var addresses = await asked[i];
            if (IsFailure(addresses, answer.Records[i].Target!))
            {
                return Match.TempError;
            }

            if (HasClient(addresses, term))
            {
                return Match.Yes;
            }

            found |= addresses.Records.Count > 0;
        }

        // RFC 7208 §4.6.4 counts terms: exchanges without addresses of this family are one void look-up together.
        return found || CountVoid() ? Match.No : Match.PermError;
    }

    // RFC 7208 §5.5. Nothing that this looks up counts as void: the records of the client are not the domain's fault.
    private async ValueTask<Match> MatchClientNameAsync(string target)
    {
        _clientNames ??= new(await ClientNamesAsync());
        for (var i = 0; i < _clientNames.Names.Length; i++)
        {
            if (IsWithin(_clientNames.Names[i], target) && await IsValidatedAsync(_clientNames, i))
            {
                return Match.Yes;
            }
        }

        return Match.No;
    }

    // RFC 7208 §5.7: A, whatever the client's family.
    private async ValueTask<Match> MatchExistsAsync(string target)
    {
        var answer = await AskAsync(target, DnsRecordType.A);
        if (IsFailure(answer, target))
        {
            return Match.TempError;
        }

        return !CountVoid(answer) ? Match.PermError : answer.Records.Count > 0 ? Match.Yes : Match.No;
    }

    private bool HasClient(DnsAnswer answer, in SpfTerm term)
    {
        for (var i = 0; i < answer.Records.Count; i++)
        {
            if (answer.Records[i].Address is { } address && _client.IsWithin(address, _client.IsIp4 ? term.Ip4Prefix : term.Ip6Prefix))
            {
                return true;
            }
        }

        return false;
    }

    // RFC 7208 §5.5: a failure means that the client has no names.
    private async ValueTask<string[]> ClientNamesAsync()
    {
        var answer = await AskAsync(_client.ReverseName(), DnsRecordType.Ptr);
        var names = new string[Math.Min(answer.Records.Count, SpfLimits.ClientNames)];
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = answer.Records[i].Target ?? ".";
        }

        return names;
    }

    private async ValueTask<bool> IsValidatedAsync(ClientNames names, int index)
    {
        if (names.Validated[index] is { } known)
        {
            return known;
        }

        var name = names.Names[index];
        var answer = await AskReadyAsync(name, AddressType);
        var validated = false;
        for (var i = 0; i < answer.Records.Count; i++)
        {
            validated |= answer.Records[i].Address is { } address && _client.IsWithin(address, _client.IsIp4 ? SpfTerm.Ip4Bits : SpfTerm.Ip6Bits);
        }

        names.Validated[index] = validated;
        return validated;
    }

    /// <summary>The value of the macro p (RFC 7208 §7.3): the domain itself, else a name below it, else any; only validated ones.</summary>
    private async ValueTask<string> ValidatedNameAsync(string domain)
    {
        _clientNames ??= new(await ClientNamesAsync());
        string? best = null;
        var rank = 0;
        for (var i = 0; i < _clientNames.Names.Length; i++)
        {
            var name = _clientNames.Names[i];
            var own = string.Equals(name, domain, StringComparison.OrdinalIgnoreCase) ? 3 : IsWithin(name, domain) ? 2 : 1;
            if (own > rank && await IsValidatedAsync(_clientNames, i))
            {
                (best, rank) = (name, own);
            }
        }

        return best ?? "unknown";
    }

    private static bool IsWithin(string name, string domain) =>
        name.EndsWith(domain, StringComparison.OrdinalIgnoreCase) && (name.Length == domain.Length || name[^(domain.Length + 1)] == '.');

    private bool CanExpand(ReadOnlySpan<char> domainSpec) => _values.HasAsciiLocalPart || !MacroString.Uses(domainSpec, "sl");

    private async ValueTask<string?> ExpandAsync(SpfRecord record, SpfTerm term, string domain)
    {
        await PrepareAsync(record.Text.AsMemory(term.DomainStart, term.DomainLength), domain);
        return TargetName.TryExpand(record.DomainOf(term), _values, out var name) ? name : null;
    }

    private async ValueTask PrepareAsync(ReadOnlyMemory<char> macroString, string domain)
    {
        _values.Domain = domain;
        if (MacroString.Uses(macroString.Span, "p"))
        {
            _values.ValidatedName = await ValidatedNameAsync(domain);
        }
    }

    // RFC 7208 §6.2: whatever goes wrong here, the result is a fail without explanation.
    private async ValueTask<string?> ExplainAsync(Outcome outcome)
    {
        if (outcome.Record?.Explanation is not { } term || !CanExpand(outcome.Record.DomainOf(term))
            || await ExpandAsync(outcome.Record, term, outcome.Domain!) is not { } target)
        {
            return null;
        }

        var answer = await AskAsync(target, DnsRecordType.Txt);
        if (answer.Records.Count != 1 || answer.Records[0].Text is not { } text || !MacroString.TryCheck(text, MacroContext.Explanation, out _, out _))
        {
            return null;
        }

        await PrepareAsync(text.AsMemory(), outcome.Domain!);
        return Explain(text);
    }

    private string? Explain(string text)
    {
        var output = new MacroOutput(stackalloc char[SpfLimits.Explanation], keepsEnd: false);
        MacroString.Expand(text, _values, ref output);
        var explanation = output.Written.Trim(' ');

        // The text was checked, but not what the client put into its macros.
        return explanation.IsEmpty || explanation.ContainsAnyExceptInRange(' ', '~') ? null : explanation.ToString();
    }

    private DnsRecordType AddressType => _client.IsIp4 ? DnsRecordType.A : DnsRecordType.Aaaa;

    private ValueTask<DnsAnswer> AskAsync(string name, DnsRecordType type) => AskReadyAsync(TargetName.ForQuery(name), type);

    // For names that are in the form of a query; those that come out of the DNS are. An answer from the cache costs neither task nor timer.
    private ValueTask<DnsAnswer> AskReadyAsync(string name, DnsRecordType type)
    {
        var asked = _resolver.ResolveAsync(name, type, _cancellation);
        return asked.IsCompletedSuccessfully ? asked : WaitAsync(asked.AsTask());
    }

    private async ValueTask<DnsAnswer> WaitAsync(Task<DnsAnswer> asked)
    {
        var left = _timeLimit - _time.GetElapsedTime(_started);
        if (left > TimeSpan.Zero)
        {
            try
            {
                return await asked.WaitAsync(left, _time, _cancellation);
            }
            catch (TimeoutException)
            {
                // The look-up goes on, and its answer is there for the next message.
            }
        }

        _isLate = true;
        return Late;
    }

    // RFC 7208 §2.6.6, §4.4
    private bool IsFailure(DnsAnswer answer, string name)
    {
        if (answer.Status is DnsStatus.Success or DnsStatus.NoData or DnsStatus.NameError)
        {
            return false;
        }

        _problem = ReferenceEquals(answer, Late) ? Late.Detail : $"{name}: {answer.Detail}";
        return true;
    }

    private bool CountLookupTerm()
    {
        if (++_lookupTerms <= SpfLimits.LookupTerms)
        {
            return true;
        }

        _problem = string.Create(CultureInfo.InvariantCulture, $"more than {SpfLimits.LookupTerms} terms that need a look-up");
        return false;
    }

    private bool CountVoid(DnsAnswer answer) => answer.Records.Count > 0 || CountVoid();

    private bool CountVoid()
    {
        if (++_voidLookups <= SpfLimits.VoidLookups)
        {
            return true;
        }

        _problem = string.Create(CultureInfo.InvariantCulture, $"more than {SpfLimits.VoidLookups} look-ups that find nothing");
        return false;
    }

    private static string Printable(string text)
    {
        text = text.Length > SpfLimits.Explanation ? text[..SpfLimits.Explanation] : text;
        if (!text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            return text;
        }

        var printable = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            printable.Append(char.IsBetween(c, ' ', '~') ? c : '?');
        }

        return printable.ToString();
    }

    /// <param name="Record">The record whose directive matched, and <paramref name="Domain"/> its name: for the explanation.</param>
    private readonly record struct Outcome(SpfVerdict Verdict, string? Directive = null, SpfRecord? Record = null, string? Domain = null);

    private sealed record ClientNames(string[] Names)
    {
        public bool?[] Validated { get; } = new bool?[Names.Length];
    }
}
