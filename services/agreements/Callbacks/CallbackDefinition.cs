using Mailkey.Agreements.Negotiation;
using Mailkey.Messaging;

namespace Mailkey.Agreements.Callbacks;

/// <summary>The queue <c>agreement-callbacks</c>.</summary>
public sealed class CallbackDefinition : PartitionedSagaDefinition<CallbackState>
{
    /// <summary>Where news for forwarders go.</summary>
    public static readonly Uri Address = new($"exchange:{DurableQueue.AgreementCallbacks}");

    public CallbackDefinition()
        : base(DurableQueue.AgreementCallbacks, partitions: 16)
    {
        Partition<AgreementToTell>(m => CallbackState.IdOf(m.AgreementId));
        Partition<ForwarderCalled>(m => CallbackState.IdOf(m.AgreementId));
        Partition<ResumeCallbacks>(m => CallbackState.IdOf(m.AgreementId));
        Partition<CallbackRetryDue>(m => m.CallbackId);
        Partition<CallOverdue>(m => m.CallbackId);
    }
}
