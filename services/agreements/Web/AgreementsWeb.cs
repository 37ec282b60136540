using Mailkey.Agreements.Api;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Web;

namespace Mailkey.Agreements.Web;

/// <summary>The port for the world: the API below <c>/v1</c>, and the portal.</summary>
public static class AgreementsWeb
{
    /// <summary>Octets of a request's body: an API call, or a form.</summary>
    public const int MaxRequestBody = 64 * 1024;

    /// <summary>Octets of a request's header: a signature, its input and a digest, or the cookies of the portal.</summary>
    public const int MaxRequestHeaders = 16 * 1024;

    /// <summary>Opens the port, unless the configuration says otherwise.</summary>
    public static WebApplicationBuilder AddAgreementsWeb(this WebApplicationBuilder builder)
    {
        var options = builder.Configuration.GetSection($"{MailkeyOptions.Section}:Agreements").Get<AgreementsOptions>() ?? new AgreementsOptions();
        if (options.Enabled)
        {
            builder.WebHost.ConfigureKestrel(kestrel => PublicListener.Listen(
                kestrel, new(options.Listen, options.Port, options.MaxConnections, MaxRequestBody) { MaxRequestHeaders = MaxRequestHeaders }));
        }

        return builder;
    }

    /// <summary>
    /// What comes in by the public port meets what is mapped here, and nothing else of this process; health checks and metrics are not for the
    /// world. Everything else meets nothing that is mapped here.
    /// </summary>
    /// <param name="map">Maps the end points of the world.</param>
    public static WebApplication UseAgreementsWeb(this WebApplication app, Action<IEndpointRouteBuilder> map)
    {
        app.MapWhen(PublicListener.IsPublic, branch =>
        {
            // The health checks, which are mapped on the whole, would be found before what is mapped here.
            branch.Use((context, next) =>
            {
                context.SetEndpoint(null);
                return next(context);
            });
            branch.Use(AgreementsApi.FillAsync);
            branch.UseRouting();
            branch.UseEndpoints(map);
        });
        return app;
    }
}
