using System.Buffers;
using System.Net;
using System.Text;
using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Ingress.Telemetry;
using Mailkey.Mime;
using Mailkey.Smtp;
using Mailkey.Storage;

namespace Mailkey.Ingress.Intake;

/// <summary>
/// One message on its way in. The header block is kept aside as it came, for the verdict; the body is hashed while it
/// streams by, in the canonicalisations that the signatures of the header ask for; the content goes to the store's
/// writer, where nothing is on disk before the message is accepted (large ones aside).
/// </summary>
internal sealed class IncomingMessage(MessageIntake intake, string queueId, ConnectionFacts connection, Envelope envelope) : IIncomingMessage
{
    private const int InitialHeaderBuffer = 4096;

    /// <summary>Messages that wait for verdicts, up to which one is stored before its own.</summary>
    private const int MostStoredAhead = 2;

    /// <summary>Room for the trace fields to begin with.</summary>
    private const int TraceBuffer = 1024;

    /// <summary>Octets of all trace fields; strangers fill them, and the content store takes no more.</summary>
    private const int MaxTrace = ContentReference.MaxPrefix;

    private static readonly ReadOnlyMemory<byte> EndOfHeader = "\r\n"u8.ToArray();

    private readonly DateTimeOffset receivedAt = intake.Time.GetUtcNow();
    private readonly IContentWriter content = intake.Store.Create(queueId);
    private byte[] headerBuffer = ArrayPool<byte>.Shared.Rent(InitialHeaderBuffer);
    private int headerLength;
    private int searchedTo;
    private long size;
    private byte[]? headerOctets;
    private HeaderBlock? header;
    private BodyHasher? simple;
    private BodyHasher? relaxed;
    private Task<ContentReference>? storedAhead;
    private bool handedOver;
    private bool ended;

    public async ValueTask<SmtpReply?> WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        size += octets.Length;
        if (size > intake.Options.Smtp.MaxMessageSize)
        {
            return Replies.MessageTooLarge;
        }

        if (header is not null)
        {
            return await WriteBodyAsync(octets, cancellationToken);
        }

        AppendHeader(octets.Span);
        var buffered = headerBuffer.AsSpan(0, headerLength);
        var end = HeaderEnd(buffered, out var bodyStart);
        if ((end < 0 ? headerLength : end) > intake.Options.Smtp.MaxHeaderSize)
        {
            return Replies.HeaderTooLarge;
        }

        if (end < 0)
        {
            return null;
        }

        return await BeginBodyAsync(end, cancellationToken)
            ?? await WriteBodyAsync(headerBuffer.AsMemory(bodyStart, headerLength - bodyStart), cancellationToken);
    }

    public async ValueTask<SmtpReply> CompleteAsync(CancellationToken cancellationToken)
    {
        ended = true;

        // A message may be a header alone, without the empty line (RFC 5322 §3.5).
        if (header is null && await BeginBodyAsync(headerLength, cancellationToken) is { } broken)
        {
            return Refuse(broken, null);
        }

        // Beside the verdict, for the client waits for both. Where many are at it they share an fsync after it, which is cheaper;
        // and who has not just passed costs no fsync before there is a verdict.
        if (intake.Verdicts.Waiting < MostStoredAhead && content.IsBuffered && intake.PassedSenders.Contains(connection, envelope))
        {
            storedAhead = content.CommitAsync(Received(), CancellationToken.None).AsTask();
        }

        if (await intake.Verdicts.AskAsync(Question(), cancellationToken) is not { } verified)
        {
            return Refuse(Replies.TryAgainLater, null);
        }

        intake.PassedSenders.Note(connection, envelope, verified.Disposition == Disposition.Accept);
        if (verified.Disposition != Disposition.Accept)
        {
            return Refuse(Refusal(verified.Reply!), verified.Verdict);
        }

        return await KeepAsync(verified, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        ArrayPool<byte>.Shared.Return(headerBuffer);
        headerBuffer = [];
        simple?.Dispose();
        relaxed?.Dispose();
        if (storedAhead is not null && !handedOver)
        {
            await ReleaseAsync(storedAhead);
        }

        await content.DisposeAsync();
        if (!ended)
        {
            intake.Logger.LogInformation("{QueueId}: content broken off after {Size} octets", queueId, size);
        }
    }

    private async ValueTask<SmtpReply> KeepAsync(MessageVerified verified, CancellationToken cancellationToken)
    {
        ContentReference reference;
        try
        {
            var trace = new ArrayBufferWriter<byte>(TraceBuffer);
            if (storedAhead is not null)
            {
                WriteResults(trace, verified, MaxTrace);
                reference = (await storedAhead).After(Encoding.UTF8.GetString(trace.WrittenSpan));
            }
            else
            {
                var received = Received();
                WriteResults(trace, verified, MaxTrace - received.Length);
                trace.Write(received.Span);
                reference = await content.CommitAsync(trace.WrittenMemory, cancellationToken);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            intake.Logger.LogError(e, "{QueueId}: the content could not be stored", queueId);
            return Refuse(Replies.TryAgainLater, verified.Verdict);
        }

        handedOver = true;

        // Not released when the confirm does not come: the broker may have the message all the same. The store's sweeper
        // removes what nobody ever delivers.
        var published = await intake.Acceptances.PublishAsync(new()
        {
            QueueId = queueId,
            ReceivedAt = receivedAt,
            AcceptedAt = intake.Time.GetUtcNow(),
            Connection = connection,
            Envelope = Kept(verified.Verdict),
            Content = reference,
            MessageId = header!.MessageId(),
            Verdict = verified.Verdict,
        }, cancellationToken);
        if (!published)
        {
            return Refuse(Replies.TryAgainLater, verified.Verdict);
        }

        IngressMetrics.TransactionEnded(Replies.Accepted.Code, verified.Verdict.Rule);
        if (verified.Verdict.Agreement is { Result: "pass", Forwarder: { } forwarder } agreement)
        {
            intake.AgreementReports?.Used(agreement.Id, forwarder, connection.ClientAddress);
        }

        return Replies.Accepted;
    }

    // An address that was made for a forwarder ends here: what is delivered, bounced and traced has the mailbox.
    private Envelope Kept(Verdict verdict)
    {
        var kept = verdict.Outcome == VerdictOutcome.Quarantine ? envelope with { Quarantine = verdict.Rule } : envelope;
        return envelope.Agreement?.DeliverTo is { } mailbox ? kept with { Recipients = [kept.Recipients[0] with { ForwardPath = mailbox }] } : kept;
    }

    private SmtpReply Refuse(SmtpReply reply, Verdict? verdict)
    {
        // Somebody proved to be another than the one whom the address was made for, or proved nothing.
        if (verdict?.Agreement is { Result: "fail", Method: "address", Forwarder: not null, AuthenticatedBy: null } agreement)
        {
            intake.AgreementReports?.Misused(agreement.Id, "address-used-by-another", queueId, connection.ClientAddress, forwarder: null);
        }

        // A DKIM signature says who wrote a message, and not who sends it now: anybody who got one may send it again (RFC 6376 §8.6).
        else if (verdict?.Agreement is { Result: "fail", Forwarder: { } forwarder, AuthenticatedBy: not (null or "dkim") } misled && verdict.Rule == "agreement-contradiction")
        {
            intake.AgreementReports?.Misused(misled.Id, "wrong-reference", queueId, connection.ClientAddress, forwarder);
        }

        intake.NoteRefusal(queueId, connection, envelope, reply, receivedAt, size, header?.MessageId(), verdict);
        return reply;
    }

    private static SmtpReply Refusal(ReplyText reply) =>
        new(reply.Code, EnhancedStatusCode.TryParse(reply.EnhancedCode, out var enhanced) ? enhanced : null, reply.Text);

    private void AppendHeader(ReadOnlySpan<byte> octets)
    {
        if (headerBuffer.Length - headerLength < octets.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(headerBuffer.Length * 2, headerLength + octets.Length));
            headerBuffer.AsSpan(0, headerLength).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(headerBuffer);
            headerBuffer = larger;
        }

        octets.CopyTo(headerBuffer.AsSpan(headerLength));
        headerLength += octets.Length;
    }

    // Each octet is looked at once, however the content is cut into pieces.
    private int HeaderEnd(ReadOnlySpan<byte> buffered, out int bodyStart)
    {
        if (buffered.StartsWith("\r\n"u8))
        {
            bodyStart = 2;
            return 0;
        }

        var at = buffered[searchedTo..].IndexOf("\r\n\r\n"u8);
        if (at < 0)
        {
            searchedTo = Math.Max(0, buffered.Length - 3);
            bodyStart = -1;
            return -1;
        }

        bodyStart = searchedTo + at + 4;
        return searchedTo + at + 2;
    }

    private async ValueTask<SmtpReply?> BeginBodyAsync(int headerEnd, CancellationToken cancellationToken)
    {
        headerOctets = headerBuffer.AsSpan(0, headerEnd).ToArray();
        header = HeaderBlock.Parse(headerOctets);

        // White space at the start would make the first line a part of the trace field that is written above it.
        if (header.Problem is { Kind: HeaderProblemKind.LeadingWhiteSpace or HeaderProblemKind.BareControl or HeaderProblemKind.FieldTooLarge or HeaderProblemKind.TooManyFields })
        {
            return Replies.HeaderBroken;
        }

        if (header.ReceivedCount >= intake.Options.Smtp.MaxReceivedFields)
        {
            return Replies.Looping;
        }

        var asked = SignatureFields.CanonicalizationsAskedFor(header);
        simple = asked.HasFlag(Canonicalizations.Simple) ? new BodyHasher(Canonicalization.Simple) : null;
        relaxed = asked.HasFlag(Canonicalizations.Relaxed) ? new BodyHasher(Canonicalization.Relaxed) : null;

        // Results that somebody else wrote in our name must not reach those who trust our name (RFC 8601 §5).
        await content.WriteAsync(AuthenticationResults.RemoveOurs(header, intake.Options.Hostname), cancellationToken);
        await content.WriteAsync(EndOfHeader, cancellationToken);
        return null;
    }

    private async ValueTask<SmtpReply?> WriteBodyAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        simple?.Append(octets.Span);
        relaxed?.Append(octets.Span);
        await content.WriteAsync(octets, cancellationToken);
        return null;
    }

    private MessageReceived Question()
    {
        var hashes = new List<BodyHash>(2);
        if (simple is not null)
        {
            hashes.Add(new() { Canonicalization = "simple", Sha256 = simple.Finish(), Length = simple.Length });
        }

        if (relaxed is not null)
        {
            hashes.Add(new() { Canonicalization = "relaxed", Sha256 = relaxed.Finish(), Length = relaxed.Length });
        }

        return new()
        {
            QueueId = queueId,
            ReceivedAt = receivedAt,
            Connection = connection,
            Envelope = envelope,
            HeaderBlock = headerOctets!,
            BodyHashes = hashes,
            Size = size,
        };
    }

    private async ValueTask ReleaseAsync(Task<ContentReference> stored)
    {
        try
        {
            await intake.Store.ReleaseAsync(queueId, await stored, CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Its space comes back when the store's sweeper finds that nobody ever delivers it.
            intake.Logger.LogError(e, "{QueueId}: the content of a refused message could not be released", queueId);
        }
    }

    // Known before the verdict, so it is stored with the content. What the verdict adds stands above it, as newer trace does (RFC 5321 §4.4).
    private ReadOnlyMemory<byte> Received()
    {
        var field = new ArrayBufferWriter<byte>(TraceBuffer);
        new ReceivedField
        {
            ClientName = connection.ClientName,
            ClientAddress = IPAddress.TryParse(connection.ClientAddress, out var address) ? address : null,
            By = intake.Options.Hostname,
            With = connection.Protocol,
            Tls = connection.Tls,
            Id = queueId,
            For = envelope.Recipients.Count == 1 ? envelope.Agreement?.DeliverTo ?? envelope.Recipients[0].ForwardPath : null,
            Date = receivedAt,
        }.WriteTo(field);
        return field.WrittenMemory;
    }

    private void WriteResults(ArrayBufferWriter<byte> trace, MessageVerified verified, int room)
    {
        // The policy's own fields come first: a mail host acts on them, and no stranger makes them long.
        var own = verified.AddedFields.Sum(field => field.Length + "\r\n".Length);
        AuthenticationResults.WriteField(trace, intake.Options.Hostname, verified.AuthenticationResults, room - own);
        foreach (var field in verified.AddedFields)
        {
            WriteAdded(trace, field, room);
        }
    }

    // Whatever a verifier sends, it stays one field: a line end in it would begin another one.
    private static void WriteAdded(ArrayBufferWriter<byte> trace, string field, int room)
    {
        if (trace.WrittenCount + field.Length + 2 > room)
        {
            return;
        }

        var line = trace.GetSpan(field.Length + 2);
        for (var i = 0; i < field.Length; i++)
        {
            line[i] = field[i] is >= ' ' and <= '~' ? (byte)field[i] : (byte)'?';
        }

        "\r\n"u8.CopyTo(line[field.Length..]);
        trace.Advance(field.Length + 2);
    }
}
