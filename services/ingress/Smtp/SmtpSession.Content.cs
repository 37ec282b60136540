using System.Buffers;
using Mailkey.Ingress.Intake;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Smtp;

/// <summary>Content: what follows DATA and BDAT, and the reply to it.</summary>
internal sealed partial class SmtpSession
{
    /// <summary>Time in which the rate of content is not looked at yet.</summary>
    private static readonly TimeSpan RateGrace = TimeSpan.FromSeconds(30);

    private static readonly ReadOnlyMemory<byte> LineEnd = "\r\n"u8.ToArray();

    private async ValueTask ReceiveDataAsync()
    {
        var transaction = Transaction!;
        Reply(Replies.StartContent);
        BeginContent(transaction, DataDecoder.ForData(Server.BareLineEnds));
        SetDeadline(Server.Options.DataBlockTimeout);
        await SendAsync();
        if (isClosing)
        {
            return;
        }

        long received = 0;
        while (!transaction.Decoder.IsComplete)
        {
            if (!input.TryRead(out var result))
            {
                SetDeadline(Server.Options.DataBlockTimeout);
                result = await input.ReadAsync();
                ClearDeadline();
            }

            if (Volatile.Read(ref interrupted) != 0)
            {
                await AbandonTransactionAsync(interruption!);
                Close(interruption);
                return;
            }

            var consumed = await TakeContentAsync(transaction, result.Buffer);
            received += consumed;
            Volatile.Write(ref contentReceived, received);
            input.AdvanceTo(result.Buffer.GetPosition(consumed));
            if (result.IsCompleted && !transaction.Decoder.IsComplete)
            {
                isConnectionLost = isClosing = true;
                return;
            }

            // A lost message is read to its end, but not for ever.
            if ((transaction.Refusal ?? RefusalOf(transaction.Decoder.Fault)) is { } refusal && received / 2 > Server.Options.MaxMessageSize)
            {
                await RefuseContentAsync(transaction, refusal);
                Close();
                return;
            }
        }

        await ConcludeContentAsync(transaction);
    }

    // RFC 3030 §2: the chunk is read in any case; the reply comes after its last octet.
    private async ValueTask ReceiveChunkAsync()
    {
        var chunk = Chunk;
        var transaction = ChunkRefusal is null ? Transaction : null;
        if (transaction is null)
        {
            StartContentClock();
        }
        else if (transaction.Content is null)
        {
            BeginContent(transaction, DataDecoder.ForChunks(Server.BareLineEnds));
        }

        // RFC 1870 §6.3 for what was announced by chunk sizes instead of SIZE.
        if (transaction is not null && chunk.Size > Server.Options.MaxMessageSize - transaction.Octets)
        {
            transaction.Refusal = Replies.MessageTooLarge;
        }

        for (var left = chunk.Size; left > 0;)
        {
            if (!input.TryRead(out var result))
            {
                // A group of commands before this chunk may wait for its replies.
                await FlushAsync();
                if (isClosing)
                {
                    return;
                }

                SetDeadline(Server.Options.DataBlockTimeout);
                result = await input.ReadAsync();
                ClearDeadline();
            }

            if (Volatile.Read(ref interrupted) != 0)
            {
                await AbandonTransactionAsync(interruption!);
                Close(interruption);
                return;
            }

            var available = result.Buffer.Length > left ? result.Buffer.Slice(0, left) : result.Buffer;
            if (transaction is not null)
            {
                await TakeContentAsync(transaction, available);
            }

            left -= available.Length;
            Volatile.Write(ref contentReceived, contentReceived + available.Length);
            input.AdvanceTo(available.End);
            if (result.IsCompleted && left > 0)
            {
                isConnectionLost = isClosing = true;
                return;
            }
        }

        await ConcludeChunkAsync(transaction, chunk);
    }

    private async ValueTask ConcludeChunkAsync(Transaction? transaction, BdatArguments chunk)
    {
        if (transaction is null)
        {
            StopContentClock();
            Error(ChunkRefusal!);
            return;
        }

        if (chunk.IsLast)
        {
            if (transaction.Decoder.CompleteChunks())
            {
                await AppendAsync(transaction, LineEnd);
            }

            await ConcludeContentAsync(transaction);
            return;
        }

        // RFC 3030 §2: after a failure the message has failed; further chunks of it get 503.
        if ((transaction.Refusal ?? RefusalOf(transaction.Decoder.Fault)) is { } refusal)
        {
            await RefuseContentAsync(transaction, refusal);
            return;
        }

        State = SessionState.Chunks;
        Reply(Replies.ChunkOk);
    }

    private void BeginContent(Transaction transaction, DataDecoder decoder)
    {
        StartContentClock();
        transaction.Decoder = decoder;
        transaction.Content = Server.Intake.Begin(transaction.QueueId, Facts(transaction), transaction.ToEnvelope());
    }

    private void StartContentClock()
    {
        var now = Server.Time.GetTimestamp();
        Volatile.Write(ref contentReceived, 0);
        Volatile.Write(ref contentDeadline, now + (long)(Server.Options.DataTotalTimeout.TotalSeconds * Server.Time.TimestampFrequency));
        Volatile.Write(ref contentStarted, now);
    }

    private void StopContentClock()
    {
        Volatile.Write(ref contentStarted, 0);
        Volatile.Write(ref contentDeadline, long.MaxValue);
    }

    private async ValueTask<long> TakeContentAsync(Transaction transaction, ReadOnlySequence<byte> buffer)
    {
        long consumed = 0;
        foreach (var segment in buffer)
        {
            var position = 0;
            while (transaction.Decoder.TryRead(segment.Span, ref position, out var piece))
            {
                await AppendAsync(transaction, piece.IsLineEnd ? LineEnd : segment.Slice(piece.Offset, piece.Length));
            }

            consumed += position;
            if (transaction.Decoder.IsComplete)
            {
                break;
            }
        }

        return consumed;
    }

    private async ValueTask AppendAsync(Transaction transaction, ReadOnlyMemory<byte> octets)
    {
        if (transaction.Refusal is not null)
        {
            return;
        }

        // RFC 1870 §6.4: the SIZE of MAIL is a promise; what counts is what comes.
        transaction.Octets += octets.Length;
        if (transaction.Octets > Server.Options.MaxMessageSize)
        {
            transaction.Refusal = Replies.MessageTooLarge;
            return;
        }

        try
        {
            transaction.Refusal = await transaction.Content!.WriteAsync(octets, Server.Stopped);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            SmtpLog.IntakeFailed(Server.Logger, exception, transaction.QueueId);
            transaction.Refusal = Replies.TryAgainLater;
        }
    }

    // The content is complete: from here on the clock is that of intake, which has its own bounds.
    private async ValueTask ConcludeContentAsync(Transaction transaction)
    {
        StopContentClock();
        if ((transaction.Refusal ?? RefusalOf(transaction.Decoder.Fault)) is { } refusal)
        {
            await RefuseContentAsync(transaction, refusal);
            return;
        }

        SmtpReply reply;
        try
        {
            reply = await transaction.Content!.CompleteAsync(Server.Stopped);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || Server.Stopped.IsCancellationRequested)
        {
            SmtpLog.IntakeFailed(Server.Logger, exception, transaction.QueueId);
            reply = Replies.TryAgainLater;
        }

        await DisposeContentAsync(transaction);
        if (reply.IsPositive)
        {
            Reply(reply);
        }
        else
        {
            Refuse(reply);
        }

        idleCommands = 0;
        ForgetTransaction();
    }

    private async ValueTask RefuseContentAsync(Transaction transaction, SmtpReply refusal)
    {
        await DisposeContentAsync(transaction);
        Server.Intake.NoteRefusal(transaction.QueueId, Facts(transaction), transaction.ToEnvelope(), refusal);
        Refuse(refusal);
        ForgetTransaction();
    }

    // The session ends in the middle of a transaction.
    private async ValueTask AbandonTransactionAsync(SmtpReply reply)
    {
        if (Transaction is not { } transaction)
        {
            return;
        }

        await DisposeContentAsync(transaction);
        var refusal = transaction is { Recipients.Count: 0, RecipientRefusal: { } last } ? last : reply;
        Server.Intake.NoteRefusal(transaction.QueueId, Facts(transaction), transaction.ToEnvelope(), refusal);
        ForgetTransaction();
    }

    private async ValueTask DisposeContentAsync(Transaction transaction)
    {
        if (transaction.Content is { } content)
        {
            transaction.Content = null;
            await DropAsync(transaction, content);
        }
    }

    private async ValueTask DropAsync(Transaction transaction, IIncomingMessage content)
    {
        try
        {
            await content.DisposeAsync();
        }
        catch (Exception exception)
        {
            // The reply does not depend on it: either the message is ours, or the client keeps it.
            SmtpLog.IntakeFailed(Server.Logger, exception, transaction.QueueId);
        }
    }

    private static SmtpReply? RefusalOf(ContentFault fault) => fault switch
    {
        ContentFault.None => null,
        ContentFault.Nul => Replies.NulInContent,
        _ => Replies.BareLineEndInContent,
    };
}
