using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mailkey.Authentication.Keys;
using Mailkey.Contracts;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Networks;
using Mailkey.Verifier.Telemetry;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Evidence;

/// <summary>Asks the configured DNS blocklists and allowlists (RFC 5782) about the client: all at once, and only as long as is configured.</summary>
public sealed class BlocklistCheck
{
    /// <summary>Characters that are kept of the text of a zone.</summary>
    private const int MaxReason = 200;

    /// <summary>Addresses that are named of an answer.</summary>
    private const int MaxCodes = 16;

    // RFC 5782 §5: what no zone that works has on its list.
    private static readonly IPAddress NeverListed4 = IPAddress.Parse("127.0.0.1");
    private static readonly IPAddress NeverListed6 = IPAddress.Parse("::ffff:127.0.0.1");

    private readonly IDnsResolver _resolver;
    private readonly TimeProvider _time;
    private readonly TimeSpan _timeLimit;
    private readonly Zone[] _zones;

    public BlocklistCheck([FromKeyedServices(DnsServices.Yielding)] IDnsResolver resolver, IOptions<MailkeyOptions> options, TimeProvider time)
    {
        _resolver = resolver;
        _time = time;
        _timeLimit = options.Value.Blocklists.Timeout;
        _zones = [.. options.Value.Blocklists.Zones.Select(zone => new Zone(zone))];
    }

    /// <param name="skips">Says which zones are not asked; null asks all.</param>
    /// <returns>One for each zone; none when the client is of no public network, for about such a one no list knows anything.</returns>
    public async ValueTask<IReadOnlyList<BlocklistEvidence>> CheckAsync(ConnectionFacts connection, CancellationToken cancellationToken, Func<string, bool>? skips = null)
    {
        if (_zones.Length == 0 || !IPAddress.TryParse(connection.ClientAddress, out var client))
        {
            return [];
        }

        client = client.Unmapped();
        if (!PublicAddress.IsPublicUnicast(client))
        {
            return [];
        }

        var started = _time.GetTimestamp();
        var asked = new Task<BlocklistEvidence>[_zones.Length];
        for (var i = 0; i < asked.Length; i++)
        {
            asked[i] = skips?.Invoke(_zones[i].Name) is true ? Task.FromResult(_zones[i].Skipped()) : AskAsync(_zones[i], client, started, cancellationToken);
        }

        return await Task.WhenAll(asked);
    }

    private async Task<BlocklistEvidence> AskAsync(Zone zone, IPAddress client, long started, CancellationToken cancellationToken)
    {
        var name = ReverseName.Of(client, zone.Name);
        var answer = await LookUpAsync(name, DnsRecordType.A, started, cancellationToken);
        switch (answer?.Status)
        {
            case null:
                return zone.Unknown("late", "no answer in time");
            case DnsStatus.NameError or DnsStatus.NoData:
                return zone.Clear();
            case not DnsStatus.Success:
                return zone.Unknown("failed", "the DNS failed");
        }

        var codes = zone.Accepted(answer.Records, out var foreign, out var refused);
        if (codes.Count == 0)
        {
            return foreign ? zone.Unknown("foreign", "answers outside of 127.0.0.0/8")
                : refused ? zone.Unknown("refused", "refuses to answer us")
                : zone.Clear();
        }

        // A zone that is dead or for sale may list everybody. The question is the same for all clients, so mostly it costs nothing.
        var text = LookUpAsync(name, DnsRecordType.Txt, started, cancellationToken);
        var everybody = await LookUpAsync(ReverseName.Of(client.AddressFamily == AddressFamily.InterNetwork ? NeverListed4 : NeverListed6, zone.Name), DnsRecordType.A, started, cancellationToken);
        return everybody is { Status: DnsStatus.Success }
            ? zone.Unknown("all-listed", "lists 127.0.0.1 too")
            : zone.Listed(codes, Reason(await text));
    }

    /// <returns>Null when the time is up. The look-up goes on, and its answer is there for the next message.</returns>
    private async Task<DnsAnswer?> LookUpAsync(string name, DnsRecordType type, long started, CancellationToken cancellationToken)
    {
        var asked = _resolver.ResolveAsync(name, type, cancellationToken);
        if (asked.IsCompletedSuccessfully)
        {
            return await asked;
        }

        var left = _timeLimit - _time.GetElapsedTime(started);
        if (left <= TimeSpan.Zero)
        {
            return null;
        }

        try
        {
            return await asked.AsTask().WaitAsync(left, _time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private static string? Reason(DnsAnswer? answer)
    {
        if (answer is not { Records: [{ Text: { Length: > 0 } text }, ..] })
        {
            return null;
        }

        return string.Create(Math.Min(text.Length, MaxReason), text, static (span, text) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsBetween(text[i], ' ', '~') ? text[i] : '?';
            }
        });
    }

    private sealed class Zone(BlocklistZoneOptions options)
    {
        private readonly BlocklistCode[] _codes = [.. options.Codes.Select(Code)];

        public string Name { get; } = DomainName.TryNormalize(options.Name, out var name)
            ? name
            : throw new ArgumentException($"Mailkey:Blocklists:Zones: \"{options.Name}\" is not a domain name.", nameof(options));

        public BlocklistEvidence Listed(IReadOnlyList<string> codes, string? reason) => Evidence("listed", "listed", reason) with { Codes = codes };

        public BlocklistEvidence Skipped() => Evidence("skipped", "skipped", "by agreement");

        public BlocklistEvidence Clear() => Evidence("clear", "clear", null);

        public BlocklistEvidence Unknown(string why, string reason) => Evidence(why, "unknown", reason);

        public List<string> Accepted(IReadOnlyList<DnsRecord> answers, out bool foreign, out bool refused)
        {
            List<string> codes = [];
            foreign = refused = false;
            foreach (var answer in answers)
            {
                if (answer.Address is not { } address)
                {
                    continue;
                }

                foreign |= !BlocklistCode.Any.Matches(address);
                refused |= BlocklistCode.Refusals.Matches(address);
                if (codes.Count < MaxCodes && IsAccepted(address))
                {
                    codes.Add(address.ToString());
                }
            }

            return codes;
        }

        private bool IsAccepted(IPAddress address)
        {
            if (_codes.Length == 0)
            {
                return BlocklistCode.Any.Matches(address) && !BlocklistCode.Refusals.Matches(address);
            }

            return Array.Exists(_codes, code => code.Matches(address));
        }

        private BlocklistEvidence Evidence(string counted, string result, string? reason)
        {
            BlocklistMetrics.CountAnswer(Name, counted);
            return new() { Zone = Name, Kind = options.Kind, Result = result, Reason = reason };
        }

        private static BlocklistCode Code(string text) => BlocklistCode.TryParse(text, out var code)
            ? code
            : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"Mailkey:Blocklists:Zones:Codes: \"{text}\" is no answer of a list."), nameof(text));
    }
}
