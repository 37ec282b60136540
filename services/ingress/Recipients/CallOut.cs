using System.Collections.Concurrent;
using Mailkey.Hosting.Options;
using Mailkey.Smtp;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Recipients;

/// <summary>
/// Asks the next hop of a domain whether a recipient exists. Answers are kept for a time, at most so many; questions for the
/// same recipient at the same time are one question. Only what the next hop says of the address itself is kept, and for this
/// spelling of it alone: never a 4yz, nothing that its opinion of us or of the sender could colour, so that nobody can plant
/// an answer for others.
/// </summary>
internal sealed class CallOut(IOptions<MailkeyOptions> options, TimeProvider time, ILogger<CallOut> logger) : IAsyncDisposable
{
    private readonly RecipientsOptions limits = options.Value.Recipients;
    private readonly string hostname = options.Value.Hostname;
    private readonly TimeProvider clock = time;
    private readonly ConcurrentDictionary<Question, Known> known = new();
    private readonly ConcurrentDictionary<Question, Lazy<Task<RecipientAnswer>>> asking = new();
    private readonly ConcurrentDictionary<NextHop, CallOutPool> pools = new();

    /// <summary>Answers from what is known, or asks.</summary>
    public ValueTask<RecipientAnswer> AskAsync(NextHop nextHop, Mailbox mailbox, CancellationToken cancellationToken)
    {
        // RFC 5321 §2.4: what a local part means is known to its host alone. "CAROL" or a quoted "carol" that the next hop does not
        // know must not make carol unknown, so each spelling is a question of its own; the domain has one.
        var question = new Question(nextHop, $"{mailbox.Text.AsSpan(0, mailbox.Text.Length - mailbox.Domain.Length)}{mailbox.AsciiDomain}");
        if (known.TryGetValue(question, out var answer))
        {
            if (clock.GetUtcNow() < answer.Until)
            {
                return new(answer.Answer);
            }

            known.TryRemove(new(question, answer));
        }

        // The question goes on for the others when one of those who wait for it leaves. It begins when it is listed, not before:
        // its end takes it off the list.
        var answering = asking.GetOrAdd(
            question,
            static (question, self) => new(() => self.StartAsking(question)),
            this);
        return new(answering.Value.WaitAsync(cancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var pool in pools.Values)
        {
            await pool.DisposeAsync();
        }
    }

    private Task<RecipientAnswer> StartAsking(Question question) => Task.Run(async () =>
    {
        try
        {
            var answer = await AskNextHopAsync(question.NextHop, question.Address);
            if (answer is RecipientAnswer.Exists or RecipientAnswer.Unknown)
            {
                Keep(question, answer);
            }

            return answer;
        }
        finally
        {
            asking.TryRemove(question, out _);
        }
    });

    private async Task<RecipientAnswer> AskNextHopAsync(NextHop nextHop, string address)
    {
        var pool = pools.GetOrAdd(nextHop, static (hop, self) => new CallOutPool(hop, self.hostname, self.limits, self.clock), this);
        using var timeout = new CancellationTokenSource(limits.Timeout, clock);
        try
        {
            var reply = await pool.AskAsync(address, timeout.Token);
            var answer = Judge(reply);
            if (answer == RecipientAnswer.Unverifiable)
            {
                CallOutLog.NoAnswer(logger, nextHop.Host, nextHop.Port, Printable.Escape(reply.ToString()));
            }

            return answer;
        }
        catch (Exception exception) when (exception is IOException or System.Net.Sockets.SocketException or OperationCanceledException or CallOutException)
        {
            CallOutLog.NoAnswer(logger, nextHop.Host, nextHop.Port, exception is OperationCanceledException ? "timed out" : Printable.Escape(exception.Message));
            return RecipientAnswer.Unverifiable;
        }
    }

    // 5yz says that there is no such mailbox when its code is about the address (RFC 3463 §3.2, X.1.x), or when it has no enhanced
    // code and is one of those that RFC 5321 §4.2.3 has for mailboxes. Anything else is about us or the host: no answer; and
    // X.1.7 and X.1.8 are about the sender.
    internal static RecipientAnswer Judge(SmtpReply reply) => reply switch
    {
        { Code: >= 200 and < 300 } => RecipientAnswer.Exists,
        { EnhancedCode: { Subject: 1, Detail: 7 or 8 } } => RecipientAnswer.Unverifiable,
        { Code: >= 500, EnhancedCode: { Subject: 1 } or { Subject: 2, Detail: 1 } } => RecipientAnswer.Unknown,
        { Code: 550 or 551 or 553, EnhancedCode: null } => RecipientAnswer.Unknown,
        _ => RecipientAnswer.Unverifiable,
    };

    private void Keep(Question question, RecipientAnswer answer)
    {
        if (limits.CacheEntries == 0)
        {
            return;
        }

        if (known.Count >= limits.CacheEntries)
        {
            Forget();
        }

        known[question] = new(answer, clock.GetUtcNow() + (answer == RecipientAnswer.Exists ? limits.PositiveTtl : limits.NegativeTtl));
    }

    // Expired answers go first, then a tenth of the others, unknown recipients before known ones: those are what a flood is made of.
    private void Forget()
    {
        var now = clock.GetUtcNow();
        foreach (var (question, answer) in known)
        {
            if (answer.Until <= now)
            {
                known.TryRemove(question, out _);
            }
        }

        var surplus = known.Count - (limits.CacheEntries * 9L / 10);
        foreach (var kind in (ReadOnlySpan<RecipientAnswer>)[RecipientAnswer.Unknown, RecipientAnswer.Exists])
        {
            foreach (var (question, answer) in known)
            {
                if (surplus <= 0)
                {
                    return;
                }

                if (answer.Answer == kind && known.TryRemove(question, out _))
                {
                    surplus--;
                }
            }
        }
    }

    // Address: local part as written, domain as A-labels.
    private readonly record struct Question(NextHop NextHop, string Address);

    private readonly record struct Known(RecipientAnswer Answer, DateTimeOffset Until);
}

internal static partial class CallOutLog
{
    [LoggerMessage(1, LogLevel.Warning, "Next hop {Host}:{Port} can't say whether a recipient exists: {Reason}")]
    public static partial void NoAnswer(ILogger logger, string host, int port, string reason);
}
