using System.Net;
using Mailkey.Hosting.Options;
using Mailkey.Networks;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Smtp;

/// <summary>A client network: a /24 of IPv4, a /48 of IPv6. One holder of addresses seldom has less.</summary>
internal readonly record struct ClientNetwork(AddressPrefix Prefix)
{
    private const int PrefixIPv4 = 24;
    private const int PrefixIPv6 = 48;

    public static ClientNetwork Of(IPAddress address) => new(AddressPrefix.Of(address, PrefixIPv4, PrefixIPv6));

    public override string ToString() => Prefix.ToString();
}

/// <summary>Counts connections and their rate by client network, and keeps both below their limits.</summary>
internal sealed class ClientNetworks(IOptions<MailkeyOptions> options, TimeProvider time)
{
    /// <summary>Networks that are remembered. Each one costs an attacker a connection of a network of his own.</summary>
    private const int MaxNetworks = 200_000;

    /// <summary>Sessions of one network that may try names in a minute.</summary>
    private const int TriedNamesPerMinute = 10;

    private readonly int maxConnections = options.Value.Smtp.MaxConnectionsPerNetwork;
    private readonly int maxRate = options.Value.Smtp.MaxConnectionRatePerNetwork;
    private readonly int maxLoginFailures = options.Value.Agreements.Smtp.MaxLoginFailuresPerNetwork;
    private readonly Dictionary<ClientNetwork, Usage> networks = [];
    private readonly Lock gate = new();

    /// <summary>Takes a place for a connection, which <see cref="Leave"/> gives back.</summary>
    public bool TryEnter(ClientNetwork network)
    {
        lock (gate)
        {
            if (!networks.TryGetValue(network, out var usage))
            {
                if (networks.Count >= MaxNetworks)
                {
                    Forget();
                    if (networks.Count >= MaxNetworks)
                    {
                        return false;
                    }
                }

                networks.Add(network, usage = new Usage { Tokens = maxRate, Refilled = time.GetTimestamp() });
            }

            if (usage.Connections >= maxConnections || (maxRate > 0 && !TryTakeToken(usage)))
            {
                return false;
            }

            usage.Connections++;
            return true;
        }
    }

    public void Leave(ClientNetwork network)
    {
        lock (gate)
        {
            if (networks.TryGetValue(network, out var usage) && --usage.Connections == 0 && maxRate == 0 && usage.LoginFailures == 0)
            {
                networks.Remove(network);
            }
        }
    }

    /// <summary>
    /// Counts a session that was closed because it tried names. It costs a tenth of the connections of a minute: else the limit of a
    /// session would be none, since the next one may begin at once.
    /// </summary>
    public void NoteTriedNames(ClientNetwork network)
    {
        lock (gate)
        {
            if (maxRate > 0 && networks.TryGetValue(network, out var usage))
            {
                Refill(usage);

                // At most a minute of silence, so that the others of the network are not shut out for long.
                usage.Tokens = Math.Max(-maxRate, usage.Tokens - Math.Max(1, maxRate / TriedNamesPerMinute));
            }
        }
    }

    /// <summary>Whether logins of a network have not failed too often. Asked while a session of it runs.</summary>
    public bool MayLogIn(ClientNetwork network)
    {
        lock (gate)
        {
            return !networks.TryGetValue(network, out var usage) || Forgiven(usage) < maxLoginFailures;
        }
    }

    /// <summary>Counts a login that failed.</summary>
    public void NoteLoginFailure(ClientNetwork network)
    {
        lock (gate)
        {
            if (networks.TryGetValue(network, out var usage))
            {
                usage.LoginFailures = Forgiven(usage) + 1;
            }
        }
    }

    /// <summary>Drops the networks that have neither a connection nor a rate to remember.</summary>
    public void Sweep()
    {
        lock (gate)
        {
            Forget();
        }
    }

    private void Forget()
    {
        foreach (var (network, usage) in networks)
        {
            if (usage.Connections == 0)
            {
                Refill(usage);
                if (usage.Tokens >= maxRate && Forgiven(usage) == 0)
                {
                    networks.Remove(network);
                }
            }
        }
    }

    // A token bucket: a minute's worth of connections at once, then as many as flow in.
    private bool TryTakeToken(Usage usage)
    {
        Refill(usage);
        if (usage.Tokens < 1)
        {
            return false;
        }

        usage.Tokens--;
        return true;
    }

    // Failures are forgiven as they may happen: so many in an hour.
    private double Forgiven(Usage usage)
    {
        var now = time.GetTimestamp();
        usage.LoginFailures = Math.Max(0, usage.LoginFailures - (time.GetElapsedTime(usage.LoginsForgiven, now).TotalHours * maxLoginFailures));
        usage.LoginsForgiven = now;
        return usage.LoginFailures;
    }

    private void Refill(Usage usage)
    {
        var now = time.GetTimestamp();
        usage.Tokens = Math.Min(maxRate, usage.Tokens + (time.GetElapsedTime(usage.Refilled, now).TotalMinutes * maxRate));
        usage.Refilled = now;
    }

    private sealed class Usage
    {
        public int Connections { get; set; }

        public double Tokens { get; set; }

        public long Refilled { get; set; }

        public double LoginFailures { get; set; }

        public long LoginsForgiven { get; set; }
    }
}
