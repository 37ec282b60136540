using MassTransit;
using MassTransit.Middleware;
using MassTransit.Saga;

namespace Mailkey.Messaging.Sagas;

/// <summary>What MassTransit asks for an instance. Instances are found by correlation id only.</summary>
internal sealed class PostgresSagaRepositoryContextFactory<TSaga>(PostgresSagaStore<TSaga> store)
    : ISagaRepositoryContextFactory<TSaga>, ILoadSagaRepositoryContextFactory<TSaga>
    where TSaga : class, IStoredSaga
{
    public Task Send<T>(ConsumeContext<T> context, IPipe<SagaRepositoryContext<TSaga, T>> next)
        where T : class => next.Send(new PostgresSagaRepositoryContext<TSaga, T>(context, store));

    public Task SendQuery<T>(ConsumeContext<T> context, ISagaQuery<TSaga> query, IPipe<SagaRepositoryQueryContext<TSaga, T>> next)
        where T : class =>
        throw new NotSupportedException(
            $"{typeof(TSaga).Name} is found by correlation id only: use CorrelateById with a {nameof(NameBasedId)} of what names the instance.");

    public Task<T> Execute<T>(Func<LoadSagaRepositoryContext<TSaga>, Task<T>> asyncMethod, CancellationToken cancellationToken = default)
        where T : class => asyncMethod(new LoadContext(store, cancellationToken));

    public void Probe(ProbeContext context)
    {
        context.Add("persistence", "postgresql");
        context.Add("table", store.Table);
    }

    private sealed class LoadContext(PostgresSagaStore<TSaga> store, CancellationToken cancellationToken)
        : BasePipeContext(cancellationToken), LoadSagaRepositoryContext<TSaga>
    {
        public async Task<TSaga> Load(Guid correlationId) => (await store.LoadAsync(correlationId, CancellationToken))!;
    }
}
