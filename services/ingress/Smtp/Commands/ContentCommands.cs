using Mailkey.Smtp;

namespace Mailkey.Ingress.Smtp.Commands;

/// <summary>DATA (RFC 5321 §4.1.1.4).</summary>
internal sealed class DataCommand : SmtpCommand
{
    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        if (!arguments.IsEmpty)
        {
            return new(session.Error(Replies.NoArguments));
        }

        if (session.State == SessionState.Recipients)
        {
            return new(NextStep.Data);
        }

        // RFC 5321 §3.3: without a recipient 503, and 554 where all of them were refused.
        return new(session.Error(session.Transaction?.RecipientRefusal is null ? Replies.RcptFirst : Replies.NoValidRecipients));
    }
}

/// <summary>BDAT (RFC 3030 §2).</summary>
internal sealed class BdatCommand : SmtpCommand
{
    /// <summary>Chunks below this size count as small: no client has a reason to send many.</summary>
    private const int SmallChunk = 512;

    /// <summary>Small chunks of one session, after which it is closed.</summary>
    private const int MaxSmallChunks = 1000;

    public override ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments)
    {
        if (!BdatArguments.TryParse(arguments, out var chunk, out _))
        {
            // Nobody knows how many octets follow, and none of them may be taken for a command.
            session.Reply(Replies.BadChunkSize);
            return new(session.Close());
        }

        if (chunk.Size < SmallChunk && !chunk.IsLast && ++session.SmallChunks > MaxSmallChunks)
        {
            return new(session.Close(Replies.TooManyChunks));
        }

        // A chunk that can't be taken is read to its end all the same; one of absurd size is not worth that.
        if (chunk.Size / 2 > session.Server.Options.MaxMessageSize)
        {
            session.Refuse(Replies.MessageTooLarge);
            return new(session.Close());
        }

        session.Chunk = chunk;
        session.ChunkRefusal = session.State switch
        {
            SessionState.Recipients or SessionState.Chunks => null,
            SessionState.Connected => Replies.HelloFirst,
            SessionState.Mail => session.Transaction!.RecipientRefusal is null ? Replies.RcptFirst : Replies.NoValidRecipients,
            _ => Replies.ChunkOutOfOrder,
        };
        return new(NextStep.Chunk);
    }
}
