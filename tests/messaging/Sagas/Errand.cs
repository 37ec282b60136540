using System.Collections.Concurrent;
using System.Threading.Channels;
using Mailkey.Messaging.Sagas;
using MassTransit;

namespace Mailkey.Messaging.Tests.Sagas;

public sealed record ErrandStarted(Guid ErrandId, TimeSpan Delay, int Wakes, string Note);

public sealed record ErrandTouched(Guid ErrandId);

public sealed record ErrandCalledOff(Guid ErrandId);

public sealed record ErrandDue(Guid ErrandId);

/// <summary>An errand wakes up a number of times, then is done.</summary>
public sealed class Errand : IStoredSaga
{
    public Guid CorrelationId { get; set; }
    public int Version { get; set; }
    public string? CurrentState { get; set; }
    public TimeSpan Delay { get; set; }
    public int WakesLeft { get; set; }
    public int Starts { get; set; }
    public int Touches { get; set; }
    public string? Note { get; set; }
    public Guid? TimerToken { get; set; }
}

/// <summary>What the errands of one host report to the test.</summary>
public sealed class ErrandLog
{
    private readonly Channel<Guid> _done = Channel.CreateUnbounded<Guid>();

    public ConcurrentBag<Guid> Wakes { get; } = [];

    public void Done(Guid errand) => _done.Writer.TryWrite(errand);

    public async Task<Guid> NextDoneAsync(TimeSpan? atMost = null)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(atMost ?? TimeSpan.FromSeconds(30));
        return await _done.Reader.ReadAsync(timeout.Token);
    }
}

public sealed class ErrandStateMachine : MassTransitStateMachine<Errand>
{
    public ErrandStateMachine(ErrandLog log)
    {
        InstanceState(errand => errand.CurrentState);
        Event(() => Started, started => started.CorrelateById(context => context.Message.ErrandId));
        Event(() => Touched, touched => touched.CorrelateById(context => context.Message.ErrandId));
        Event(() => CalledOff, calledOff => calledOff.CorrelateById(context => context.Message.ErrandId));
        Schedule(() => Due, errand => errand.TimerToken, schedule => schedule.Received = due => due.CorrelateById(context => context.Message.ErrandId));

        Initially(
            When(Started)
                .Then(context =>
                {
                    context.Saga.Delay = context.Message.Delay;
                    context.Saga.WakesLeft = context.Message.Wakes;
                    context.Saga.Note = context.Message.Note;
                    context.Saga.Starts++;
                })
                .Schedule(Due, context => new ErrandDue(context.Saga.CorrelationId), context => context.Saga.Delay)
                .TransitionTo(Waiting),
            When(Touched)
                .Then(context => context.Saga.Touches++)
                .TransitionTo(Waiting));

        During(Waiting,
            When(Started).Then(context => context.Saga.Starts++),
            When(Touched).Then(context => context.Saga.Touches++),
            When(Due.Received)
                .Then(context =>
                {
                    context.Saga.WakesLeft--;
                    log.Wakes.Add(context.Saga.CorrelationId);
                })
                .IfElse(
                    context => context.Saga.WakesLeft > 0,
                    more => more.Schedule(Due, context => new ErrandDue(context.Saga.CorrelationId), context => context.Saga.Delay),
                    done => done.Then(context => log.Done(context.Saga.CorrelationId)).Finalize()),
            When(CalledOff)
                .Unschedule(Due)
                .Then(context => log.Done(context.Saga.CorrelationId))
                .Finalize());

        SetCompletedWhenFinalized();
    }

    public State Waiting { get; } = null!;
    public Event<ErrandStarted> Started { get; } = null!;
    public Event<ErrandTouched> Touched { get; } = null!;
    public Event<ErrandCalledOff> CalledOff { get; } = null!;
    public Schedule<Errand, ErrandDue> Due { get; } = null!;
}

public sealed class ErrandDefinition : SagaDefinition<Errand>
{
    protected override void ConfigureSaga(
        IReceiveEndpointConfigurator endpointConfigurator, ISagaConfigurator<Errand> sagaConfigurator, IRegistrationContext context) =>
        endpointConfigurator.UseSagaRetry();
}
