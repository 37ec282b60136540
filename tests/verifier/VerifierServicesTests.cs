using System.Collections.Concurrent;
using System.Text;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Dns;
using Mailkey.Hosting;
using Mailkey.Mime;
using Mailkey.Spf;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Mailkey.Verifier.Tests;

public sealed class VerifierServicesTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Look_ups_of_names_that_senders_chose_come_after_those_of_key_hosts()
    {
        var (first, yielding) = (new Asked(), new Asked());
        var builder = ServiceHost.CreateBuilder("verifier", []);
        builder.AddVerifier();
        builder.Services.Replace(ServiceDescriptor.Singleton<IDnsResolver>(first));
        builder.Services.Replace(ServiceDescriptor.KeyedSingleton<IDnsResolver>(DnsServices.Yielding, yielding));
        await using var app = builder.Build();

        var signature = $"DKIM-Signature: v=1; a=ed25519-sha256; d=signer.test; s=k; h=from; bh={Convert.ToBase64String(new byte[32])}; b={Convert.ToBase64String(new byte[64])}\r\n";
        var header = HeaderBlock.Parse(Encoding.ASCII.GetBytes(signature + "From: a@sender.test\r\n"));
        await app.Services.GetRequiredService<DkimVerifier>().VerifyAsync(header, new BodyDigests(new byte[32], new byte[32]), TimeSpan.FromSeconds(5), Stop);
        await app.Services.GetRequiredService<SpfEvaluator>().EvaluateAsync(
            new() { Client = System.Net.IPAddress.Parse("192.0.2.1"), ReversePath = "a@sender.test", ClientName = "client.test" }, Stop);
        await app.Services.GetRequiredService<KeyHostDiscovery>().FindAsync("sender.test", Stop);

        Assert.Equal(["k._domainkey.signer.test", "sender.test"], yielding.Names.Order(StringComparer.Ordinal));
        Assert.Equal(["mailkey.sender.test", "sender.test"], first.Names.Order(StringComparer.Ordinal));
    }

    // Nothing exists.
    private sealed class Asked : IDnsResolver
    {
        public ConcurrentQueue<string> Names { get; } = new();

        public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken)
        {
            Names.Enqueue(name);
            return new(new DnsAnswer { Status = DnsStatus.NameError, TimeToLive = TimeSpan.FromMinutes(1) });
        }
    }
}
