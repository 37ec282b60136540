using Mailkey.Contracts;
using Mailkey.Delivery.Routing;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Outbound;

/// <summary>Begins attempts: sorts the recipients of a message by next hop and hands each group over.</summary>
internal sealed class Courier(Router router, Outbox outbox, IOptions<MailkeyOptions> options, TimeProvider time)
{
    private readonly int _maxReceived = options.Value.Smtp.MaxReceivedFields;

    /// <summary>Begins an attempt. The message stays open until it has ended.</summary>
    public DeliveryAttempt Begin(OutgoingMessage message, IReadOnlyList<Recipient> recipients)
    {
        // RFC 5321 §6.3: our own trace field is among them.
        if (message.ReceivedFields > _maxReceived)
        {
            return new(message, Refused(recipients, Finding.Permanent("5.4.6", $"{message.ReceivedFields} Received fields: this message loops"), ""), []);
        }

        List<RecipientOutcome> decided = [];
        Dictionary<NextHop, List<Recipient>> groups = new(1);
        foreach (var recipient in recipients)
        {
            if (router.Find(recipient.ForwardPath) is not { } nextHop)
            {
                decided.AddRange(Refused([recipient], Finding.Permanent("5.1.3", "bad destination mailbox address syntax"), ""));
                continue;
            }

            if (!groups.TryGetValue(nextHop, out var group))
            {
                groups.Add(nextHop, group = []);
            }

            group.Add(recipient);
        }

        List<Leg> legs = new(groups.Count);
        foreach (var (nextHop, group) in groups)
        {
            foreach (var part in group.Count <= OutgoingTransaction.MaxRecipients ? [group] : group.Chunk(OutgoingTransaction.MaxRecipients).Select(chunk => chunk.ToList()))
            {
                legs.Add(new(outbox, message, nextHop, part, time));
            }
        }

        return new(message, decided, legs);
    }

    private IEnumerable<RecipientOutcome> Refused(IEnumerable<Recipient> recipients, Finding finding, string nextHop) =>
        recipients.Select(recipient => OutgoingTransaction.Of(recipient, finding, nextHop, null, time.GetUtcNow()));
}

/// <summary>An attempt to deliver one message to some recipients.</summary>
internal sealed class DeliveryAttempt
{
    private readonly List<RecipientOutcome> _decided;
    private readonly IReadOnlyList<Leg> _legs;

    public DeliveryAttempt(OutgoingMessage message, IEnumerable<RecipientOutcome> decided, IReadOnlyList<Leg> legs)
    {
        Message = message;
        _decided = [.. decided];
        _legs = legs;
        Ended = legs.Count == 1 ? legs[0].Outcomes : Task.WhenAll(legs.Select(leg => leg.Outcomes));
    }

    public OutgoingMessage Message { get; }

    /// <summary>Whether nothing is under way but to hosts that strangers named.</summary>
    public bool WaitsForStrangersAlone => _legs.All(leg => leg.Outcomes.IsCompleted || leg.IsToStrangers);

    /// <summary>Over when nothing of it is under way any more; fails or is cancelled when part of it was.</summary>
    public Task Ended { get; }

    /// <summary>Ends what has not begun: it waits in the saga instead of here.</summary>
    public void Withdraw()
    {
        foreach (var leg in _legs)
        {
            leg.Withdraw();
        }
    }

    /// <summary>What is known now, what broke off (stopped, or a fault of ours), and what is still under way.</summary>
    public (List<RecipientOutcome> Outcomes, List<Leg> Broken, List<Leg> Running) Look()
    {
        List<RecipientOutcome> outcomes = [.. _decided];
        List<Leg> broken = [];
        List<Leg> running = [];
        foreach (var leg in _legs)
        {
            // Looked at once: it may end at any time.
            switch (leg.Outcomes.Status)
            {
                case TaskStatus.RanToCompletion:
                    outcomes.AddRange(leg.Outcomes.Result);
                    break;
                case TaskStatus.Faulted or TaskStatus.Canceled:
                    broken.Add(leg);
                    break;
                default:
                    running.Add(leg);
                    break;
            }
        }

        return (outcomes, broken, running);
    }
}

/// <summary>The part of an attempt that goes to one next hop: one transaction, or several when the host takes only so many recipients.</summary>
internal sealed class Leg
{
    private readonly Outbox _outbox;
    private readonly OutgoingMessage _message;
    private readonly NextHop _nextHop;
    private readonly TimeProvider _time;
    private volatile OutgoingTransaction _current;

    public Leg(Outbox outbox, OutgoingMessage message, NextHop nextHop, IReadOnlyList<Recipient> recipients, TimeProvider time)
    {
        _outbox = outbox;
        _message = message;
        _nextHop = nextHop;
        _time = time;
        Recipients = recipients;
        _current = new(message, recipients);
        outbox.Add(nextHop, _current);
        Outcomes = CollectAsync();
    }

    public IReadOnlyList<Recipient> Recipients { get; }

    public bool IsToStrangers => _nextHop.Kind == NextHopKind.MailExchangers;

    public Task<IReadOnlyList<RecipientOutcome>> Outcomes { get; }

    /// <summary>The outcome for each of its recipients when it broke off while others got theirs: they are tried again, the others are not.</summary>
    public IEnumerable<RecipientOutcome> BrokenOff() => Recipients.Select(recipient => OutgoingTransaction.Of(
        recipient, Finding.Temporary("4.3.0", "the attempt was broken off"), _nextHop.ToString(), null, _time.GetUtcNow()));

    public void Withdraw()
    {
        var current = _current;
        current.TryWithdraw(current.All(Finding.Temporary("4.4.5", "waiting for a connection to this host"), _nextHop.ToString(), null, _time.GetUtcNow()));
    }

    private async Task<IReadOnlyList<RecipientOutcome>> CollectAsync()
    {
        List<RecipientOutcome>? collected = null;
        while (true)
        {
            var outcomes = await _current.Outcomes;

            // RFC 5321 §4.5.3.1.10: 452 after some recipients means that the others are to come in a transaction of their own.
            var isProgress = outcomes.Any(outcome => outcome.Kind == OutcomeKind.Delivered);
            if (!isProgress || !outcomes.Any(IsTooMany))
            {
                return collected is null ? outcomes : [.. collected, .. outcomes];
            }

            collected ??= [];
            collected.AddRange(outcomes.Where(outcome => !IsTooMany(outcome)));
            _current = new(_message, [.. outcomes.Where(IsTooMany).Select(outcome => outcome.Recipient)]);
            _outbox.Add(_nextHop, _current);
        }
    }

    private static bool IsTooMany(RecipientOutcome outcome) =>
        outcome is { Kind: OutcomeKind.Deferred, IsSmtpReply: true } && outcome.Reply.StartsWith("452", StringComparison.Ordinal);
}
