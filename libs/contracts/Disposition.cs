namespace Mailkey.Contracts;

/// <summary>What to do with a message.</summary>
public enum Disposition
{
    /// <summary>Take responsibility: 250.</summary>
    Accept,

    /// <summary>Refuse for good: 5yz.</summary>
    Reject,

    /// <summary>Refuse for now: 4yz.</summary>
    Defer,
}
