namespace Mailkey.Agreements.Callbacks;

/// <summary>Something happened that the forwarder is told.</summary>
/// <param name="Version">Of the agreement's stream: everything up to there is to be told.</param>
public sealed record AgreementToTell(string AgreementId, long Version);

/// <summary>Any process is to call the forwarder now.</summary>
/// <param name="After">What it was told already.</param>
/// <param name="UpTo">What it is to be told.</param>
/// <param name="Attempt">Names the answer.</param>
public sealed record CallForwarder(string AgreementId, long After, long UpTo, int Attempt);

/// <summary>A call has ended.</summary>
/// <param name="Told">What the forwarder has been told now, in order and without gap.</param>
/// <param name="Failure">Why it was not told the rest; null when it was told everything.</param>
/// <param name="IsFinal">Whether it said that it does not want to be called.</param>
public sealed record ForwarderCalled(string AgreementId, int Attempt, long Told, string? Failure, bool IsFinal);

/// <summary>An operator wants it to be tried again. It waits among the dead letters until one does.</summary>
public sealed record ResumeCallbacks(string AgreementId);

/// <summary>The next attempt is due.</summary>
public sealed record CallbackRetryDue(Guid CallbackId);

/// <summary>An attempt should have ended long ago: its process is gone.</summary>
public sealed record CallOverdue(Guid CallbackId);
