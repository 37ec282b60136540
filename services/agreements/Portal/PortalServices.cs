using Mailkey.Agreements.Portal.Sessions;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Portal;

/// <summary>The portal: what it registers, and where its pages are.</summary>
public static class PortalServices
{
    private static readonly string[] Read = [HttpMethods.Get, HttpMethods.Head];
    private static readonly string[] Write = [HttpMethods.Post];

    public static IServiceCollection AddPortal(this IServiceCollection services)
    {
        services.AddSchemaMigrations(PortalSessions.Migrations());
        services.AddSingleton<PortalSessions>();
        services.AddSingleton<PortalGate>();
        services.AddSingleton<AgreementReader>();
        services.AddSingleton<SignInPages>();
        services.AddSingleton<UserPages>();
        services.AddSingleton<OperatorPages>();
        services.AddSingleton<ConsentPages>();
        return services;
    }

    /// <summary>Maps the pages on the port for the world.</summary>
    public static void MapPortal(this IEndpointRouteBuilder routes)
    {
        var services = routes.ServiceProvider;
        if (!services.GetRequiredService<IOptions<MailkeyOptions>>().Value.Agreements.Portal.Enabled)
        {
            return;
        }

        var gate = services.GetRequiredService<PortalGate>();
        routes.MapMethods(PortalAssets.StylePath, Read, PortalGate.Asset(PortalAssets.Style, "text/css; charset=utf-8"));
        routes.MapMethods(PortalAssets.IconPath, Read, PortalGate.Asset(PortalAssets.Icon, "image/svg+xml"));
        routes.MapMethods("/", Read, gate.Open(Audience.World, (_, _) => Task.FromResult(PortalAnswer.SeeOther("/portal"))));

        var signIn = services.GetRequiredService<SignInPages>();
        routes.MapMethods("/portal/sign-in", Read, gate.Open(Audience.World, signIn.ShowAsync));
        routes.MapMethods("/portal/sign-in", Write, gate.Open(Audience.World, signIn.SignInAsync));
        routes.MapMethods("/portal/sign-out", Write, gate.Open(Audience.Account, signIn.SignOutAsync));

        var user = services.GetRequiredService<UserPages>();
        routes.MapMethods("/portal", Read, gate.Open(Audience.Account, user.ListAsync));
        routes.MapMethods("/portal/agreements", Write, gate.Open(Audience.Account, user.ChangeManyAsync));
        routes.MapMethods("/portal/agreements/{id}", Read, gate.Open(Audience.Account, user.ShowAsync));
        routes.MapMethods("/portal/agreements/{id}/{action}", Write, gate.Open(Audience.Account, user.ChangeAsync));

        var operators = services.GetRequiredService<OperatorPages>();
        routes.MapMethods("/portal/operator", Read, gate.Open(Audience.Operator, operators.ShowAsync));
        routes.MapMethods("/portal/operator/agreements/{id}", Read, gate.Open(Audience.Operator, operators.ShowAgreementAsync));
        routes.MapMethods("/portal/operator/agreements/{id}/{action}", Write, gate.Open(Audience.Operator, operators.ChangeAgreementAsync));
        routes.MapMethods("/portal/operator/organizations/{domain}", Read, gate.Open(Audience.Operator, operators.ShowOrganizationAsync));
        routes.MapMethods("/portal/operator/organizations/{domain}/{action}", Write, gate.Open(Audience.Operator, operators.ChangeOrganizationAsync));

        var consent = services.GetRequiredService<ConsentPages>();
        routes.MapMethods("/consent/{token}", Read, gate.Open(Audience.World, consent.ShowAsync));
        routes.MapMethods("/consent/{token}", Write, gate.Open(Audience.World, consent.AnswerAsync));

        routes.MapMethods("/portal/{**rest}", Read, gate.Open(Audience.World, (visit, _) => Task.FromResult(PortalAnswer.NotFound(visit))));
    }
}
