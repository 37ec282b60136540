using Mailkey.Messaging.Scheduling;
using MassTransit;
using MassTransit.Context;
using MassTransit.Saga;

namespace Mailkey.Messaging.Sagas;

/// <summary>One message on its way through one saga.</summary>
internal sealed class PostgresSagaRepositoryContext<TSaga, TMessage> : ConsumeContextScope<TMessage>, SagaRepositoryContext<TSaga, TMessage>
    where TSaga : class, IStoredSaga
    where TMessage : class
{
    private readonly PostgresSagaStore<TSaga> _store;
    private readonly SagaTimers _timers;

    public PostgresSagaRepositoryContext(ConsumeContext<TMessage> context, PostgresSagaStore<TSaga> store)
        : this(context, store, new SagaTimers())
    {
    }

    private PostgresSagaRepositoryContext(ConsumeContext<TMessage> context, PostgresSagaStore<TSaga> store, SagaTimers timers)
        : base(context, TimerServices.SchedulerContext(context, timers))
    {
        _store = store;
        _timers = timers;
    }

    public Task<SagaConsumeContext<TSaga, T>> CreateSagaConsumeContext<T>(ConsumeContext<T> consumeContext, TSaga instance, SagaConsumeContextMode mode)
        where T : class =>
        Task.FromResult<SagaConsumeContext<TSaga, T>>(new DefaultSagaConsumeContext<TSaga, T>(consumeContext, instance));

    public Task<SagaConsumeContext<TSaga, TMessage>> Add(TSaga instance) =>
        CreateSagaConsumeContext(this, instance, SagaConsumeContextMode.Add);

    public async Task<SagaConsumeContext<TSaga, TMessage>> Insert(TSaga instance)
    {
        // Null makes the caller load the instance that another message has inserted.
        return await _store.TryInsertAsync(instance, _timers, CancellationToken)
            ? await CreateSagaConsumeContext(this, instance, SagaConsumeContextMode.Insert)
            : null!;
    }

    public async Task<SagaConsumeContext<TSaga, TMessage>> Load(Guid correlationId)
    {
        return await _store.LoadAsync(correlationId, CancellationToken) is { } instance
            ? await CreateSagaConsumeContext(this, instance, SagaConsumeContextMode.Load)
            : null!;
    }

    public async Task Save(SagaConsumeContext<TSaga> context) =>
        Require(await _store.TryInsertAsync(context.Saga, _timers, CancellationToken), context);

    public async Task Update(SagaConsumeContext<TSaga> context) =>
        Require(await _store.TryUpdateAsync(context.Saga, _timers, CancellationToken), context);

    public async Task Delete(SagaConsumeContext<TSaga> context) =>
        Require(await _store.TryDeleteAsync(context.Saga, _timers, CancellationToken), context);

    public Task Discard(SagaConsumeContext<TSaga> context) => Task.CompletedTask;

    public Task Undo(SagaConsumeContext<TSaga> context) => Task.CompletedTask;

    private void Require(bool saved, SagaConsumeContext<TSaga> context)
    {
        if (!saved)
        {
            throw _store.Conflict(context.Saga);
        }
    }
}
