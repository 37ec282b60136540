using Mailkey.Agreements.Accounts;
using Mailkey.Agreements.Portal.Sessions;

namespace Mailkey.Agreements.Portal;

/// <summary>Signing in and out.</summary>
internal sealed class SignInPages(IAccounts accounts, PortalSessions sessions)
{
    private const string Start = "/portal";

    public Task<PortalAnswer> ShowAsync(Visit visit, HttpContext context)
    {
        var to = PathOf(context.Request.Query["to"] is [{ } text] ? text : Start);
        return Task.FromResult(visit.Account is not null ? PortalAnswer.SeeOther(to) : PortalAnswer.Of<Pages.SignInPage>(StatusCodes.Status200OK, ("Visit", visit), ("To", to)));
    }

    public async Task<PortalAnswer> SignInAsync(Visit visit, HttpContext context)
    {
        var form = context.Request.Form;
        var (name, password, to) = (form["name"].ToString(), form["password"].ToString(), PathOf(form["to"].ToString()));
        var signIn = await accounts.AuthenticateAsync(name, password, visit.Client, context.RequestAborted);
        if (signIn is { Result: SignInResult.Accepted, Account: { } account })
        {
            // Always a new secret: one that somebody else put into the browser is good for nothing.
            return PortalAnswer.SeeOther(to) with { NewSession = await sessions.BeginAsync(account, context.RequestAborted) };
        }

        var (status, problem) = signIn.Result switch
        {
            SignInResult.Locked => (StatusCodes.Status429TooManyRequests, $"Too many wrong passwords. Try again in {Minutes(signIn.RetryAfter)}."),
            SignInResult.Unavailable => (StatusCodes.Status503ServiceUnavailable, "Passwords can't be checked at the moment. Try again in a minute."),
            _ => (StatusCodes.Status403Forbidden, "Address and password don't fit together."),
        };
        return PortalAnswer.Of<Pages.SignInPage>(status, ("Visit", visit), ("To", to), ("Name", name), ("Problem", problem)) with { RetryAfter = signIn.RetryAfter };
    }

    public Task<PortalAnswer> SignOutAsync(Visit visit, HttpContext context) =>
        Task.FromResult(PortalAnswer.SeeOther("/portal/sign-in") with { SignsOut = true });

    // Never to another host: "//host" and "/\host" are addresses of one.
    private static string PathOf(string text) =>
        (text == Start || text.StartsWith($"{Start}/", StringComparison.Ordinal)) && !text.AsSpan().ContainsAnyExceptInRange('!', '~') && !text.Contains('\\', StringComparison.Ordinal) ? text : Start;

    private static string Minutes(TimeSpan? wait)
    {
        var minutes = Math.Max(1, (int)Math.Ceiling((wait ?? TimeSpan.Zero).TotalMinutes));
        return minutes == 1 ? "a minute" : $"{minutes} minutes";
    }
}
