using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Mailkey.Hosting.Web;
using Mailkey.Senders;
using Mailkey.Status.Domains;
using Mailkey.Status.Web;
using Microsoft.Extensions.Options;

namespace Mailkey.Status;

/// <summary>All that the service registers.</summary>
public static class StatusServices
{
    public static WebApplicationBuilder AddStatusPage(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSchemaMigrations([.. SenderSchema.Migrations]);
        services.AddSingleton<KeySetPins>();
        services.AddSingleton<DomainEvents>();
        services.AddSingleton<DomainFailures>();
        services.AddSingleton<DomainChecks>();

        // Whoever asks for a domain to be looked at again wants to know how it is now, and not how it was: no cache.
        services.PostConfigure<MailkeyOptions>(options => options.Dns.CacheEntries = 0);
        services.AddDnsResolver();
        services.AddKeyHostDiscovery();
        services.AddSingleton<DomainLook>();
        services.AddSingleton<DomainRecord>();
        services.AddSingleton(provider => new PageLimits(provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.StatusPage, TimeSpan.FromMinutes(1)));
        services.AddSingleton<PageHandler>();

        var page = builder.Configuration.GetSection($"{MailkeyOptions.Section}:StatusPage").Get<StatusPageOptions>() ?? new StatusPageOptions();
        if (page.Enabled)
        {
            builder.WebHost.ConfigureKestrel(kestrel => PublicListener.Listen(kestrel, new(page.Listen, page.Port, page.MaxConnections, PageHandler.MaxRequestBody)));
        }

        return builder;
    }

    /// <summary>What comes in by the public port is for the page, and nothing else of this process is reached by it.</summary>
    public static WebApplication UseStatusPage(this WebApplication app)
    {
        app.MapWhen(PublicListener.IsPublic, branch => branch.Run(app.Services.GetRequiredService<PageHandler>().HandleAsync));
        return app;
    }
}
