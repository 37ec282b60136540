using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Mailkey.Hosting;

/// <summary>
/// Sends the meters of the services (<c>Mailkey.*</c>) and of the runtime by OTLP when the standard variable
/// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names a collector; the other <c>OTEL_*</c> variables hold as well.
/// </summary>
internal static class MetricsExport
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static IServiceCollection AddMetricsExport(this IServiceCollection services)
    {
        if (Environment.GetEnvironmentVariable(Endpoint) is { Length: > 0 })
        {
            services.AddHostedService<Exporter>();
        }

        return services;
    }

    private sealed class Exporter(ServiceIdentity identity) : IHostedService, IDisposable
    {
        private MeterProvider? provider;

        public Task StartAsync(CancellationToken cancellationToken)
        {
            provider = Sdk.CreateMeterProviderBuilder()
                .ConfigureResource(resource => resource.AddService($"mailkey-{identity.Service}", serviceInstanceId: identity.Instance))
                .AddMeter("Mailkey.*", "System.Runtime", "Npgsql")
                .AddOtlpExporter()
                .Build();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken)
        {
            provider?.ForceFlush();
            return Task.CompletedTask;
        }

        public void Dispose() => provider?.Dispose();
    }
}
