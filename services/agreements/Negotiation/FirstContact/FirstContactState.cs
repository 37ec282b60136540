using Mailkey.Messaging.Sagas;

namespace Mailkey.Agreements.Negotiation.FirstContact;

/// <summary>What goes on by itself with an organisation: looks at its proofs, and deadlines.</summary>
public sealed class FirstContactState : IStoredSaga
{
    public Guid CorrelationId { get; set; }
    public int Version { get; set; }
    public string? CurrentState { get; set; }

    public string Domain { get; set; } = "";

    /// <summary>The version of the organisation's stream that was last heard of.</summary>
    public long Known { get; set; }

    /// <summary>The challenge that the counts below are about.</summary>
    public string Challenge { get; set; } = "";

    /// <summary>Looks for the record since first contact.</summary>
    public int Looks { get; set; }

    /// <summary>Looks in a row that found another challenge.</summary>
    public int WrongInARow { get; set; }

    /// <summary>Looks in a row that proved the record to be gone.</summary>
    public int DnsMissingInARow { get; set; }

    /// <summary>Looks in a row that proved the keys to be gone.</summary>
    public int KeyMissingInARow { get; set; }

    /// <summary>What the last look found.</summary>
    public ChallengeFinding? Finding { get; set; }

    public DateTimeOffset? Deadline { get; set; }
    public DateTimeOffset? LookAt { get; set; }
    public Guid? DeadlineToken { get; set; }
    public Guid? LookToken { get; set; }

    /// <summary>The one instance for an organisation.</summary>
    /// <param name="domain">In its normal form.</param>
    public static Guid IdOf(string domain) => NameBasedId.Create("first-contact", domain);
}
