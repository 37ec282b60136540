using System.Net;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Testkit;
using Mailkey.Testkit.Https;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mailkey.Authentication.Tests.Keys;

/// <summary>A discovery as the verifier has it, with a resolver of the test and a clock of its own.</summary>
internal sealed class DiscoverySetup : IDisposable
{
    public static readonly string PublicKey = Convert.ToBase64String(NewEd25519());

    private readonly string? _authorities;

    public DiscoverySetup(IPEndPoint dns, KeyHostOptions? options = null, TestAuthority? authority = null, KeyHostServer? https = null, bool oneClock = false)
    {
        Options = options ?? new();
        Options.AllowPrivateAddresses = options is null;
        if (https is not null)
        {
            Options.HttpsPort = https.Port;
        }

        if (authority is not null)
        {
            _authorities = Path.GetTempFileName();
            File.WriteAllText(_authorities, authority.Pem);
            Options.CertificateAuthorities = _authorities;
        }

        Resolver = new DnsResolver(new() { Servers = [dns], AttemptTimeout = TimeSpan.FromSeconds(1), Attempts = 2, Timeout = TimeSpan.FromSeconds(10) }, oneClock ? Time : TimeProvider.System);
        Fetcher = new(Options, TimeProvider.System);
        Search = new(Resolver, Fetcher);
        Discovery = NewDiscovery();
    }

    public KeyHostOptions Options { get; }
    public ManualTime Time { get; } = new();
    public InProcessKeySetMemory Memory { get; } = new(100);
    public DnsResolver Resolver { get; }
    public KeySetFetcher Fetcher { get; }
    public KeyHostSearch Search { get; }
    public KeyHostDiscovery Discovery { get; }

    /// <summary>Another process: nothing in the cache, the same memory.</summary>
    public KeyHostDiscovery NewDiscovery() => new(Search, Options, Memory, Time, NullLogger<KeyHostDiscovery>.Instance);

    public static string Record(string name = "2026a", string more = "") => $"v=MAILKEY1; k=ed25519; s={name}; p={PublicKey}{more}";

    public static string Document(string domain, long serial, string more = "") =>
        $$"""{"version":1,"domain":"{{domain}}","serial":{{serial}},"keys":[{"name":"2026a","type":"ed25519","key":"{{PublicKey}}","status":"active"}],"max_age":600{{more}}}""";

    public void Dispose()
    {
        Fetcher.Dispose();
        if (_authorities is not null)
        {
            File.Delete(_authorities);
        }
    }

    private static byte[] NewEd25519()
    {
        using var key = SigningKey.GenerateEd25519();
        return key.ExportPublicKey();
    }
}
