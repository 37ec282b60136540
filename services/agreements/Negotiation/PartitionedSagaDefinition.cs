using MassTransit;

namespace Mailkey.Agreements.Negotiation;

/// <summary>
/// A saga on a queue of its own, with the retry of the negotiation. Messages of one instance stand in line, at least within this process:
/// fewer conflicts. Those of another process meet at the version of the instance.
/// </summary>
public abstract class PartitionedSagaDefinition<TSaga> : SagaDefinition<TSaga>
    where TSaga : class, ISaga
{
    private readonly int _partitions;
    private readonly List<Action<ISagaConfigurator<TSaga>, IPartitioner>> _messages = [];

    /// <param name="partitions">Messages that are worked on at the same time, all of different instances.</param>
    protected PartitionedSagaDefinition(string queue, int partitions)
    {
        _partitions = partitions;
        Endpoint(endpoint =>
        {
            endpoint.Name = queue;
            endpoint.ConcurrentMessageLimit = partitions;
        });
    }

    /// <summary>Puts messages of a type in line.</summary>
    /// <param name="instance">Id of the instance that a message is for.</param>
    protected void Partition<TMessage>(Func<TMessage, Guid> instance)
        where TMessage : class =>
        _messages.Add((saga, partitioner) => saga.Message<TMessage>(m => m.UsePartitioner(partitioner, c => instance(c.Message))));

    protected sealed override void ConfigureSaga(
        IReceiveEndpointConfigurator endpointConfigurator, ISagaConfigurator<TSaga> sagaConfigurator, IRegistrationContext context)
    {
        endpointConfigurator.UseNegotiationRetry();
        var partitioner = endpointConfigurator.CreatePartitioner(_partitions);
        foreach (var message in _messages)
        {
            message(sagaConfigurator, partitioner);
        }
    }
}
