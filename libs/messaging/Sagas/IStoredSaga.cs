using MassTransit;

namespace Mailkey.Messaging.Sagas;

/// <summary>
/// A saga that is kept in PostgreSQL: one row of a table named after the type, the whole instance as JSON. Everything that is
/// to survive is a property with a getter and a setter.
/// </summary>
public interface IStoredSaga : SagaStateMachineInstance, ISagaVersion
{
    /// <summary>Name of the state; the property that the state machine's <c>InstanceState</c> names. Null before the first event.</summary>
    string? CurrentState { get; }
}
