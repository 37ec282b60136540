using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Portal.Words;

namespace Mailkey.Agreements.Portal;

/// <summary>What a link in a mail to the user asks.</summary>
/// <param name="Version">The terms that the question is about.</param>
/// <param name="Text">The question, word for word as it was asked.</param>
public sealed record LinkedQuestion(AgreementId Id, int Version, string Text);

/// <summary>Reads the links of consent mail.</summary>
public interface IConsentLinks
{
    /// <summary>What a link asks; null when it is not ours, or over.</summary>
    Task<LinkedQuestion?> ReadAsync(string token, CancellationToken cancellationToken);
}

/// <summary>
/// The page that a consent mail leads to. Mail programs and scanners open links, so that GET shows and POST answers; the link came to
/// the mailbox and so is the proof of it, whoever is signed in.
/// </summary>
internal sealed class ConsentPages(AgreementDesk desk, IEnumerable<IConsentLinks> links)
{
    private const string Cause = "consent-link";

    public async Task<PortalAnswer> ShowAsync(Visit visit, HttpContext context)
    {
        var token = context.GetRouteValue("token") as string ?? "";
        return await FindAsync(token, context.RequestAborted) is var (question, state) && IsOpen(question, state)
            ? Page(visit, StatusCodes.Status200OK, token, question, state, null)
            : Over(visit);
    }

    public async Task<PortalAnswer> AnswerAsync(Visit visit, HttpContext context)
    {
        var token = context.GetRouteValue("token") as string ?? "";
        if (await FindAsync(token, context.RequestAborted) is not var (question, state))
        {
            return Over(visit);
        }

        var user = new Actor(ActorKind.User, state.Account);
        var answer = new ConsentAnswer(ConsentMeans.MailLink, visit.Client.ToString(), question.Text);

        // The same yes again does no harm. A mail is passed on, though, and a no after the answer would end what the user has consented to.
        var word = context.Request.Form["answer"].ToString();
        if (word == "no" && !IsOpen(question, state))
        {
            return Over(visit);
        }

        var isAboutOthers = state.Phase == AgreementPhase.InForce && state.Pending?.Version == question.Version;
        AgreementCommand? command = word switch
        {
            "yes" => isAboutOthers ? new AcceptTerms(user, question.Version, answer) : new GiveConsent(user, question.Version, answer, Risk: 0),
            "no" => isAboutOthers ? new DeclineTerms(user, question.Version, null) : new RefuseConsent(user, null),
            _ => null,
        };
        if (command is null)
        {
            return Page(visit, StatusCodes.Status400BadRequest, token, question, state, "Say yes or no.");
        }

        var decided = await desk.DecideAsync(question.Id, command, Cause, context.RequestAborted);
        return decided.Refusal is { } refusal ? Page(visit, StatusCodes.Status409Conflict, token, question, decided.State, refusal.Text)
            : command is GiveConsent or AcceptTerms ? PortalAnswer.Says(visit, StatusCodes.Status200OK, "You said yes", "It is kept with the text that you saw. In the portal you can change, pause or end it at any time.")
            : PortalAnswer.Says(visit, StatusCodes.Status200OK, "You said no", "Nothing of it comes into force.");
    }

    // Whether it still waits for the answer to just this question.
    private static bool IsOpen(LinkedQuestion question, AgreementState state) =>
        AgreementWords.AwaitsUser(state) && question.Version == (state.Phase == AgreementPhase.InForce ? state.Pending!.Version : state.Version);

    private static PortalAnswer Over(Visit visit) =>
        PortalAnswer.Says(visit, StatusCodes.Status404NotFound, "This link asks nothing", "It is too old, was answered already, or is not whole. What waits for you stands in the portal.");

    private static PortalAnswer Page(Visit visit, int status, string token, LinkedQuestion question, AgreementState state, string? problem) =>
        PortalAnswer.Of<Pages.ConsentPage>(
            status, ("Visit", visit), ("State", state), ("Text", question.Text), ("Path", $"/consent/{Uri.EscapeDataString(token)}"), ("Problem", problem));

    private async Task<(LinkedQuestion Question, AgreementState State)?> FindAsync(string token, CancellationToken cancellationToken)
    {
        foreach (var link in links)
        {
            if (await link.ReadAsync(token, cancellationToken) is { } question && await desk.LoadAsync(question.Id, null, cancellationToken) is { Refusal: null } answer)
            {
                return (question, answer.State);
            }
        }

        return null;
    }
}
