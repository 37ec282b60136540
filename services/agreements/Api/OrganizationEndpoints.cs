using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Negotiation.FirstContact;
using Mailkey.Agreements.Organizations;
using Mailkey.Dns;

namespace Mailkey.Agreements.Api;

/// <summary>First contact, standing, and what operators decide about organisations.</summary>
internal static class OrganizationEndpoints
{
    // Whoever verified the signature speaks here, not the forwarder.
    private static readonly Actor KeyProof = new(ActorKind.System, "key-proof");

    public static async Task<ApiAnswer> ContactAsync(HttpContext context, string domain, OrganizationDesk desk, TimeProvider time)
    {
        var caller = ApiCalls.CallerOf(context);
        if (caller.Forwarder is not { } forwarder)
        {
            return ApiAnswer.Of(ApiProblem.NotAllowed);
        }

        if (!DomainName.TryNormalize(domain, out var name) || name != caller.Domain)
        {
            return ApiAnswer.Of(ApiProblem.WrongDomain);
        }

        if (!ApiCalls.TryRead(caller, ApiJson.Default.ContactRequest, out var request, out var problem))
        {
            return problem;
        }

        var contact = await desk.MakeContactAsync(name, request.Contact, request.Callback, caller.Client, forwarder, caller.Request, context.RequestAborted);
        if (contact.Refusal is { } refusal)
        {
            return ApiAnswer.Of(refusal, time.GetUtcNow());
        }

        // That the request is here proves the key.
        var proof = await desk.DecideAsync(name, new Prove(KeyProof, OrganizationProof.Key, $"request signed with {caller.KeyId}"), caller.Request, context.RequestAborted);
        var answer = proof.Refusal is null ? proof : contact;
        return ApiAnswer.Of(ResourceOf(answer, desk), ApiJson.Default.OrganizationResource, contact is { HasChanged: true, Version: 1 } ? 201 : 200, $"/v1/organizations/{name}");
    }

    public static async Task<ApiAnswer> ShowAsync(HttpContext context, string domain, OrganizationDesk desk)
    {
        var caller = ApiCalls.CallerOf(context);
        if (!DomainName.TryNormalize(domain, out var name) || (name != caller.Domain && !caller.IsOperator))
        {
            return Unknown();
        }

        var answer = await desk.LoadAsync(name, context.RequestAborted);
        return answer.Refusal is null ? ApiAnswer.Of(ResourceOf(answer, desk), ApiJson.Default.OrganizationResource) : Unknown();
    }

    public static async Task<ApiAnswer> ListAsync(HttpContext context, string? status, string? after, int? limit, AgreementRegister register, OrganizationDesk desk)
    {
        var caller = ApiCalls.CallerOf(context);
        if (!caller.IsOperator)
        {
            return ApiAnswer.Of(ApiProblem.NotAllowed);
        }

        RegisterCursor? cursor = null;
        if (!ApiQuery.TryReadWords<OrganizationStatus>(status, out var statuses) || (after is not null && !RegisterCursor.TryParse(after, out cursor)))
        {
            return ApiAnswer.Of(ApiProblem.QueryInvalid);
        }

        var page = await register.ListOrganizationsAsync(statuses, cursor, limit ?? ApiQuery.DefaultLimit, context.RequestAborted);
        return ApiAnswer.Of(
            new OrganizationList([.. page.Items.Select(item => ResourceOf(new(item.State, item.Version, null, HasChanged: false), desk))], page.Next?.ToString()),
            ApiJson.Default.OrganizationList);
    }

    public static async Task<ApiAnswer> DecideAsync(HttpContext context, string domain, OrganizationDesk desk, TimeProvider time)
    {
        var caller = ApiCalls.CallerOf(context);
        if (caller.Operator is not { } person)
        {
            return ApiAnswer.Of(ApiProblem.NotAllowed);
        }

        if (!ApiCalls.TryRead(caller, ApiJson.Default.OrganizationDecisionRequest, out var request, out var problem))
        {
            return problem;
        }

        // One may be banned that was never heard of; a stream of any name may not begin here, though.
        if (!DomainName.TryNormalize(domain, out var name) || !name.Contains('.', StringComparison.Ordinal))
        {
            return Unknown();
        }

        OrganizationCommand command = request.Decision switch
        {
            OrganizationDecision.Approve => new ApproveOrganization(person, request.Reason),
            OrganizationDecision.Refuse => new RefuseOrganization(person, request.Reason ?? ""),
            OrganizationDecision.Suspend => new SuspendOrganization(person, request.Reason ?? ""),
            OrganizationDecision.Lift => new LiftOrganizationSuspension(person, request.Hold ?? OrganizationHold.Operator),
            OrganizationDecision.Ban => new BanOrganization(person, request.Reason ?? ""),
            _ => new LiftBan(person),
        };
        var answer = await desk.DecideAsync(name, command, caller.Request, context.RequestAborted);
        return answer.Refusal is { } refusal
            ? refusal.Code == OrganizationRefusals.Unknown.Code ? Unknown() : ApiAnswer.Of(refusal, time.GetUtcNow())
            : ApiAnswer.Of(ResourceOf(answer, desk), ApiJson.Default.OrganizationResource);
    }

    private static ApiAnswer Unknown() => ApiAnswer.Of(ApiProblem.Of(OrganizationRefusals.Unknown) with { Status = 404 });

    private static OrganizationResource ResourceOf(DeskAnswer<OrganizationState> answer, OrganizationDesk desk)
    {
        var state = answer.State;
        OrganizationProof[] missing = state.Status is OrganizationStatus.AwaitingProof || state.Holds.Contains(OrganizationHold.Proof)
            ? [.. Enum.GetValues<OrganizationProof>().Where(proof => !state.Proofs.Contains(proof))]
            : [];
        return new(
            state.Domain,
            state.Status,
            state.Contact,
            state.Callback,
            state.Proofs,
            missing,

            // The record stays: that the domain is still the organisation's is looked at again.
            state.Challenge.Length > 0 ? new(ChallengeRecord.NameOf(state.Domain), ChallengeRecord.TextOf(state.Challenge)) : null,
            state.Until,
            state.Holds,
            desk.StandingOf(state),
            answer.Version);
    }
}
