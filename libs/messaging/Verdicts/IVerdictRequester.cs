using Mailkey.Contracts;

namespace Mailkey.Messaging.Verdicts;

/// <summary>Asks any verifier what to do with a message.</summary>
public interface IVerdictRequester
{
    /// <summary>
    /// The verdict, or null when none came: no broker, no verifier, or none in <c>Verdict:Timeout</c>. Null means 451: the
    /// client keeps the message.
    /// </summary>
    ValueTask<MessageVerified?> AskAsync(MessageReceived message, CancellationToken cancellationToken);

    /// <summary>How many messages wait for their verdict.</summary>
    int Waiting { get; }
}

/// <summary>Judges one message. Runs in a verifier; may be called for many messages at the same time.</summary>
public interface IVerdictGiver
{
    ValueTask<MessageVerified> JudgeAsync(MessageReceived message, CancellationToken cancellationToken);
}
