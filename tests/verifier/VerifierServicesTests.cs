using System.Collections.Concurrent;
using System.Text;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Dns;
using Mailkey.Hosting;
using Mailkey.Messaging.Verdicts;
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

    [Fact]
    public async Task All_that_a_message_has_looked_up_counts_for_the_network_of_its_client()
    {
        var asked = new Asked();
        var builder = ServiceHost.CreateBuilder("verifier", []);
        builder.AddVerifier();
        builder.Services.Replace(ServiceDescriptor.Singleton<IDnsResolver>(asked));
        await using var app = builder.Build();
        await app.Services.GetRequiredService<IVerdictGiver>().JudgeAsync(
            new()
            {
                QueueId = "Q",
                ReceivedAt = DateTimeOffset.UnixEpoch,
                Connection = new() { ClientAddress = "192.0.2.1", ClientName = "client.test", Protocol = "ESMTP", Server = "test" },
                Envelope = new() { ReversePath = "a@sender.test", Recipients = [new() { ForwardPath = "b@example.net" }] },
                HeaderBlock = Encoding.ASCII.GetBytes("From: a@sender.test\r\n"),
                BodyHashes = [],
                Size = 21,
            },
            Stop);

        Assert.InRange(asked.Networks.Count, 3, 10);
        Assert.All(asked.Networks, network => Assert.Equal(AskingNetwork.Of("192.0.2.200"), network));
        Assert.Null(AskingNetwork.Current);
    }

    // Nothing exists.
    private sealed class Asked : IDnsResolver
    {
        public ConcurrentQueue<string> Names { get; } = new();

        public ConcurrentQueue<AskingNetwork?> Networks { get; } = new();

        public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken)
        {
            Names.Enqueue(name);
            Networks.Enqueue(AskingNetwork.Current);
            return new(new DnsAnswer { Status = DnsStatus.NameError, TimeToLive = TimeSpan.FromMinutes(1) });
        }
    }
}
