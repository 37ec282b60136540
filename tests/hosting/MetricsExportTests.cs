using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Mailkey.Hosting.Tests;

/// <summary>What a collector of OpenTelemetry gets over the wire.</summary>
public sealed class MetricsExportTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Service_sends_its_meters_to_the_collector_and_the_last_of_them_when_it_stops()
    {
        ConcurrentQueue<(string Path, byte[] Body)> received = [];
        await using var collector = WebApplication.CreateSlimBuilder().Build();
        collector.Urls.Add("http://127.0.0.1:0");
        collector.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            received.Enqueue((context.Request.Path, body.ToArray()));
        });
        await collector.StartAsync(Stop);

        // The standard variables, read when a service is built. No other class of this assembly builds one.
        Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Urls.First());
        Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        await using (var service = ServiceHost.CreateBuilder("verifier", ["--Mailkey:Http:Port=0"]).Build())
        {
            await service.StartAsync(Stop);
            using var meter = new Meter("Mailkey.Tested");
            meter.CreateCounter<long>("mailkey.tested.things").Add(3, new KeyValuePair<string, object?>("rule", "no-mailkey"));
            using var foreign = new Meter("Somebody.Else");
            foreign.CreateCounter<long>("somebody.else.things").Add(1);
            await service.StopAsync(Stop);
        }

        // Sums are cumulative, and the end may be told twice.
        var (path, sent) = received.First(request => Text(request.Body).Contains("mailkey.tested.things", StringComparison.Ordinal));
        Assert.Equal("/v1/metrics", path);
        Assert.Contains("mailkey-verifier", Text(sent), StringComparison.Ordinal);
        Assert.Contains("no-mailkey", Text(sent), StringComparison.Ordinal);
        Assert.DoesNotContain(received, request => Text(request.Body).Contains("somebody.else", StringComparison.Ordinal));
    }

    // Protobuf carries text as it is.
    private static string Text(byte[] protobuf) => Encoding.Latin1.GetString(protobuf);
}
