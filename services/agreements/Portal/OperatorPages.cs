using System.Globalization;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Portal.Words;
using Mailkey.Dns;

namespace Mailkey.Agreements.Portal;

/// <summary>What operators see and do: approvals, organisations, suspensions.</summary>
internal sealed class OperatorPages(AgreementDesk desk, OrganizationDesk organizations, AgreementRegister register, AgreementReader reader)
{
    private const string Cause = "portal";

    private static readonly Dictionary<string, string> Notices = new(StringComparer.Ordinal)
    {
        ["approve"] = "Approved.",
        ["disapprove"] = "Disapproved.",
        ["refuse"] = "Refused.",
        ["suspend"] = "Suspended.",
        ["lift"] = "Lifted.",
        ["demote"] = "Back on trial.",
        ["end"] = "Ended.",
        ["ban"] = "Banned.",
        ["unban"] = "The ban is lifted.",
    };

    public async Task<PortalAnswer> ShowAsync(Visit visit, HttpContext context)
    {
        var approvals = await register.ListAsync(new() { Statuses = [AgreementStatus.AwaitingApproval], Limit = RegisterQuery.MaxLimit }, context.RequestAborted);
        var suspended = await register.ListAsync(
            new() { Statuses = [AgreementStatus.Suspended], Order = RegisterOrder.Changed, Descending = true, Limit = RegisterQuery.MaxLimit }, context.RequestAborted);
        var known = await register.ListOrganizationsAsync([], null, RegisterQuery.MaxLimit, context.RequestAborted);
        var view = new OperatorView(
            approvals.Items, [.. suspended.Items.Where(row => row.State.Holds.Exists(hold => hold != Hold.Pause))], [.. known.Items.Reverse()], known.Next is not null);
        return PortalAnswer.Of<Pages.OperatorPage>(StatusCodes.Status200OK, ("Visit", visit), ("View", view));
    }

    public async Task<PortalAnswer> ShowAgreementAsync(Visit visit, HttpContext context) =>
        await reader.FindAsync(context.GetRouteValue("id") as string, null, context.RequestAborted) is var (id, state)
            ? await AgreementPageAsync(visit, id, state, StatusCodes.Status200OK, NoticeOf(context), null, context.RequestAborted)
            : PortalAnswer.NotFound(visit);

    public async Task<PortalAnswer> ChangeAgreementAsync(Visit visit, HttpContext context)
    {
        var form = context.Request.Form;
        var action = context.GetRouteValue("action") as string ?? "";
        var reason = form["reason"].ToString().Trim();
        AgreementCommand? command = action switch
        {
            "approve" when int.TryParse(form["version"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var version) => new Approve(visit.Operator, version, reason.Length == 0 ? null : reason),
            "disapprove" => new Disapprove(visit.Operator, reason),
            "suspend" => new Suspend(visit.Operator, reason),
            "lift" when TermsForm.TryWord<Hold>(form["hold"].ToString(), out var hold) => new LiftSuspension(visit.Operator, hold),
            "demote" => new Demote(visit.Operator),
            "end" => new End(visit.Operator, reason.Length == 0 ? null : reason),
            _ => null,
        };
        if (command is null || await reader.FindAsync(context.GetRouteValue("id") as string, null, context.RequestAborted) is not var (id, _))
        {
            return PortalAnswer.NotFound(visit);
        }

        var answer = await desk.DecideAsync(id, command, Cause, context.RequestAborted);
        if (answer.Refusal is { } refusal)
        {
            return await AgreementPageAsync(visit, id, answer.State, StatusCodes.Status409Conflict, null, refusal.Text, context.RequestAborted);
        }

        await reader.CaughtUpAsync(id, answer.Version, context.RequestAborted);
        return PortalAnswer.SeeOther($"/portal/operator/agreements/{id}?done={action}");
    }

    public async Task<PortalAnswer> ShowOrganizationAsync(Visit visit, HttpContext context) =>
        await FindAsync(context) is { } state
            ? await OrganizationPageAsync(visit, state, StatusCodes.Status200OK, NoticeOf(context), null, context.RequestAborted)
            : PortalAnswer.NotFound(visit);

    public async Task<PortalAnswer> ChangeOrganizationAsync(Visit visit, HttpContext context)
    {
        var form = context.Request.Form;
        var action = context.GetRouteValue("action") as string ?? "";
        var reason = form["reason"].ToString().Trim();
        OrganizationCommand? command = action switch
        {
            "approve" => new ApproveOrganization(visit.Operator, reason.Length == 0 ? null : reason),
            "refuse" => new RefuseOrganization(visit.Operator, reason),
            "suspend" => new SuspendOrganization(visit.Operator, reason),
            "lift" when TermsForm.TryWord<OrganizationHold>(form["hold"].ToString(), out var hold) => new LiftOrganizationSuspension(visit.Operator, hold),
            "ban" => new BanOrganization(visit.Operator, reason),
            "unban" => new LiftBan(visit.Operator),
            _ => null,
        };
        if (command is null || await FindAsync(context) is not { } state)
        {
            return PortalAnswer.NotFound(visit);
        }

        var answer = await organizations.DecideAsync(state.Domain, command, Cause, context.RequestAborted);
        return answer.Refusal is { } refusal
            ? await OrganizationPageAsync(visit, answer.State, StatusCodes.Status409Conflict, null, refusal.Text, context.RequestAborted)
            : PortalAnswer.SeeOther($"/portal/operator/organizations/{state.Domain}?done={action}");
    }

    private static string? NoticeOf(HttpContext context) => context.Request.Query["done"] is [{ } word] ? Notices.GetValueOrDefault(word) : null;

    private async Task<OrganizationState?> FindAsync(HttpContext context) =>
        DomainName.TryNormalize(context.GetRouteValue("domain") as string, out var domain) && await organizations.LoadAsync(domain, context.RequestAborted) is { Refusal: null } answer
            ? answer.State
            : null;

    private async Task<PortalAnswer> AgreementPageAsync(Visit visit, AgreementId id, AgreementState state, int status, string? notice, string? problem, CancellationToken cancellationToken) =>
        PortalAnswer.Of<Pages.AgreementPage>(
            status,
            ("Visit", visit),
            ("View", await reader.ViewAsync(id, state, visit.Account!.Address, asOperator: true, cancellationToken)),
            ("Notice", notice),
            ("Problem", problem));

    private async Task<PortalAnswer> OrganizationPageAsync(Visit visit, OrganizationState state, int status, string? notice, string? problem, CancellationToken cancellationToken)
    {
        List<Happening> happenings = [];
        await foreach (var entry in register.OrganizationHistoryAsync(state.Domain, null, cancellationToken))
        {
            TimeLine.Add(happenings, entry, "");
        }

        var agreements = await register.ListAsync(new() { Forwarder = state.Domain, Order = RegisterOrder.Changed, Descending = true }, cancellationToken);
        return PortalAnswer.Of<Pages.OrganizationPage>(
            status,
            ("Visit", visit),
            ("State", state),
            ("Standing", organizations.StandingOf(state)),
            ("Agreements", agreements.Items),
            ("Happenings", happenings),
            ("Notice", notice),
            ("Problem", problem));
    }
}
