using Mailkey.Authentication.Keys;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Api;

/// <summary>The HTTP API of the agreements; described in docs/agreements/api.md and by its OpenAPI document.</summary>
public static class AgreementsApi
{
    /// <summary>Name of the OpenAPI document.</summary>
    public const string Document = "v1";

    public static IServiceCollection AddAgreementsApi(this IServiceCollection services)
    {
        services.AddSchemaMigrations(ApiStore.Migrations(Ledger.AgreementsLedger.Schema));
        services.AddKeyHostDiscovery();
        services.AddSingleton<ApiStore>();
        services.AddSingleton<ApiCalls>();
        services.AddSingleton<ApiAuthentication>();
        services.AddSingleton(provider => new ApiLimits(provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.Agreements.Api));
        services.AddHostedService<ApiHousekeeping>();
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJson.Default));
        services.AddOpenApi(Document, ApiDocument.Describe);
        return services;
    }

    /// <summary>Maps it below <c>/v1</c>.</summary>
    public static IEndpointRouteBuilder MapAgreementsApi(this IEndpointRouteBuilder routes)
    {
        ArgumentNullException.ThrowIfNull(routes);

        // It is written anew for each who asks.
        routes.MapOpenApi("/v1/openapi.json").AddEndpointFilter<IEndpointConventionBuilder, ApiNetworkGate>();
        var v1 = routes.MapGroup("/v1").AddEndpointFilter<RouteGroupBuilder, ApiGate>();

        v1.MapPut("/organizations/{domain}", OrganizationEndpoints.ContactAsync).Named("make-contact", "First contact, or a change of where the organisation can be reached; by the organisation itself. Its signature is the proof of its key.", 401, 403, 422, 429, 503)
            .Accepts<ContactRequest>(ApiAnswer.JsonType).Produces<OrganizationResource>().Produces<OrganizationResource>(201);
        v1.MapGet("/organizations/{domain}", OrganizationEndpoints.ShowAsync).Named("show-organization", "Standing of an organisation: how it is seen, what it still has to prove, and what would raise trust; for itself and operators.", 401, 404, 429, 503)
            .Produces<OrganizationResource>();
        v1.MapGet("/organizations", OrganizationEndpoints.ListAsync).Named("list-organizations", "Organisations, in the order of their last change; for operators.", 400, 401, 403, 429, 503)
            .Produces<OrganizationList>();
        v1.MapPost("/organizations/{domain}/decisions", OrganizationEndpoints.DecideAsync).Named("decide-organization", "Lets an organisation in or not, suspends it, bans it; for operators.", 400, 401, 403, 404, 409, 422, 429, 503)
            .Accepts<OrganizationDecisionRequest>(ApiAnswer.JsonType).Produces<OrganizationResource>();

        v1.MapPost("/agreements", AgreementEndpoints.ProposeAsync).Named("propose-agreement", "Proposes an agreement; needs an Idempotency-Key. The answer comes by asking for its location, and by call-back.", 400, 401, 403, 409, 422, 429, 503)
            .Accepts<ProposalRequest>(ApiAnswer.JsonType).Produces<AgreementResource>(202);
        v1.MapGet("/agreements", AgreementEndpoints.ListAsync).Named("list-agreements", "Agreements: of the forwarder, of the account, for operators of all. With digest=1, for the forwarder and operators, the digest of those of a forwarder that have not ended.", 400, 401, 403, 429, 503)
            .Produces<AgreementList>();
        v1.MapGet("/agreements/{id}", AgreementEndpoints.ShowAsync).Named("show-agreement", "State, terms with every version, and what is still waited for; for both sides and operators.", 401, 404, 429, 503)
            .Produces<AgreementResource>();
        v1.MapGet("/agreements/{id}/history", AgreementEndpoints.HistoryAsync).Named("show-history", "All that happened. A forwarder is not shown what a user said, nor who acted.", 401, 404, 429, 503)
            .Produces<HistoryList>();
        v1.MapPost("/agreements/{id}/proposals", AgreementEndpoints.ProposeTermsAsync).Named("propose-terms", "Asks for other terms; accepted at once where policy allows, and binding from the next transaction.", 400, 401, 403, 404, 409, 422, 429, 503)
            .Accepts<TermsRequest>(ApiAnswer.JsonType).Produces<AgreementResource>();
        v1.MapPost("/agreements/{id}/proposals/{version:int}/answer", AgreementEndpoints.AnswerTermsAsync).Named("answer-terms", "Accepts, declines or withdraws terms that are proposed.", 400, 401, 403, 404, 409, 422, 429, 503)
            .Accepts<TermsAnswerRequest>(ApiAnswer.JsonType).Produces<AgreementResource>();
        v1.MapPost("/agreements/{id}/credentials", AgreementEndpoints.IssueAsync).Named("issue-credential", "Issues a login, whose secret is shown this once, or a unique address; for the forwarder.", 400, 401, 403, 404, 409, 429, 503)
            .Accepts<CredentialRequest>(ApiAnswer.JsonType).Produces<CredentialResource>(201);
        v1.MapPost("/agreements/{id}/decisions", AgreementEndpoints.DecideAsync).Named("decide-agreement", "What the user decides (consent, refuse, pause, resume, reopen) and an operator (approve, refuse, suspend, lift, demote, reopen).", 400, 401, 403, 404, 409, 422, 429, 503)
            .Accepts<AgreementDecisionRequest>(ApiAnswer.JsonType).Produces<AgreementResource>();
        v1.MapPost("/agreements/{id}/complaints", AgreementEndpoints.ComplainAsync).Named("complain", "A user's complaint about one message or the series.", 400, 401, 403, 404, 409, 422, 429, 503)
            .Accepts<ComplaintRequest>(ApiAnswer.JsonType).Produces<AgreementResource>();
        v1.MapDelete("/agreements/{id}", AgreementEndpoints.EndAsync).Named("end-agreement", "Ends an agreement, from either side.", 401, 404, 422, 429, 503)
            .Produces<AgreementResource>();
        return routes;
    }

    /// <summary>What routing refuses by a bare status, such as a path or a method that is not there, gets a body as well.</summary>
    public static async Task FillAsync(HttpContext context, RequestDelegate next)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(next);
        await next(context);
        if (!context.Response.HasStarted && context.Request.Path.StartsWithSegments("/v1", StringComparison.Ordinal) && context.Response.StatusCode switch
            {
                StatusCodes.Status404NotFound => ApiProblem.NotFound,
                StatusCodes.Status405MethodNotAllowed => ApiProblem.MethodNotAllowed,
                StatusCodes.Status415UnsupportedMediaType => ApiProblem.MediaTypeUnsupported,
                _ => null,
            } is { } problem)
        {
            await ApiAnswer.Of(problem).ExecuteAsync(context);
        }
    }

    private static RouteHandlerBuilder Named(this RouteHandlerBuilder route, string name, string summary, params int[] problems)
    {
        route.WithName(name).WithSummary(summary);
        foreach (var status in problems)
        {
            route.Produces<ApiProblem>(status, ApiProblem.MediaType);
        }

        return route;
    }
}
