using Mailkey.Contracts;

namespace Mailkey.Delivery.Outbound;

/// <summary>One message for some of its recipients, all at the same destination: one SMTP transaction.</summary>
internal sealed class OutgoingTransaction(OutgoingMessage message, IReadOnlyList<Recipient> recipients)
{
    /// <summary>Recipients that any host takes in one transaction (RFC 5321 §4.5.3.1.8).</summary>
    public const int MaxRecipients = 100;

    private const int Queued = 0;
    private const int Started = 1;
    private const int Withdrawn = 2;

    private readonly TaskCompletionSource<IReadOnlyList<RecipientOutcome>> _outcomes = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _state;

    public OutgoingMessage Message { get; } = message;
    public IReadOnlyList<Recipient> Recipients { get; } = recipients;

    /// <summary>One outcome for each recipient.</summary>
    public Task<IReadOnlyList<RecipientOutcome>> Outcomes => _outcomes.Task;

    /// <summary>Begins the work; false when it was withdrawn.</summary>
    public bool TryStart() => Interlocked.CompareExchange(ref _state, Started, Queued) == Queued;

    /// <summary>Gives it back before anything was said of it: it waits in a queue again.</summary>
    public void Postpone() => Volatile.Write(ref _state, Queued);

    /// <summary>Takes it out of its queue; false when the work on it has begun.</summary>
    public bool TryWithdraw(RecipientOutcome[] outcomes) =>
        Interlocked.CompareExchange(ref _state, Withdrawn, Queued) == Queued && _outcomes.TrySetResult(outcomes);

    public void Complete(IReadOnlyList<RecipientOutcome> outcomes) => _outcomes.TrySetResult(outcomes);

    public void Fault(Exception exception) => _outcomes.TrySetException(exception);

    public void Cancel(CancellationToken cancellationToken) => _outcomes.TrySetCanceled(cancellationToken);

    /// <summary>The same outcome for every recipient.</summary>
    public RecipientOutcome[] All(Finding finding, string nextHop, string? remote, DateTimeOffset at) =>
        [.. Recipients.Select(recipient => Of(recipient, finding, nextHop, remote, at))];

    public static RecipientOutcome Of(Recipient recipient, Finding finding, string nextHop, string? remote, DateTimeOffset at) => new()
    {
        Recipient = recipient,
        Kind = finding.IsPermanent ? OutcomeKind.Failed : OutcomeKind.Deferred,
        Status = finding.Status,
        Reply = finding.Text,
        IsSmtpReply = finding.IsSmtpReply,
        RemoteMta = remote,
        NextHop = nextHop,
        At = at,
    };
}
