using Mailkey.Messaging.Sagas;

namespace Mailkey.Agreements.Callbacks;

/// <summary>How far a forwarder has been told about one agreement. What there is to tell stands in the agreement's stream.</summary>
public sealed class CallbackState : IStoredSaga
{
    public Guid CorrelationId { get; set; }
    public int Version { get; set; }
    public string? CurrentState { get; set; }

    public string AgreementId { get; set; } = "";

    /// <summary>The forwarder knows the agreement up to this version of its stream.</summary>
    public long Told { get; set; }

    /// <summary>There is something to tell up to this one.</summary>
    public long Known { get; set; }

    /// <summary>Attempts of all times; names each.</summary>
    public int Attempts { get; set; }

    /// <summary>Failures since the last success.</summary>
    public int Failures { get; set; }

    public DateTimeOffset? FailingSince { get; set; }
    public string? LastFailure { get; set; }

    /// <summary>Set by a failure after which there is no other attempt.</summary>
    public bool IsGivenUp { get; set; }

    public Guid? RetryToken { get; set; }
    public Guid? OverdueToken { get; set; }

    /// <summary>The one instance for an agreement.</summary>
    public static Guid IdOf(string agreementId) => NameBasedId.Create("agreement-callbacks", agreementId);
}
