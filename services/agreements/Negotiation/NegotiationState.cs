using Mailkey.Agreements.Consents;
using Mailkey.Messaging.Sagas;

namespace Mailkey.Agreements.Negotiation;

/// <summary>
/// What goes on by itself with an agreement. What the agreement is stands in its events; here is only what was heard of them, what was asked,
/// and when to look again.
/// </summary>
public sealed class NegotiationState : IStoredSaga
{
    public Guid CorrelationId { get; set; }
    public int Version { get; set; }
    public string? CurrentState { get; set; }

    public string AgreementId { get; set; } = "";

    /// <summary>The version of the agreement's stream that was last heard of.</summary>
    public long Known { get; set; }

    /// <summary>When something in the agreement ends by itself.</summary>
    public DateTimeOffset? Deadline { get; set; }

    /// <summary>Whether the last look found the agreement at its end.</summary>
    public bool HasEnded { get; set; }

    /// <summary>When to look again without being asked.</summary>
    public DateTimeOffset? LookAt { get; set; }

    /// <summary>The terms that the user was last asked about; 0 before the first question.</summary>
    public int AskedVersion { get; set; }

    /// <summary>Reminders of that question.</summary>
    public int Reminders { get; set; }

    public DateTimeOffset? AskedAt { get; set; }
    public ConsentOutcome? Asked { get; set; }

    public DateTimeOffset? ReviewedAt { get; set; }

    public Guid? DeadlineToken { get; set; }
    public Guid? LookToken { get; set; }

    /// <summary>The one instance for an agreement.</summary>
    public static Guid IdOf(string agreementId) => NameBasedId.Create("negotiation", agreementId);
}
