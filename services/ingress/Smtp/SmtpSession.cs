using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Mailkey.Contracts;
using Mailkey.Ingress.Agreements;
using Mailkey.Ingress.Smtp.Tls;
using Mailkey.Smtp;
using Microsoft.AspNetCore.Connections;

namespace Mailkey.Ingress.Smtp;

/// <summary>
/// One SMTP connection, from the greeting to its end (RFC 5321 §3). Reads command lines off the pipe, has them done in
/// order, and sends the replies of a pipelined group together (RFC 2920).
/// </summary>
internal sealed partial class SmtpSession
{
    /// <summary>Replies that wait to be sent together, in octets; a client that only asks and never reads is stopped here.</summary>
    private const int MaxReplyGroup = 16 * 1024;

    /// <summary>Octets of one endless line that are read away before the connection is closed.</summary>
    private const int MaxSkippedLine = 64 * 1024;

    /// <summary>Time after which a session that was told to end is cut off.</summary>
    private static readonly TimeSpan InterruptGrace = TimeSpan.FromSeconds(5);

        private readonly string client;
    private PipeReader input;
    private PipeWriter output;
    private SslStream? tls;
    private string clientName = "";
    private string? tlsName;
    private ConnectionFacts? facts;
    private int errors;
    private int idleCommands;
    private int skippedOctets;
    private bool isClosing;
    private bool isConnectionLost;

    // Shared with the registry's clock, in time stamps.
    private long deadline = long.MaxValue;
    private long contentDeadline = long.MaxValue;
    private long contentStarted;
    private long contentReceived;
    private long interrupted;
    private bool isBetweenTransactions = true;
    private SmtpReply? interruption;

    public SmtpSession(SmtpServer server, ConnectionContext connection, IPAddress address)
    {
        Server = server;
        Connection = connection;
        client = address.ToString();
        Network = ClientNetwork.Of(address);
        input = connection.Transport.Input;
        output = connection.Transport.Output;
    }

    public SmtpServer Server { get; }

    public ConnectionContext Connection { get; }

    /// <summary>What the client counts as.</summary>
    public ClientNetwork Network { get; }

    public SessionState State { get; set; }

    /// <summary>Null between transactions.</summary>
    public Transaction? Transaction { get; private set; }

    /// <summary>Whether the client said EHLO.</summary>
    public bool IsExtended { get; private set; }

    public bool IsSecure => tls is not null;

    /// <summary>The address of the client.</summary>
    public string ClientAddress => client;

    /// <summary>What the client called itself.</summary>
    public string ClientName => clientName;

    /// <summary>The forwarder that has logged in; null for everybody else.</summary>
    public ForwarderLogin? Login { get; private set; }

    /// <summary>Transactions that were begun.</summary>
    public int Transactions { get; set; }

    /// <summary>Recipients that were refused for good.</summary>
    public int UnknownRecipients { get; set; }

    /// <summary>RCPT commands that added no recipient.</summary>
    public int FruitlessRecipients { get; set; }

    public int SmallChunks { get; set; }

    /// <summary>The chunk that follows the last BDAT.</summary>
    public BdatArguments Chunk { get; set; }

    /// <summary>Why that chunk is only read away; null when it is content.</summary>
    public SmtpReply? ChunkRefusal { get; set; }

    public async Task RunAsync()
    {
        SmtpLog.Connected(Server.Logger, client);
        try
        {
            await ConverseAsync();
        }
        catch (Exception exception) when (exception is IOException or ConnectionAbortedException or OperationCanceledException)
        {
            // The client is gone, or was cut off: nobody is there to get a reply.
            isConnectionLost = true;
        }
        catch (Exception exception)
        {
            SmtpLog.SessionFailed(Server.Logger, exception, client);
            Reply(Replies.InternalError);
            await FlushQuietlyAsync();
        }
        finally
        {
            await AbandonTransactionAsync(interruption ?? Replies.ConnectionLost);
            if (tls is not null)
            {
                // With an exception, so that nothing more is sent.
                await input.CompleteAsync();
                await output.CompleteAsync(new ConnectionAbortedException());
                await tls.DisposeAsync();
            }

            SmtpLog.Disconnected(Server.Logger, client, Transactions);
        }
    }

    // ── what commands do

    /// <summary>Writes a reply; in a transaction it bears the queue id.</summary>
    public void Reply(SmtpReply reply) => reply.WriteTo(output, Transaction is { } transaction && reply.Code != 354 ? transaction.Suffix : default);

    /// <summary>Refuses mail: the reply gets the link that teaches, and the log a line.</summary>
    public void Refuse(SmtpReply reply)
    {
        if (Transaction is not { } transaction)
        {
            Reply(reply);
            return;
        }

        SmtpLog.Refused(Server.Logger, transaction.QueueId, client, Printable.Escape(transaction.Mail.ReversePath.ToString()), reply.ToString());
        if (reply.IsPermanent && Server.HelpUrl.Length > 0)
        {
            var domain = transaction.Mail.ReversePath.Mailbox is { IsAddressLiteral: false } mailbox ? mailbox.AsciiDomain : "";
            reply.WriteTo(output, $"; see {Server.HelpUrl}{domain}{transaction.Suffix}");
        }
        else
        {
            Reply(reply);
        }
    }

    /// <summary>Replies to a faulty command and counts it.</summary>
    public NextStep Error(SmtpReply reply)
    {
        Reply(reply);
        return ++errors >= Server.Options.MaxErrors ? Close(Replies.TooManyErrors) : NextStep.Command;
    }

    /// <summary>Ends the session after the replies written so far, and this one.</summary>
    public NextStep Close(SmtpReply? reply = null)
    {
        if (reply is not null)
        {
            reply.WriteTo(output);
            if (!reply.IsPositive)
            {
                SmtpLog.Closed(Server.Logger, client, reply.ToString());
            }
        }

        isClosing = true;
        return NextStep.Close;
    }

    public NextStep Greet(string name, bool isExtended)
    {
        clientName = name;
        facts = null;
        IsExtended = isExtended;
        State = SessionState.Ready;
        Reply(!isExtended ? Server.Helo : tls is not null ? Server.EhloInTls : Server.Certificate is not null ? Server.EhloWithTls : Server.Ehlo);
        return NextStep.Command;
    }

    public Transaction BeginTransaction(MailArguments mail)
    {
        Volatile.Write(ref isBetweenTransactions, false);
        return Transaction = new Transaction(Server.QueueIds.Next(), mail);
    }

    /// <summary>Refuses a transaction at MAIL.</summary>
    public NextStep RefuseTransaction(Transaction transaction, SmtpReply reply)
    {
        Refuse(reply);
        Server.Intake.NoteRefusal(transaction.QueueId, Facts(transaction), transaction.ToEnvelope(), reply);
        ForgetTransaction();

        // It moved no mail either, and left a line in the journal.
        return ++idleCommands > Server.Options.MaxIdleCommands ? Close(Replies.TooManyIdleCommands) : NextStep.Command;
    }

    /// <summary>Ends a transaction, if there is one, because the client says so. Noted when it was for our refusals.</summary>
    public void EndTransaction()
    {
        if (Transaction is not { } transaction)
        {
            return;
        }

        if (transaction is { Recipients.Count: 0, RecipientRefusal: { } refusal })
        {
            Server.Intake.NoteRefusal(transaction.QueueId, Facts(transaction), transaction.ToEnvelope(), refusal);
        }

        // Chunks so far are dropped; no reply waits for that.
        if (transaction.Content is { } content)
        {
            _ = DropAsync(transaction, content).AsTask();
        }

        ForgetTransaction();
    }

    public async ValueTask FlushAsync()
    {
        // A client that does not read its replies has as long as one that sends no command.
        SetDeadline(Server.Options.CommandTimeout);
        await SendAsync();
        ClearDeadline();
    }

    // ── the clock of the registry

    /// <summary>Whether the session has to be interrupted now.</summary>
    public bool IsDue(long now, bool isDraining, bool isStopped)
    {
        if (Volatile.Read(ref interrupted) is var since and not 0)
        {
            return Server.Time.GetElapsedTime(since, now) >= InterruptGrace;
        }

        var reply = now >= Volatile.Read(ref deadline) ? Volatile.Read(ref contentStarted) == 0 ? Replies.CommandTimeout : Replies.ContentTimeout
            : now >= Volatile.Read(ref contentDeadline) ? Replies.ContentTimeout
            : IsTooSlow(now) ? Replies.ContentTooSlow
            : isStopped || (isDraining && Volatile.Read(ref isBetweenTransactions)) ? Replies.ShuttingDown
            : null;
        if (reply is null)
        {
            return false;
        }

        interruption = reply;
        return true;
    }

    /// <summary>Wakes the session, so that it says why and ends; cuts it off when that did not help.</summary>
    public void Interrupt(long now)
    {
        if (Interlocked.CompareExchange(ref interrupted, now, 0) == 0)
        {
            Volatile.Read(ref input).CancelPendingRead();
        }
        else
        {
            Connection.Abort(new ConnectionAbortedException(interruption?.ToString() ?? ""));
        }
    }

    private bool IsTooSlow(long now)
    {
        var started = Volatile.Read(ref contentStarted);
        if (started == 0 || Server.Options.MinimumDataRate == 0)
        {
            return false;
        }

        var elapsed = Server.Time.GetElapsedTime(started, now);
        return elapsed >= RateGrace && Volatile.Read(ref contentReceived) < elapsed.TotalSeconds * Server.Options.MinimumDataRate;
    }

    private void SetDeadline(TimeSpan wait) =>
        Volatile.Write(ref deadline, Server.Time.GetTimestamp() + (long)(wait.TotalSeconds * Server.Time.TimestampFrequency));

    private void ClearDeadline() => Volatile.Write(ref deadline, long.MaxValue);

    // ── the conversation

    private async ValueTask ConverseAsync()
    {
        Server.Greeting.WriteTo(output);
        while (!isClosing)
        {
            if (!input.TryRead(out var result))
            {
                // The time for a command runs from its predecessor's replies, and until all of it is there, however its octets
                // trickle in.
                SetDeadline(Server.Options.CommandTimeout);
                await SendAsync();
                if (isClosing)
                {
                    return;
                }

                result = await ReadCommandAsync();
                ClearDeadline();
            }

            if (Volatile.Read(ref interrupted) != 0)
            {
                Close(interruption);
                break;
            }

            var buffer = result.Buffer;
            NextStep next;
            do
            {
                var command = TakeCommandAsync(ref buffer);
                next = await command;
                if (output.CanGetUnflushedBytes && output.UnflushedBytes > MaxReplyGroup)
                {
                    await FlushAsync();
                }
            }
            while (next == NextStep.Command && !isClosing);

            var hasMore = !buffer.IsEmpty;
            input.AdvanceTo(buffer.Start, next == NextStep.Input ? buffer.End : buffer.Start);
            switch (next)
            {
                case NextStep.Input when result.IsCompleted:
                    isConnectionLost = true;
                    isClosing = true;
                    break;
                case NextStep.Data:
                    await ReceiveDataAsync();
                    break;
                case NextStep.Chunk:
                    await ReceiveChunkAsync();
                    break;
                case NextStep.Authentication:
                    await AuthenticateAsync();
                    break;
                case NextStep.Tls:
                    await StartTlsAsync(hasMore);
                    break;
            }

            if (!isClosing && Server.Sessions.IsDraining && Transaction is null)
            {
                Close(Replies.ShuttingDown);
            }
        }

        await FlushQuietlyAsync();
    }

    private async ValueTask SendAsync()
    {
        var result = await output.FlushAsync();
        if (result.IsCompleted)
        {
            isConnectionLost = isClosing = true;
        }
    }

    private async ValueTask<ReadResult> ReadCommandAsync()
    {
        while (true)
        {
            var result = await input.ReadAsync();
            if (result.IsCanceled || result.IsCompleted || result.Buffer.PositionOf((byte)'\n') is not null || result.Buffer.Length > CommandLine.MaxExtendedLength)
            {
                return result;
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    // Takes one line off the buffer and has it done. The line stays in the pipe's memory for as long.
    private ValueTask<NextStep> TakeCommandAsync(ref ReadOnlySequence<byte> buffer)
    {
        if (buffer.PositionOf((byte)'\n') is not { } end)
        {
            return new(SkipEndlessLine(ref buffer));
        }

        var sequence = buffer.Slice(0, end);
        buffer = buffer.Slice(buffer.GetPosition(1, end));
        if (skippedOctets > 0 || sequence.Length > CommandLine.MaxExtendedLength)
        {
            skippedOctets = 0;
            return new(Error(Replies.LineTooLong));
        }

        if (sequence.IsSingleSegment)
        {
            return ExecuteAsync(sequence.FirstSpan);
        }

        // A line on the border of two segments of the pipe: seldom, and copied.
        Span<byte> line = stackalloc byte[(int)sequence.Length];
        sequence.CopyTo(line);
        return ExecuteAsync(line);
    }

    private NextStep SkipEndlessLine(ref ReadOnlySequence<byte> buffer)
    {
        if (skippedOctets == 0 && buffer.Length <= CommandLine.MaxExtendedLength)
        {
            return NextStep.Input;
        }

        skippedOctets += (int)buffer.Length;
        buffer = buffer.Slice(buffer.End);
        return skippedOctets > MaxSkippedLine ? Close(Replies.TooManyErrors) : NextStep.Input;
    }

    private ValueTask<NextStep> ExecuteAsync(ReadOnlySpan<byte> line)
    {
        // RFC 5321 §2.3.8: only CRLF ends a line, and CR or LF occur nowhere else. What others may have read as two lines is
        // no command at all.
        if (line is not [.. var text, (byte)'\r'] || ContainsControl(text))
        {
            return new(Error(Replies.BareLineEndInCommand));
        }

        var verb = CommandLine.Split(text, out var arguments);
        if (text.Length + 2 > (verb is Verb.Mail or Verb.Rcpt ? CommandLine.MaxExtendedLength : CommandLine.MaxLength))
        {
            return new(Error(Replies.LineTooLong));
        }

        if (CommandTable.Find(verb, State, out var refusal) is not { } command || (verb == Verb.Auth && Server.Agreements is not { OffersLogin: true }))
        {
            return new(RefuseUnknown(verb, text));
        }

        if (refusal is not null)
        {
            LogRefusedCommand(refusal, verb, text);
            return new(Error(refusal));
        }

        return command.IsIdle && ++idleCommands > Server.Options.MaxIdleCommands
            ? new(Close(Replies.TooManyIdleCommands))
            : command.ExecuteAsync(this, arguments);
    }

    private NextStep RefuseUnknown(Verb verb, ReadOnlySpan<byte> text)
    {
        var reply = verb switch
        {
            Verb.OtherProtocol => Replies.NotSmtp,
            Verb.NotImplemented or Verb.Auth => Replies.NotImplemented,
            _ => Replies.UnknownCommand,
        };
        LogRefusedCommand(reply, verb, text);

        // What follows are the header fields of another protocol, chosen by whoever tricked its client.
        return verb == Verb.OtherProtocol ? Close(reply) : Error(reply);
    }

    private void LogRefusedCommand(SmtpReply reply, Verb verb, ReadOnlySpan<byte> text)
    {
        if (Server.Logger.IsEnabled(LogLevel.Debug))
        {
            // A mail program that was told the wrong port says name and password behind AUTH.
            SmtpLog.CommandRefused(Server.Logger, client, reply.ToString(), verb == Verb.Auth ? "AUTH ..." : Printable.Escape(text));
        }
    }

    // A tab may stand at the end of a line; SMTP has no other control character in a command.
    private static bool ContainsControl(ReadOnlySpan<byte> text)
    {
        if (!text.ContainsAnyInRange((byte)0, (byte)31) && !text.Contains((byte)127))
        {
            return false;
        }

        foreach (var octet in text)
        {
            if (octet is < 32 or 127 && octet != (byte)'\t')
            {
                return true;
            }
        }

        return false;
    }

    // ── TLS

    private async ValueTask StartTlsAsync(bool hasPlaintext)
    {
        // RFC 3207 §4.2 and CVE-2011-0411: what stands behind STARTTLS in plaintext must never be taken as if it had come by TLS.
        // No honest client sends it, so the session ends.
        if (hasPlaintext || HasUnreadInput())
        {
            Close(Replies.PlaintextAfterStartTls);
            return;
        }

        Reply(Replies.ReadyForTls);
        await FlushAsync();
        if (isClosing)
        {
            return;
        }

        var stream = new SslStream(new DuplexStream(Connection.Transport));
        SetDeadline(Server.Options.CommandTimeout);
        try
        {
            await stream.AuthenticateAsServerAsync(Server.Certificate!.Options, Server.Stopped);
        }
        catch (Exception exception) when (exception is AuthenticationException or IOException or OperationCanceledException or InvalidOperationException)
        {
            await stream.DisposeAsync();
            SmtpLog.TlsFailed(Server.Logger, client, Printable.Escape(exception.Message));
            isConnectionLost = isClosing = true;
            return;
        }

        ClearDeadline();
        tls = stream;
        tlsName = $"{stream.SslProtocol} {stream.NegotiatedCipherSuite}";
        output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        Volatile.Write(ref input, PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 16 * 1024, leaveOpen: true)));

        // RFC 3207 §4.2: everything that the client said before is forgotten.
        State = SessionState.Connected;
        IsExtended = false;
        Login = null;
        clientName = "";
        facts = null;
    }

    private bool HasUnreadInput()
    {
        if (!input.TryRead(out var result))
        {
            return false;
        }

        input.AdvanceTo(result.Buffer.Start);
        return !result.Buffer.IsEmpty;
    }

    // ── the end

    private async ValueTask FlushQuietlyAsync()
    {
        if (isConnectionLost)
        {
            return;
        }

        try
        {
            await FlushAsync();
            if (tls is not null)
            {
                await tls.ShutdownAsync();
            }
        }
        catch (Exception exception) when (exception is IOException or ConnectionAbortedException or OperationCanceledException)
        {
            isConnectionLost = true;
        }
    }

    private void ForgetTransaction()
    {
        Transaction = null;
        State = SessionState.Ready;
        StopContentClock();
        Volatile.Write(ref isBetweenTransactions, true);
    }

    private ConnectionFacts Facts(Transaction transaction)
    {
        var protocol = Protocol(transaction.Mail.SmtpUtf8);
        if (facts is null || !string.Equals(facts.Protocol, protocol, StringComparison.Ordinal))
        {
            facts = new ConnectionFacts
            {
                ClientAddress = client,
                ClientName = clientName,
                Protocol = protocol,
                Tls = tlsName,
                Server = Server.Instance,
            };
        }

        return facts;
    }

    // RFC 3848 §1, RFC 6531 §4.3
    private string Protocol(bool smtpUtf8) => (smtpUtf8, IsExtended, IsSecure) switch
    {
        (true, _, true) => "UTF8SMTPS",
        (true, _, false) => "UTF8SMTP",
        (false, true, true) => "ESMTPS",
        (false, true, false) => "ESMTP",
        _ => "SMTP",
    };
}
