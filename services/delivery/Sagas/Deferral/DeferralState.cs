using Mailkey.Contracts;
using Mailkey.Delivery.Outbound;
using Mailkey.Messaging.Sagas;

namespace Mailkey.Delivery.Sagas.Deferral;

/// <summary>A message that some recipients have not got yet.</summary>
public sealed class DeferralState : IStoredSaga
{
    public Guid CorrelationId { get; set; }
    public int Version { get; set; }
    public string? CurrentState { get; set; }

    public string QueueId { get; set; } = "";
    public DateTimeOffset ReceivedAt { get; set; }
    public Envelope Envelope { get; set; } = null!;
    public ContentReference Content { get; set; } = null!;
    public Verdict? Verdict { get; set; }

    /// <summary>The recipients that wait, each with the last thing that was heard of it.</summary>
    public List<RecipientOutcome> Pending { get; set; } = [];

    /// <summary>Attempts begun, the first one included.</summary>
    public int Attempts { get; set; }

    public bool IsSenderWarned { get; set; }
    public Guid? RetryToken { get; set; }
    public Guid? OverdueToken { get; set; }
    public Guid? DelayWarningToken { get; set; }

    /// <summary>Id of the saga of a message.</summary>
    public static Guid IdOf(string queueId) => NameBasedId.Create("deferral", queueId);
}
