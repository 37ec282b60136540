using System.Collections.Concurrent;
using Mailkey.Delivery.Outbound;
using Mailkey.Delivery.Routing;

namespace Mailkey.Delivery.Maildir;

/// <summary>The embedded mailboxes as a destination. A few threads of their own: a sync blocks, and a pool thread must not.</summary>
internal sealed class MaildirDestination : IDestination, IDisposable
{
    private const int Threads = 4;
    private const string NextHopName = "maildir";

    private readonly BlockingCollection<OutgoingTransaction> _queue = [];
    private readonly MaildirWriter _writer;
    private readonly Router _router;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private bool _isRunning;

    public MaildirDestination(MaildirWriter writer, Router router, TimeProvider time)
    {
        _writer = writer;
        _router = router;
        _time = time;
    }

    public bool TryAdd(OutgoingTransaction transaction)
    {
        lock (_gate)
        {
            if (!_isRunning)
            {
                _isRunning = true;
                for (var i = 0; i < Threads; i++)
                {
                    new Thread(Work) { IsBackground = true, Name = "maildir" }.Start();
                }
            }
        }

        _queue.Add(transaction);
        return true;
    }

    public void Dispose() => _queue.CompleteAdding();

    private void Work()
    {
        foreach (var transaction in _queue.GetConsumingEnumerable())
        {
            if (!transaction.TryStart())
            {
                continue;
            }

            try
            {
                transaction.Complete([.. transaction.Recipients.Select(recipient => Deliver(transaction.Message, recipient.ForwardPath) with { Recipient = recipient })]);
            }
            catch (Exception e)
            {
                // Whoever gave us the transaction decides.
                transaction.Fault(e);
            }
        }
    }

    private RecipientOutcome Deliver(OutgoingMessage message, string forwardPath)
    {
        Contracts.Recipient recipient = new() { ForwardPath = forwardPath };
        _router.Locate(forwardPath, out var mailbox);
        try
        {
            // A thread of our own, so blocking it is what it is for.
#pragma warning disable MA0045, VSTHRD002
            var file = _writer.DeliverAsync(message, mailbox, forwardPath, CancellationToken.None).GetAwaiter().GetResult();
#pragma warning restore MA0045, VSTHRD002
            return new()
            {
                Recipient = recipient,
                Kind = OutcomeKind.Delivered,
                Status = "2.0.0",
                Reply = file,
                NextHop = NextHopName,
                At = _time.GetUtcNow(),
                SuccessReport = SuccessReport.Delivered,
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // RFC 3463 §3.4: mail system storage.
            return OutgoingTransaction.Of(recipient, Finding.Temporary("4.3.1", $"maildir: {e.Message}"), NextHopName, null, _time.GetUtcNow());
        }
    }
}
