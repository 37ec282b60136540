using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Consents;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Organizations;
using Mailkey.Hosting.Options;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Negotiation;

/// <summary>What the steps of the negotiation do. Each may be done twice: the model says "nothing" to what has happened.</summary>
public sealed class NegotiationBehaviors(
    AgreementDesk agreements, OrganizationDesk organizations, DeskPolicies policies, ConsentMailer consent, IOptions<MailkeyOptions> options, TimeProvider time)
{
    /// <summary>Who gives the commands.</summary>
    internal static readonly Actor Actor = new(ActorKind.System, "negotiation");

    /// <summary>How long the end is remembered: longer than what is late can be.</summary>
    private static readonly TimeSpan EndRemembered = TimeSpan.FromDays(1);

    /// <summary>When a deadline that has come changed nothing; clocks differ.</summary>
    private static readonly TimeSpan DeadlinePause = TimeSpan.FromMinutes(1);

    private readonly AgreementsNegotiationOptions _options = options.Value.Agreements.Negotiation;

    /// <summary>Remembers what the saga was told.</summary>
    public static void Hear(NegotiationState saga, string agreementId, long version)
    {
        saga.AgreementId = agreementId;
        saga.Known = version;
    }

    /// <summary>The short path: a proposal of an organisation that was let in is its own. One of somebody else waits until it is.</summary>
    public async Task ProveAsync(BehaviorContext<NegotiationState> context)
    {
        var (id, state) = await ReadAsync(context);
        if (state.Phase is not (AgreementPhase.Proposed or AgreementPhase.AwaitingProof))
        {
            // Another fact is on its way here.
            return;
        }

        var organization = (await organizations.LoadAsync(state.Forwarder, context.CancellationToken)).State;
        AgreementCommand command = organization.Status switch
        {
            OrganizationStatus.Verified => new AcceptProof(Actor, [ProofKind.Organization]),
            OrganizationStatus.Refused or OrganizationStatus.Banned => new RejectProof(Actor, "The organisation was not let in."),
            _ => new RequestProof(Actor, [ProofKind.Organization]),
        };
        var answer = await agreements.DecideAsync(id, command, CauseOf(context), context.CancellationToken);
        SetDeadline(context.Saga, answer.State);
        context.Saga.LookAt = answer.State.Phase == AgreementPhase.AwaitingProof ? time.GetUtcNow() + _options.ProposalCheck : null;
    }

    /// <summary>Takes the forwarder's evidence where the policy does, else asks the user.</summary>
    public async Task AskAsync(BehaviorContext<NegotiationState> context)
    {
        var (id, state) = await ReadAsync(context);
        if (state.Phase == AgreementPhase.AwaitingConsent && state.Evidence is not null && policies.Agreements.EvidenceCategories.Contains(state.Category))
        {
            var organization = (await organizations.LoadAsync(state.Forwarder, context.CancellationToken)).State;
            var taken = await agreements.DecideAsync(id, new AcceptConsentEvidence(Actor, ProposalRisk.Of(state, organization)), CauseOf(context), context.CancellationToken);
            if (taken.Refusal is null)
            {
                SetDeadline(context.Saga, taken.State);
                context.Saga.LookAt = null;
                return;
            }
        }

        await AskUserAsync(context, id, state);
    }

    /// <summary>Asks once more: the same question if it could not be asked, a reminder if it was.</summary>
    public async Task RemindAsync(BehaviorContext<NegotiationState> context)
    {
        if (context.Saga.Asked == ConsentOutcome.Asked)
        {
            context.Saga.Reminders++;
            context.Saga.AskedAt = null;
        }

        var (id, state) = await ReadAsync(context);
        await AskUserAsync(context, id, state);
    }

    /// <summary>Waits for a person, up to the deadline.</summary>
    public async Task WaitAsync(BehaviorContext<NegotiationState> context)
    {
        var (_, state) = await ReadAsync(context);
        SetDeadline(context.Saga, state);
        context.Saga.LookAt = null;
    }

    /// <summary>Looks after an agreement in force: rests it with its organisation, asks the user for other terms, reviews trust.</summary>
    public async Task CareAsync(BehaviorContext<NegotiationState> context)
    {
        var saga = context.Saga;
        var (id, state) = await ReadAsync(context);
        saga.LookAt = null;
        if (state.Phase != AgreementPhase.InForce)
        {
            return;
        }

        state = await RestAsync(id, state, CauseOf(context), context.CancellationToken);
        var now = time.GetUtcNow();
        if (state is { Trust: TrustLevel.Probation, Probation: { } probation })
        {
            var due = Later(probation.ReviewFrom, (saga.ReviewedAt ?? DateTimeOffset.MinValue) + (saga.ReviewedAt is null ? TimeSpan.Zero : _options.TrustReview));
            if (due <= now)
            {
                state = (await agreements.DecideAsync(id, new ReviewTrust(Actor), CauseOf(context), context.CancellationToken)).State;
                saga.ReviewedAt = now;
                due = now + _options.TrustReview;
            }

            saga.LookAt = state.Trust == TrustLevel.Probation ? due : null;
        }

        var review = saga.LookAt;
        if (state.Pending?.Awaits.Contains(Party.User) == true)
        {
            if (saga is { Asked: ConsentOutcome.Asked, AskedAt: { } at } && saga.AskedVersion == state.Pending.Version && at + _options.Reminder <= now)
            {
                saga.Reminders++;
                saga.AskedAt = null;
            }

            await AskUserAsync(context, id, state);
            saga.LookAt = Sooner(saga.LookAt, review);
        }

        SetDeadline(saga, state);
    }

    /// <summary>Time is up, as the saga thinks; the model says what follows.</summary>
    public async Task CheckDeadlinesAsync(BehaviorContext<NegotiationState> context)
    {
        var id = IdOf(context.Saga);
        var answer = await agreements.DecideAsync(id, new CheckDeadlines(Actor), CauseOf(context), context.CancellationToken);
        SetDeadline(context.Saga, answer.State);
        context.Saga.Deadline = context.Saga.Deadline is { } deadline ? Later(deadline, time.GetUtcNow() + DeadlinePause) : null;
    }

    public void End(NegotiationState saga)
    {
        saga.HasEnded = true;
        saga.Deadline = time.GetUtcNow() + EndRemembered;
        saga.LookAt = null;

        // Should it be resumed, it begins anew with its questions.
        saga.AskedVersion = 0;
        saga.Reminders = 0;
        saga.Asked = null;
        saga.AskedAt = null;
    }

    private async Task AskUserAsync(BehaviorContext<NegotiationState> context, AgreementId id, AgreementState state)
    {
        var saga = context.Saga;
        var version = state.Phase == AgreementPhase.AwaitingConsent ? state.Version
            : state.Pending?.Awaits.Contains(Party.User) == true ? state.Pending.Version
            : 0;
        saga.LookAt = null;
        SetDeadline(saga, state);
        if (version == 0)
        {
            return;
        }

        if (version != saga.AskedVersion)
        {
            saga.AskedVersion = version;
            saga.Reminders = 0;
            saga.AskedAt = null;
        }

        var now = time.GetUtcNow();
        if (!(await organizations.LoadAsync(state.Forwarder, context.CancellationToken)).State.MayForward)
        {
            // Nobody is asked for somebody who may not forward. It may again, or the deadline comes.
            saga.LookAt = now + _options.AskAgain;
            return;
        }

        saga.Asked = await consent.AskAsync(id, state, version, saga.Reminders, Actor, CauseOf(context), context, context.CancellationToken);
        saga.AskedAt ??= now;
        saga.LookAt = saga.Asked switch
        {
            // How many there may be is for the model to say: at the last one it says "enough".
            ConsentOutcome.Asked => Later(saga.AskedAt.Value + _options.Reminder, now),
            ConsentOutcome.TooManyNow => now + _options.AskAgain,
            _ => null,
        };
        if (saga.Asked != ConsentOutcome.Asked)
        {
            saga.AskedAt = null;
        }
    }

    // While its organisation may not, an agreement rests.
    private async Task<AgreementState> RestAsync(AgreementId id, AgreementState state, string cause, CancellationToken cancellationToken)
    {
        var organization = (await organizations.LoadAsync(state.Forwarder, cancellationToken)).State;
        return OrganizationRest.CommandFor(state, organization) is { } command
            ? (await agreements.DecideAsync(id, command, cause, cancellationToken)).State
            : state;
    }

    private async Task<(AgreementId Id, AgreementState State)> ReadAsync(BehaviorContext<NegotiationState> context)
    {
        var id = IdOf(context.Saga);
        var state = (await agreements.LoadAsync(id, null, context.CancellationToken)).State;
        SetDeadline(context.Saga, state);
        return (id, state);
    }

    private void SetDeadline(NegotiationState saga, AgreementState state)
    {
        saga.HasEnded = IsOver(state);
        saga.Deadline = saga.HasEnded ? time.GetUtcNow() + EndRemembered : Sooner(Sooner(state.AnswerBy, state.Terms?.Expires), state.Pending?.AnswerBy);
    }

    private static bool IsOver(AgreementState state) =>
        state.Phase is AgreementPhase.None or AgreementPhase.Refused or AgreementPhase.Revoked or AgreementPhase.Expired;

    private static AgreementId IdOf(NegotiationState saga) =>
        AgreementId.TryParse(saga.AgreementId, out var id) ? id : throw new InvalidOperationException($"\"{saga.AgreementId}\" is no agreement.");

    private static string CauseOf(BehaviorContext<NegotiationState> context) => $"negotiation:{context.Saga.Known}";

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private static DateTimeOffset? Sooner(DateTimeOffset? one, DateTimeOffset? other) => one is null || other < one ? other ?? one : one;
}
