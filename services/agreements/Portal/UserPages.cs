using System.Globalization;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Consents;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Portal.Words;

namespace Mailkey.Agreements.Portal;

/// <summary>What users see and do. All commands go over the desk, and nobody sees what is not theirs.</summary>
internal sealed class UserPages(AgreementDesk desk, AgreementRegister register, AgreementReader reader)
{
    private const string Cause = "portal";

    // What one form changes at most.
    private const int MaxBulk = 500;

    /// <summary>What is said after a form, by the word in the address that the form led to.</summary>
    private static readonly Dictionary<string, string> Notices = new(StringComparer.Ordinal)
    {
        ["consent"] = "You consented. It is in the history, with the text that you saw.",
        ["refuse"] = "You refused.",
        ["pause"] = "Paused. Nothing is let through from the next message on.",
        ["resume"] = "Resumed. Mail is let through from the next message on.",
        ["end"] = "Ended. The forwarder is told to take you off.",
        ["report"] = "Reported. Thank you.",
        ["terms"] = "The new terms are in the history; what allows less is in force already.",
        ["withdraw"] = "Withdrawn. The terms stay as they are.",
        ["address"] = "The forwarder gets a new address; the old one is refused.",
        ["reopen"] = "The negotiation goes on.",
        ["none"] = "Tick those that are meant.",
        ["partly"] = "Done, but for some to which it does not apply: those are as they were.",
    };

    public async Task<PortalAnswer> ListAsync(Visit visit, HttpContext context)
    {
        var query = context.Request.Query;
        var order = query["order"] is [{ } word] && TermsForm.TryWord<ListOrder>(word, out var known) ? known : ListOrder.Newest;
        var category = query["category"] is [{ Length: > 0 and <= Agreement.MaxCategoryLength } only] ? only : null;
        _ = RegisterCursor.TryParse(query["after"] is [{ } place] ? place : null, out var after);
        var page = await register.ListAsync(
            new()
            {
                Account = visit.Account!.Address,
                Order = order == ListOrder.Changed ? RegisterOrder.Changed : RegisterOrder.Created,
                Descending = order != ListOrder.Oldest,
                After = after,
                Limit = RegisterQuery.MaxLimit,
            },
            context.RequestAborted);
        var list = new ListView(order, query["group"] == "category", category, page.Items, null);
        if (page.Next is { } next)
        {
            var here = list.With();
            list = list with { Next = $"{here}{(here.Contains('?', StringComparison.Ordinal) ? '&' : '?')}after={next}" };
        }

        return PortalAnswer.Of<Pages.ListPage>(StatusCodes.Status200OK, ("Visit", visit), ("List", list), ("Notice", NoticeOf(context)));
    }

    public async Task<PortalAnswer> ShowAsync(Visit visit, HttpContext context) =>
        await reader.FindAsync(context.GetRouteValue("id") as string, visit.Account!.Address, context.RequestAborted) is var (id, state)
            ? await PageAsync(visit, id, state, StatusCodes.Status200OK, NoticeOf(context), null, null, context.RequestAborted)
            : PortalAnswer.NotFound(visit);

    public async Task<PortalAnswer> ChangeAsync(Visit visit, HttpContext context)
    {
        if (await reader.FindAsync(context.GetRouteValue("id") as string, visit.Account!.Address, context.RequestAborted) is not var (id, state))
        {
            return PortalAnswer.NotFound(visit);
        }

        var action = context.GetRouteValue("action") as string ?? "";
        var form = context.Request.Form;
        if (action == "terms")
        {
            return await ChangeTermsAsync(visit, id, state, form, context.RequestAborted);
        }

        if (action == "address")
        {
            return await AnsweredAsync(visit, id, await desk.AssignAddressAsync(id, state.Address, visit.User, Cause, context.RequestAborted), action, null, context.RequestAborted);
        }

        if (CommandOf(action, visit, state, form, out var problem) is not { } command)
        {
            return problem is null ? PortalAnswer.NotFound(visit) : await PageAsync(visit, id, state, StatusCodes.Status409Conflict, null, problem, action, context.RequestAborted);
        }

        return await AnsweredAsync(visit, id, await desk.DecideAsync(id, command, Cause, context.RequestAborted), action, action, context.RequestAborted);
    }

    public async Task<PortalAnswer> ChangeManyAsync(Visit visit, HttpContext context)
    {
        var form = context.Request.Form;
        var action = form["do"].ToString();
        List<(AgreementId Id, AgreementState State)> chosen = [];
        foreach (var text in form["id"].Distinct(StringComparer.Ordinal).Take(MaxBulk))
        {
            if (await reader.FindAsync(text, visit.Account!.Address, context.RequestAborted) is not { } found)
            {
                return PortalAnswer.NotFound(visit);
            }

            chosen.Add(found);
        }

        if (chosen.Count == 0)
        {
            return PortalAnswer.SeeOther("/portal?done=none");
        }

        if (action == "end" && form["sure"] != "yes")
        {
            return PortalAnswer.Of<Pages.EndPage>(StatusCodes.Status200OK, ("Visit", visit), ("Agreements", chosen));
        }

        Func<AgreementCommand>? command = action switch
        {
            "pause" => () => new Pause(visit.User),
            "resume" => () => new Resume(visit.User),
            "end" => () => new End(visit.User, null),
            _ => null,
        };
        if (command is null)
        {
            return PortalAnswer.NotFound(visit);
        }

        var refused = 0;
        (AgreementId Id, long Version)? last = null;
        foreach (var (id, _) in chosen)
        {
            var answer = await desk.DecideAsync(id, command(), Cause, context.RequestAborted);
            refused += answer.Refusal is null ? 0 : 1;
            last = answer.HasChanged ? (id, answer.Version) : last;
        }

        // Lists follow the events in their order: with the last one they have all.
        if (last is var (changed, version))
        {
            await reader.CaughtUpAsync(changed, version, context.RequestAborted);
        }

        return PortalAnswer.SeeOther($"/portal?done={(refused == 0 ? action : "partly")}");
    }

    /// <summary>The command that a form asks for; null with a problem, or without one where there is no such form.</summary>
    private static AgreementCommand? CommandOf(string action, Visit visit, AgreementState state, IFormCollection form, out string? problem)
    {
        problem = null;
        var reason = form["reason"].ToString() is { Length: > 0 } given ? given : null;
        switch (action)
        {
            case "pause":
                return new Pause(visit.User);
            case "resume":
                return new Resume(visit.User);
            case "end":
                return new End(visit.User, reason);
            case "reopen":
                return new Reopen(visit.User);
            case "withdraw" when Version(form, out var version):
                return new WithdrawTerms(visit.User, version);
            case "refuse":
                return state.Phase == AgreementPhase.InForce ? Version(form, out var declined) ? new DeclineTerms(visit.User, declined, reason) : null : new RefuseConsent(visit.User, reason);
            case "consent" when Version(form, out var version) && version <= state.Versions.Count:
                // The consent is to the text that was shown, and to no other.
                var text = ConsentText.Of(state, version, round: 0);
                if (Consent.HashOf(text) != form["text"])
                {
                    problem = "The terms have changed since you saw them. Look at them again.";
                    return null;
                }

                var answer = new ConsentAnswer(ConsentMeans.Portal, visit.Client.ToString(), text);
                return state.Phase == AgreementPhase.InForce && state.Pending?.Version == version ? new AcceptTerms(visit.User, version, answer) : new GiveConsent(visit.User, version, answer, Risk: 0);
            case "report":
                return ReportOf(visit, form, out problem);
            default:
                return null;
        }
    }

    private static Complain? ReportOf(Visit visit, IFormCollection form, out string? problem)
    {
        problem = null;
        if (!TermsForm.TryWord<ComplaintScope>(form["scope"].ToString(), out var scope) || !TermsForm.TryWord<ComplaintClass>(form["class"].ToString(), out var kind))
        {
            problem = "Say what you report, and what is wrong.";
            return null;
        }

        // A series is reported once a day; a message once.
        var reference = scope == ComplaintScope.Series ? visit.Now.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : form["reference"].ToString().Trim();
        if (!SingleLine.IsAcceptable(reference, Agreement.MaxReferenceLength))
        {
            problem = "Say which message it is: its Message-ID, or its date and subject, in one line.";
            return null;
        }

        return new(visit.User, scope, kind, reference);
    }

    private static bool Version(IFormCollection form, out int version) =>
        int.TryParse(form["version"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out version) && version >= 1;

    private static string? NoticeOf(HttpContext context) => context.Request.Query["done"] is [{ } word] ? Notices.GetValueOrDefault(word) : null;

    private async Task<PortalAnswer> ChangeTermsAsync(Visit visit, AgreementId id, AgreementState state, IFormCollection form, CancellationToken cancellationToken)
    {
        if (state.Terms is not { } shown || form["of"] != state.Version.ToString(CultureInfo.InvariantCulture))
        {
            return await PageAsync(visit, id, state, StatusCodes.Status409Conflict, null, "The terms have changed since you saw them. Look at them again.", "terms", cancellationToken);
        }

        if (TermsForm.Read(form, shown, out var problem) is not { } wanted)
        {
            return await PageAsync(visit, id, state, StatusCodes.Status400BadRequest, null, problem, "terms", cancellationToken);
        }

        ConsentAnswer? answer = null;
        if (!wanted.GrantNoMoreThan(shown) && state.Phase is AgreementPhase.InForce or AgreementPhase.AwaitingApproval)
        {
            var text = OwnTermsText.Of(state, wanted);
            if (form["text"] != Consent.HashOf(text))
            {
                return PortalAnswer.Of<Pages.ConfirmTermsPage>(StatusCodes.Status200OK, ("Visit", visit), ("View", new AgreementView(id, state, visit.Now, [], AsOperator: false)), ("Wanted", wanted));
            }

            answer = new(ConsentMeans.Portal, visit.Client.ToString(), text);
        }

        return await AnsweredAsync(visit, id, await desk.DecideAsync(id, new ProposeTerms(visit.User, wanted, answer), Cause, cancellationToken), "terms", "terms", cancellationToken);
    }

    private async Task<PortalAnswer> AnsweredAsync(Visit visit, AgreementId id, DeskAnswer<AgreementState> answer, string done, string? open, CancellationToken cancellationToken)
    {
        if (answer.Refusal is { } refusal)
        {
            return await PageAsync(visit, id, answer.State, StatusCodes.Status409Conflict, null, refusal.Text, open, cancellationToken);
        }

        await reader.CaughtUpAsync(id, answer.Version, cancellationToken);
        return PortalAnswer.SeeOther($"/portal/agreements/{id}?done={done}");
    }

    private async Task<PortalAnswer> PageAsync(
        Visit visit, AgreementId id, AgreementState state, int status, string? notice, string? problem, string? open, CancellationToken cancellationToken) =>
        PortalAnswer.Of<Pages.AgreementPage>(
            status,
            ("Visit", visit),
            ("View", await reader.ViewAsync(id, state, visit.Account!.Address, asOperator: false, cancellationToken)),
            ("Notice", notice),
            ("Problem", problem),
            ("Open", open));
}
