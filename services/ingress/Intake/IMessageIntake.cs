using Mailkey.Contracts;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Intake;

/// <summary>Where an SMTP session hands over a transaction: from the first octet of content to the reply for the final dot.</summary>
public interface IMessageIntake
{
    /// <summary>Begins to take the content of a transaction whose envelope is complete.</summary>
    IIncomingMessage Begin(string queueId, ConnectionFacts connection, Envelope envelope);

    /// <summary>
    /// Notes a transaction that ended without content: no recipient was accepted, or the session broke.
    /// Never blocks; the note reaches the journal later.
    /// </summary>
    void NoteRefusal(string queueId, ConnectionFacts connection, Envelope envelope, SmtpReply reply);
}

/// <summary>The content of one transaction on its way in. Disposing it without <see cref="CompleteAsync"/> drops all of it.</summary>
public interface IIncomingMessage : IAsyncDisposable
{
    /// <summary>Takes the next octets, dot-stuffing removed, line ends as CRLF. Buffers: the memory is free again on return.</summary>
    /// <returns>Null to go on; a reply when the message is already lost (too large, header too large, looping). The session
    /// then reads on to the end of the content without handing more over, and answers with it.</returns>
    ValueTask<SmtpReply?> WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken);

    /// <summary>The content is complete: asks for the verdict, makes an accepted message durable, and gives the reply.</summary>
    ValueTask<SmtpReply> CompleteAsync(CancellationToken cancellationToken);
}
