namespace Mailkey.Ledger;

/// <summary>What came of an append that expected a version.</summary>
public enum AppendResult
{
    /// <summary>The events are stored.</summary>
    Appended,

    /// <summary>The stream is not at the expected version: somebody else appended. Nothing is stored; read again and decide again.</summary>
    Conflict,

    /// <summary>An event with one of these ids is stored already, as after a retry of an append whose answer got lost. Nothing was stored now.</summary>
    AlreadyStored,
}
