using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Organizations;
using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Negotiation.FirstContact;

/// <summary>What the steps of the first contact do.</summary>
public sealed class FirstContactBehaviors(
    OrganizationDesk organizations, IDnsResolver resolver, KeyHostDiscovery keys, IOptions<MailkeyOptions> options, TimeProvider time)
{
    private static readonly Actor Actor = new(ActorKind.System, "first-contact");

    /// <summary>When a deadline that has come changed nothing; clocks differ.</summary>
    private static readonly TimeSpan DeadlinePause = TimeSpan.FromMinutes(1);

    /// <summary>Doublings of the time between looks, beyond which it would not fit.</summary>
    private const int MaxDoublings = 20;

    private readonly AgreementsNegotiationOptions _options = options.Value.Agreements.Negotiation;

    /// <summary>Remembers what the saga was told.</summary>
    public static void Hear(FirstContactState saga, string domain, long version)
    {
        saga.Domain = domain;
        saga.Known = version;
    }

    /// <summary>Nothing is looked at any more.</summary>
    public static void Close(FirstContactState saga)
    {
        saga.Deadline = null;
        saga.LookAt = null;
        saga.Challenge = "";
    }

    /// <summary>Has the agreements of the organisation rest, or wakes them, as it may or may not forward.</summary>
    public static Task RestOrWakeAsync(BehaviorContext<FirstContactState> context) =>
        context.SendSafelyAsync(OrganizationRestDefinition.Address, new RestAgreements(context.Saga.Domain, null), context.CancellationToken);

    /// <summary>Looks at once for a new challenge, and goes on looking for one that is known.</summary>
    public async Task BeginToLookAsync(BehaviorContext<FirstContactState> context)
    {
        var state = await ReadAsync(context);
        if (context.Saga is { LookAt: null } or { Looks: 0 })
        {
            await LookAsync(context, state);
        }
    }

    /// <summary>Looks for the record.</summary>
    public async Task LookForProofAsync(BehaviorContext<FirstContactState> context) => await LookAsync(context, await ReadAsync(context));

    /// <summary>The next look is due when it is due.</summary>
    public async Task FollowAsync(BehaviorContext<FirstContactState> context)
    {
        await ReadAsync(context);
        context.Saga.LookAt = time.GetUtcNow() + _options.ProofCheck;
    }

    /// <summary>The time for proofs is over: a wrong record is a failure, a missing one is a lapse.</summary>
    public async Task GiveUpAsync(BehaviorContext<FirstContactState> context)
    {
        if (context.Saga.Finding == ChallengeFinding.Wrong)
        {
            await FailAsync(context);
        }

        await CheckDeadlinesAsync(context);
    }

    /// <summary>Time is up, as the saga thinks; the model says what follows.</summary>
    public async Task CheckDeadlinesAsync(BehaviorContext<FirstContactState> context)
    {
        var answer = await DecideAsync(context, new CheckOrganizationDeadlines(Actor));
        SetDeadline(context.Saga, answer.State);
        if (context.Saga.Deadline is { } deadline && deadline < time.GetUtcNow() + DeadlinePause)
        {
            context.Saga.Deadline = time.GetUtcNow() + DeadlinePause;
        }
    }

    /// <summary>Looks whether the proofs still hold, or hold again, and whether the history is good enough.</summary>
    public async Task LookAgainAsync(BehaviorContext<FirstContactState> context)
    {
        var saga = context.Saga;
        var state = await ReadAsync(context);
        saga.LookAt = time.GetUtcNow() + _options.ProofCheck;

        saga.Finding = await ChallengeRecord.LookAsync(resolver, saga.Domain, state.Challenge, context.CancellationToken);
        saga.DnsMissingInARow = saga.Finding switch
        {
            ChallengeFinding.Found => 0,
            ChallengeFinding.Missing or ChallengeFinding.Wrong => saga.DnsMissingInARow + 1,
            _ => saga.DnsMissingInARow,
        };
        if (saga.Finding == ChallengeFinding.Found && !state.Proofs.Contains(OrganizationProof.Dns))
        {
            await DecideAsync(context, new Prove(Actor, OrganizationProof.Dns, ChallengeRecord.NameOf(saga.Domain)));
        }
        else if (saga.DnsMissingInARow >= _options.MissingProofChecks)
        {
            await DecideAsync(context, new LoseProof(Actor, OrganizationProof.Dns, $"The record at {ChallengeRecord.NameOf(saga.Domain)} is gone."));
        }

        // A lost key comes back with a signed request, which proves more than a published key does.
        var host = await keys.FindAsync(saga.Domain, context.CancellationToken);
        saga.KeyMissingInARow = host.State switch
        {
            KeyHostState.Exists => 0,
            KeyHostState.Absent => saga.KeyMissingInARow + 1,
            _ => saga.KeyMissingInARow,
        };
        if (saga.KeyMissingInARow >= _options.MissingProofChecks)
        {
            await DecideAsync(context, new LoseProof(Actor, OrganizationProof.Key, "The domain publishes no mailkey any more."));
        }

        if (state is { Status: OrganizationStatus.Verified, Trust: OrganizationTrust.Probation, ReviewFrom: { } from } && from <= time.GetUtcNow())
        {
            await DecideAsync(context, new ReviewOrganization(Actor));
        }
    }

    private async Task LookAsync(BehaviorContext<FirstContactState> context, OrganizationState state)
    {
        var saga = context.Saga;
        if (state.Status != OrganizationStatus.AwaitingProof)
        {
            // Another fact is on its way here.
            return;
        }

        saga.Finding = await ChallengeRecord.LookAsync(resolver, saga.Domain, state.Challenge, context.CancellationToken);
        saga.Looks++;
        saga.WrongInARow = saga.Finding switch
        {
            ChallengeFinding.Wrong => saga.WrongInARow + 1,
            ChallengeFinding.Unknown => saga.WrongInARow,
            _ => 0,
        };
        if (saga.Finding == ChallengeFinding.Found)
        {
            saga.DnsMissingInARow = 0;
            await DecideAsync(context, new Prove(Actor, OrganizationProof.Dns, ChallengeRecord.NameOf(saga.Domain)));
        }
        else if (saga.WrongInARow >= _options.WrongDnsChecks)
        {
            await FailAsync(context);
        }

        // While the other proof is missing this one may still go away.
        var pause = _options.FirstDnsCheck * Math.Pow(2, Math.Min(saga.Looks - 1, MaxDoublings));
        saga.LookAt = time.GetUtcNow() + (pause < _options.LongestDnsCheck ? pause : _options.LongestDnsCheck);
    }

    private Task<DeskAnswer<OrganizationState>> FailAsync(BehaviorContext<FirstContactState> context) =>
        DecideAsync(context, new FailProof(Actor, OrganizationProof.Dns, $"The record at {ChallengeRecord.NameOf(context.Saga.Domain)} has another challenge."));

    private Task<DeskAnswer<OrganizationState>> DecideAsync(BehaviorContext<FirstContactState> context, OrganizationCommand command) =>
        organizations.DecideAsync(context.Saga.Domain, command, $"first-contact:{context.Saga.Known}", context.CancellationToken);

    private async Task<OrganizationState> ReadAsync(BehaviorContext<FirstContactState> context)
    {
        var saga = context.Saga;
        var state = (await organizations.LoadAsync(saga.Domain, context.CancellationToken)).State;
        SetDeadline(saga, state);
        if (state.Challenge != saga.Challenge)
        {
            saga.Challenge = state.Challenge;
            saga.Looks = 0;
            saga.WrongInARow = 0;
            saga.DnsMissingInARow = 0;
            saga.KeyMissingInARow = 0;
            saga.Finding = null;
        }

        return state;
    }

    private static void SetDeadline(FirstContactState saga, OrganizationState state) =>
        saga.Deadline = state.Status is OrganizationStatus.AwaitingProof or OrganizationStatus.Waiting or OrganizationStatus.AwaitingApproval ? state.Until : null;
}
