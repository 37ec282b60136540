using System.Text.Json;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Credentials;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Reconciliation;

namespace Mailkey.Agreements.Api;

/// <summary>
/// Agreements, for the two sides of each and for operators. Whoever asks for an agreement of others gets the answer that an unknown id gets.
/// </summary>
internal static class AgreementEndpoints
{
    private static readonly Actor Issuer = new(ActorKind.System, "api");

    public static async Task<ApiAnswer> ProposeAsync(HttpContext context, AgreementDesk desk, ApiCalls calls, TimeProvider time)
    {
        var caller = ApiCalls.CallerOf(context);
        if (!ApiCalls.TryRead(caller, ApiJson.Default.ProposalRequest, out var request, out var problem))
        {
            return problem;
        }

        if ((request.Forwarder ?? caller.Domain) is not { } forwarder)
        {
            return ApiAnswer.Of(ApiProblem.BodyInvalid with { Detail = "forwarder is needed" });
        }

        return await calls.OnceAsync(context, caller, isRequired: true, async () =>
        {
            var proposal = new Proposal
            {
                Forwarder = forwarder,
                Recipient = request.Recipient,
                Category = request.Category,
                Subscription = request.Subscription,
                DisplayName = request.DisplayName,
                Methods = request.Methods,
                Terms = request.Terms,
                Evidence = request.Evidence,
            };

            // A person's own proposal first; an operator may propose for any user.
            var answer = await desk.ProposeAsync(proposal, caller.Forwarder ?? caller.User!, caller.Client, caller.Request, context.RequestAborted);
            if (answer.Refusal?.Code == AgreementRefusals.NotYours.Code && caller.Operator is { } person)
            {
                answer = await desk.ProposeAsync(proposal, person, caller.Client, caller.Request, context.RequestAborted);
            }

            var location = answer.Id is { } id ? $"/v1/agreements/{id}" : null;
            return answer.Refusal is { } refusal
                ? WithLocation(ApiProblem.Of(refusal), location, caller, answer.State, time)
                : ApiAnswer.Of(ResourceOf(answer.Id!.Value, answer.State, answer.Version, caller, time), ApiJson.Default.AgreementResource, 202, location);
        });
    }

    public static async Task<ApiAnswer> ListAsync(
        HttpContext context,
        string? digest,
        string? account,
        string? forwarder,
        string? category,
        string? status,
        string? order,
        string? after,
        int? limit,
        AgreementRegister register,
        TimeProvider time)
    {
        var caller = ApiCalls.CallerOf(context);
        if (caller.Domain is not null)
        {
            (account, forwarder) = (null, caller.Domain);
        }
        else if (!caller.IsOperator)
        {
            account = caller.Account;
        }

        // PostgreSQL knows no text with U+0000 in it.
        RegisterCursor? cursor = null;
        if (Array.Exists([account, forwarder, category], text => text?.Contains('\0', StringComparison.Ordinal) is true)
            || !ApiQuery.TryReadWords<AgreementStatus>(status, out var statuses) || (after is not null && !RegisterCursor.TryParse(after, out cursor))
            || order is not (null or "created" or "-created" or "changed" or "-changed" or "category"))
        {
            return ApiAnswer.Of(ApiProblem.QueryInvalid);
        }

        if (digest is not null)
        {
            // It is made of the agreements of all users.
            if (caller.Domain is null && !caller.IsOperator)
            {
                return ApiAnswer.Of(ApiProblem.NotAllowed);
            }

            return digest != "1" || forwarder is null ? ApiAnswer.Of(ApiProblem.QueryInvalid) : await DigestAsync(forwarder, register, context.RequestAborted);
        }

        // Only a user's own list comes by category: it has no pages.
        if (order == "category" && account is null)
        {
            return ApiAnswer.Of(ApiProblem.QueryInvalid with { Detail = "order=category is for the list of one account" });
        }

        var page = await register.ListAsync(
            new()
            {
                Account = account,
                Forwarder = forwarder,
                Category = category,
                Statuses = statuses,
                Order = order is "changed" or "-changed" ? RegisterOrder.Changed : RegisterOrder.Created,
                Descending = order is ['-', ..],
                ByCategory = order == "category",
                After = cursor,
                Limit = limit ?? ApiQuery.DefaultLimit,
            },
            context.RequestAborted);
        return ApiAnswer.Of(
            new AgreementList([.. page.Items.Select(item => ResourceOf(item.Id, item.State, item.Version, caller, time))], page.Next?.ToString()),
            ApiJson.Default.AgreementList);
    }

    public static Task<ApiAnswer> ShowAsync(HttpContext context, string id, AgreementDesk desk, TimeProvider time) =>
        WithAsync(context, id, desk, time, (_, _, state) => Task.FromResult(state));

    public static async Task<ApiAnswer> HistoryAsync(HttpContext context, string id, AgreementDesk desk, AgreementRegister register)
    {
        var caller = ApiCalls.CallerOf(context);
        if (!AgreementId.TryParse(id, out var agreement) || !IsVisible(caller, (await desk.LoadAsync(agreement, null, context.RequestAborted)).State))
        {
            return Unknown();
        }

        // What a user said, and from where, is between the user and the receiver.
        var isForwarder = caller.Domain is not null;
        List<HistoryResource> items = [];
        await foreach (var entry in register.HistoryAsync(agreement, null, context.RequestAborted))
        {
            var actor = isForwarder && entry.Actor.IndexOf(':', StringComparison.Ordinal) is var colon and > 0 ? entry.Actor[..colon] : entry.Actor;
            items.Add(new(entry.Version, entry.At, entry.Name, actor, isForwarder ? null : entry.Cause, isForwarder ? null : JsonDocument.Parse(entry.Data).RootElement.Clone()));
        }

        return ApiAnswer.Of(new HistoryList(items), ApiJson.Default.HistoryList);
    }

    public static Task<ApiAnswer> ProposeTermsAsync(HttpContext context, string id, AgreementDesk desk, ApiCalls calls, TimeProvider time)
    {
        var caller = ApiCalls.CallerOf(context);
        return !ApiCalls.TryRead(caller, ApiJson.Default.TermsRequest, out var request, out var problem)
            ? Task.FromResult(problem)
            : calls.OnceAsync(context, caller, isRequired: false, () => WithAsync(context, id, desk, time, (agreement, _, state) => desk.DecideAsync(
                agreement, new ProposeTerms(PartyOf(caller, state.State), request.Terms, AnswerOf(caller, request.Text)), caller.Request, context.RequestAborted)));
    }

    public static Task<ApiAnswer> AnswerTermsAsync(HttpContext context, string id, int version, AgreementDesk desk, TimeProvider time)
    {
        var caller = ApiCalls.CallerOf(context);
        return !ApiCalls.TryRead(caller, ApiJson.Default.TermsAnswerRequest, out var request, out var problem)
            ? Task.FromResult(problem)
            : WithAsync(context, id, desk, time, (agreement, _, state) =>
            {
                var party = PartyOf(caller, state.State);
                return desk.DecideAsync(
                    agreement,
                    request.Answer switch
                    {
                        TermsAnswer.Accept => new AcceptTerms(party, version, AnswerOf(caller, request.Text)),
                        TermsAnswer.Decline => new DeclineTerms(party, version, request.Reason),
                        _ => new WithdrawTerms(party, version),
                    },
                    caller.Request,
                    context.RequestAborted);
            });
    }

    public static Task<ApiAnswer> DecideAsync(HttpContext context, string id, AgreementDesk desk, TimeProvider time)
    {
        var caller = ApiCalls.CallerOf(context);
        return !ApiCalls.TryRead(caller, ApiJson.Default.AgreementDecisionRequest, out var request, out var problem)
            ? Task.FromResult(problem)
            : WithAsync(context, id, desk, time, async (agreement, _, state) => CommandOf(request, caller, state.State) is { } command
                ? await desk.DecideAsync(agreement, command, caller.Request, context.RequestAborted)
                : state with { Refusal = AgreementRefusals.NotYours });
    }

    public static Task<ApiAnswer> ComplainAsync(HttpContext context, string id, AgreementDesk desk, TimeProvider time)
    {
        var caller = ApiCalls.CallerOf(context);
        return !ApiCalls.TryRead(caller, ApiJson.Default.ComplaintRequest, out var request, out var problem)
            ? Task.FromResult(problem)
            : WithAsync(context, id, desk, time, async (agreement, _, state) => caller.User is { } user
                ? await desk.DecideAsync(agreement, new Complain(user, request.Scope, request.Class, request.Reference), caller.Request, context.RequestAborted)
                : state with { Refusal = AgreementRefusals.NotYours });
    }

    public static async Task<ApiAnswer> IssueAsync(HttpContext context, string id, AgreementDesk desk, CredentialStore store, TimeProvider time)
    {
        var caller = ApiCalls.CallerOf(context);
        if (!ApiCalls.TryRead(caller, ApiJson.Default.CredentialRequest, out var request, out var problem))
        {
            return problem;
        }

        if (!AgreementId.TryParse(id, out var agreement) || await desk.LoadAsync(agreement, null, context.RequestAborted) is not { } before || !IsVisible(caller, before.State))
        {
            return Unknown();
        }

        if (caller.Forwarder is not { } forwarder)
        {
            return ApiAnswer.Of(ApiProblem.NotAllowed);
        }

        switch (request.Method)
        {
            case AgreementMethod.Address:
                var assigned = await desk.AssignAddressAsync(agreement, request.Replaces, Issuer, caller.Request, context.RequestAborted);
                return assigned.Refusal is { } refusal
                    ? ApiAnswer.Of(refusal, time.GetUtcNow())
                    : ApiAnswer.Of(new(AgreementMethod.Address, null, null, assigned.State.Address, null), ApiJson.Default.CredentialResource, 201);
            case AgreementMethod.Auth:
                // It is worth nothing until the agreement names it.
                var issued = await store.IssueAsync(agreement, context.RequestAborted);
                var given = await desk.DecideAsync(agreement, new IssueCredential(forwarder, issued.Id), caller.Request, context.RequestAborted);
                if (given.Refusal is { } denied)
                {
                    await store.RemoveAsync(issued.Id, context.RequestAborted);
                    return ApiAnswer.Of(denied, time.GetUtcNow());
                }

                var previous = given.State.Credentials.Find(credential => credential.Ends is not null);
                return ApiAnswer.Of(new(AgreementMethod.Auth, issued.Id, issued.Secret, null, previous?.Ends), ApiJson.Default.CredentialResource, 201);
            default:
                return ApiAnswer.Of(ApiProblem.CredentialsNotOffered);
        }
    }

    public static Task<ApiAnswer> EndAsync(HttpContext context, string id, string? reason, AgreementDesk desk, TimeProvider time)
    {
        var caller = ApiCalls.CallerOf(context);
        return WithAsync(context, id, desk, time, (agreement, _, state) =>
            desk.DecideAsync(agreement, new End(PartyOf(caller, state.State), reason), caller.Request, context.RequestAborted));
    }

    private static async Task<ApiAnswer> DigestAsync(string forwarder, AgreementRegister register, CancellationToken cancellationToken)
    {
        var digest = RecipeDigest.Of(await register.RecipesAsync(forwarder, cancellationToken).ToListAsync(cancellationToken));
        return ApiAnswer.Of(new(digest.Count, digest.Whole, digest.Buckets), ApiJson.Default.DigestResource);
    }

    private static async Task<ApiAnswer> WithAsync(
        HttpContext context,
        string id,
        AgreementDesk desk,
        TimeProvider time,
        Func<AgreementId, ApiCaller, DeskAnswer<AgreementState>, Task<DeskAnswer<AgreementState>>> act)
    {
        var caller = ApiCalls.CallerOf(context);
        if (!AgreementId.TryParse(id, out var agreement))
        {
            return Unknown();
        }

        var before = await desk.LoadAsync(agreement, null, context.RequestAborted);
        if (!IsVisible(caller, before.State))
        {
            return Unknown();
        }

        var answer = await act(agreement, caller, before);
        return answer.Refusal is { } refusal
            ? ApiAnswer.Of(refusal, time.GetUtcNow())
            : ApiAnswer.Of(ResourceOf(agreement, answer.State, answer.Version, caller, time), ApiJson.Default.AgreementResource);
    }

    private static bool IsVisible(ApiCaller caller, AgreementState state) =>
        state.Phase != AgreementPhase.None && (caller.Domain is not null ? caller.Domain == state.Forwarder : caller.IsOperator || caller.Account == state.Account);

    private static ApiAnswer Unknown() => ApiAnswer.Of(ApiProblem.Of(AgreementRefusals.Unknown));

    // An agreement that is in the way is named to those who may see it.
    private static ApiAnswer WithLocation(ApiProblem problem, string? location, ApiCaller caller, AgreementState state, TimeProvider time) =>
        location is not null && IsVisible(caller, state)
            ? ApiAnswer.Of(problem with { Detail = location })
            : ApiAnswer.Of(new Refusal(problem.Code, problem.Title), time.GetUtcNow());

    // An operator has mail of its own, too.
    private static Actor PartyOf(ApiCaller caller, AgreementState state) =>
        caller.Forwarder ?? (caller.Account == state.Account ? caller.User! : caller.Operator!);

    private static ConsentAnswer? AnswerOf(ApiCaller caller, string? text) =>
        caller.Domain is not null || text is null ? null : new(ConsentMeans.Portal, caller.Client.ToString(), text);

    private static AgreementCommand? CommandOf(AgreementDecisionRequest request, ApiCaller caller, AgreementState state)
    {
        var user = caller.Account == state.Account ? caller.User : null;
        return request.Decision switch
        {
            AgreementDecision.Consent when user is not null => new GiveConsent(user, request.Version ?? state.Version, AnswerOf(caller, request.Text ?? "")!, Risk: 0),
            AgreementDecision.Refuse when user is not null => new RefuseConsent(user, request.Reason),
            AgreementDecision.Refuse when caller.Operator is { } person => new Disapprove(person, request.Reason ?? ""),
            AgreementDecision.Approve when caller.Operator is { } person => new Approve(person, request.Version ?? state.Version, request.Reason),
            AgreementDecision.Pause when user is not null => new Pause(user),
            AgreementDecision.Resume when user is not null => new Resume(user),
            AgreementDecision.Suspend when caller.Operator is { } person => new Suspend(person, request.Reason ?? ""),
            AgreementDecision.Lift when caller.Operator is { } person => new LiftSuspension(person, request.Hold ?? Hold.Operator),
            AgreementDecision.Demote when caller.Operator is { } person => new Demote(person),
            AgreementDecision.Reopen when (user ?? caller.Operator) is { } either => new Reopen(either),
            _ => null,
        };
    }

    private static AgreementResource ResourceOf(AgreementId id, AgreementState state, long version, ApiCaller caller, TimeProvider time)
    {
        var isForwarder = caller.Domain is not null;
        return new(
            id.ToString(),
            state.Status,
            state.Forwarder,
            state.Recipient,
            state.Category,
            state.Subscription,
            state.DisplayName,
            state.Methods,
            state.Terms,
            state.TermsInForce(time.GetUtcNow()),
            state.Version,
            state.Versions,
            state.Pending,
            WaitsFor(state),
            state.AnswerBy,
            state.Phase == AgreementPhase.InForce ? state.Trust : null,
            state is { Phase: AgreementPhase.InForce, Trust: TrustLevel.Probation } ? state.Probation : null,
            state.Holds,
            state.Address,
            state.LeakedAddress is not null,
            state.Credentials,
            isForwarder ? null : state.Account,
            isForwarder ? null : state.Gates,
            version);
    }

    private static string[] WaitsFor(AgreementState state) => state.Phase switch
    {
        AgreementPhase.Proposed or AgreementPhase.AwaitingProof => ["proof"],
        AgreementPhase.AwaitingConsent => ["consent"],
        AgreementPhase.AwaitingApproval => ["approval"],
        AgreementPhase.InForce when state.Pending is { } pending => [.. pending.Awaits.Select(KebabCase<Party>.Word)],
        _ => [],
    };
}
