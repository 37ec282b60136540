using Mailkey.Hosting.Options;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Mailkey.Hosting;

/// <summary>What every service shares: configuration, logs, health, time, shutdown.</summary>
public static class ServiceHost
{
    /// <summary>Makes the builder of a service: the one configuration, validated options, health endpoints.</summary>
    /// <param name="service">Name of the service as in compose, such as <c>ingress</c>.</param>
    /// <param name="args">Command line; <c>--Mailkey:Smtp:Port=2525</c> overrides everything else.</param>
    public static WebApplicationBuilder CreateBuilder(string service, string[] args)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = $"mailkey-{service}", Args = args });
        MailkeyConfiguration.AddSources(builder.Configuration, args);
        var starting = new StartingHealth(TimeProvider.System);
        builder.Services.AddSingleton(starting);
        builder.Services.AddLogging(logging => logging
            .AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", level => level >= LogLevel.Information && starting.IsWorthLogging)
            // A line for each health request or SQL statement says nothing; Logging:LogLevel:Npgsql (say) brings them back.
            .AddFilter("Microsoft.AspNetCore", LogLevel.Warning)
            .AddFilter("Npgsql", LogLevel.Warning)
            .AddConfiguration(builder.Configuration.GetSection("Logging"))
            .AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            }));
        builder.Services.AddSingleton(new ServiceIdentity(service));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddMailkeyOptions(builder.Configuration);
        builder.Services.AddHealthChecks().AddCheck("live", () => HealthCheckResult.Healthy(), ["live"]);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(30));
        builder.Services.AddRoutingCore();
        builder.Services.AddMetricsExport();

        var http = builder.Configuration.GetSection($"{MailkeyOptions.Section}:Http").Get<HttpOptions>() ?? new HttpOptions();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;

            // Port 0 is any free one; without an endpoint of ours Kestrel would take its default, the same for every service.
            kestrel.Listen(System.Net.IPAddress.Parse(http.Listen), http.Port);
        });
        return builder;
    }

    /// <summary>Maps <c>/health/live</c> and <c>/health/ready</c>.</summary>
    public static WebApplication MapHealth(this WebApplication app)
    {
        app.MapHealthChecks("/health/live", new() { Predicate = check => check.Tags.Contains("live") });
        app.MapHealthChecks("/health/ready", new() { ResponseWriter = app.Services.GetRequiredService<StartingHealth>().WriteAsync });
        return app;
    }

    /// <summary>Binds and validates <see cref="MailkeyOptions"/>; a service with a broken configuration does not start.</summary>
    public static IServiceCollection AddMailkeyOptions(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<MailkeyOptions>()
            .Configure(options => MailkeyConfiguration.Bind(configuration, options))
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<MailkeyOptions>, MailkeyOptionsValidator>();
        return services;
    }
}
