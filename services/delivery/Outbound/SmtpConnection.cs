using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Mailkey.Contracts;
using Mailkey.Hosting.Options;
using Mailkey.Smtp;

namespace Mailkey.Delivery.Outbound;

/// <summary>
/// A session with an SMTP or LMTP server, for one message after another. Whatever the server does or fails to do ends
/// in outcomes; exceptions are faults of ours. Not for concurrent use.
/// </summary>
internal sealed class SmtpConnection : IAsyncDisposable
{
    // A connection that is being given up waits this long for a last word.
    private static readonly TimeSpan QuitTimeout = TimeSpan.FromSeconds(5);

    // Each reply in time, a hundred times over, would still be hours.
    private static readonly TimeSpan LongestTransaction = TimeSpan.FromMinutes(30);

    private const int ReadSize = 64 * 1024;

    private readonly Socket _socket;
    private readonly ExchangerAddress _address;
    private readonly bool _isLmtp;
    private readonly DeliveryOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopping;
    private readonly CancellationTokenSource _deadline;
    private readonly PooledBuffer _output = new();
    private readonly ReplyParser _parser = new();
    private Stream _stream;
    private PipeReader _input;
    private bool _needsReset;
    private bool _isClosing;
    private bool _isAnswered;
    private bool _isHandshaking;
    private int _transactions;
    private long _begun;

    private SmtpConnection(Socket socket, ExchangerAddress address, bool isLmtp, DeliveryOptions options, TimeProvider time, CancellationToken stopping)
    {
        _socket = socket;
        _address = address;
        _isLmtp = isLmtp;
        _options = options;
        _time = time;
        _stopping = stopping;
        _deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _begun = time.GetTimestamp();
        _stream = new NetworkStream(socket, ownsSocket: true);
        _input = PipeReader.Create(_stream, new(leaveOpen: true));
        NextHop = string.Create(CultureInfo.InvariantCulture, $"{(isLmtp ? "lmtp" : "smtp")}://{address.HostPart}:{address.EndPoint.Port}");
    }

    /// <summary><c>smtp://host:port</c> or <c>lmtp://host:port</c>.</summary>
    public string NextHop { get; }

    /// <summary>What the server offers.</summary>
    public EhloResponse Ehlo { get; private set; } = EhloResponse.None;

    public bool IsEncrypted => _stream is SslStream;

    /// <summary>Whether another message may go this way.</summary>
    public bool IsReusable => !_isClosing && _transactions < Math.Min(_options.MaxMessagesPerConnection, Ehlo.MaxTransactions ?? int.MaxValue);

    /// <summary>Connects, reads the greeting, says EHLO or LHLO and, where offered, STARTTLS.</summary>
    /// <returns>The connection, or why there is none.</returns>
    public static async Task<(SmtpConnection? Connection, Finding? Problem)> OpenAsync(
        ExchangerAddress address, bool isLmtp, string ownName, DeliveryOptions options, TimeProvider time, CancellationToken stopping)
    {
        var (connection, problem, isTlsBroken) = await TryOpenAsync(address, isLmtp, ownName, options.StartTls, options, time, stopping);

        // Opportunistic (RFC 7435 §3): a host that offers TLS and can't do it gets its mail without.
        return isTlsBroken
            ? await TryOpenAsync(address, isLmtp, ownName, allowTls: false, options, time, stopping) is var (plain, stillNot, _) ? (plain, stillNot) : default
            : (connection, problem);
    }

    /// <summary>Carries one message.</summary>
    /// <returns>One outcome for each recipient; null when the server had closed this used connection before it answered
    /// anything, so that the message can go over a new one at once.</returns>
    public async Task<RecipientOutcome[]?> CarryAsync(OutgoingTransaction transaction)
    {
        var outcomes = new RecipientOutcome?[transaction.Recipients.Count];
        if (Unfit(transaction) is { } unfit)
        {
            return transaction.All(unfit, NextHop, Remote, _time.GetUtcNow());
        }

        if (!Ehlo.EightBitMime && transaction.Message.Envelope.Body == "8BITMIME" && await transaction.Message.HasEightBitAsync(_stopping))
        {
            // RFC 6152 §3: convert or refuse. A conversion would break every signature.
            return transaction.All(Finding.Permanent("5.6.3", "the host does not take 8BITMIME"), NextHop, Remote, _time.GetUtcNow());
        }

        var isReused = _transactions++ > 0;
        if (isReused && HasUnaskedInput())
        {
            _isClosing = true;
            return null;
        }

        _begun = _time.GetTimestamp();
        _isAnswered = false;
        List<int> accepted = new(transaction.Recipients.Count);
        try
        {
            // RFC 6531 §3.5: a recipient that can't be named without SMTPUTF8.
            List<int> named = new(transaction.Recipients.Count);
            for (var i = 0; i < outcomes.Length; i++)
            {
                if (!Ehlo.SmtpUtf8 && !Ascii.IsValid(transaction.Recipients[i].ForwardPath))
                {
                    outcomes[i] = Of(transaction, i, Finding.Permanent("5.6.7", "the host does not take SMTPUTF8"));
                }
                else
                {
                    named.Add(i);
                }
            }

            if (named.Count == 0)
            {
                return outcomes!;
            }

            var problem = await SendEnvelopeAsync(transaction, named, accepted, outcomes);
            if (problem is not null)
            {
                foreach (var i in named.Where(i => outcomes[i] is null))
                {
                    outcomes[i] = Of(transaction, i, problem);
                }

                // 421: the server is leaving (RFC 5321 §3.8). On a connection from the pool that says nothing about the message.
                return _isClosing && isReused ? null : (RecipientOutcome[])outcomes!;
            }

            await SendContentAsync(transaction.Message);

            // However long all before took: who leaves now sends again what the host has (RFC 5321 §4.5.3.2.6, RFC 1047).
            _begun = _time.GetTimestamp();
            if (_isLmtp)
            {
                // RFC 2033 §4.2: a reply for each recipient that was accepted, in that order.
                foreach (var i in accepted)
                {
                    outcomes[i] = Final(transaction, i, await ReadReplyAsync(_options.DataTimeout));
                }
            }
            else
            {
                var reply = await ReadReplyAsync(_options.DataTimeout);
                foreach (var i in accepted)
                {
                    outcomes[i] = Final(transaction, i, reply);
                }
            }

            return outcomes!;
        }
        catch (Exception e) when (IsNetworkFailure(e))
        {
            _stopping.ThrowIfCancellationRequested();
            _isClosing = true;
            if (isReused && !_isAnswered && e is not OperationCanceledException)
            {
                return null;
            }

            var lost = Lost(e, accepted.Count > 0 ? "content" : "envelope");
            for (var i = 0; i < outcomes.Length; i++)
            {
                outcomes[i] ??= Of(transaction, i, lost);
            }

            return outcomes!;
        }
        catch
        {
            _isClosing = true;
            throw;
        }
    }

    /// <summary>Ends the session politely, in the background: nobody waits for a QUIT.</summary>
    public async Task QuitAsync()
    {
        try
        {
            if (!_isClosing)
            {
                _begun = _time.GetTimestamp();
                Write("QUIT\r\n"u8);
                await FlushAsync(QuitTimeout);
                await ReadReplyAsync(QuitTimeout);
            }
        }
        catch (Exception e) when (IsNetworkFailure(e))
        {
            // The server was faster.
        }
        finally
        {
            await DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _input.CompleteAsync();
        await _stream.DisposeAsync();
        _socket.Dispose();
        _deadline.Dispose();
        _output.Dispose();
    }

    private string Remote => _address.Name;

    private static bool IsNetworkFailure(Exception e) =>
        e is IOException or SocketException or OperationCanceledException or InvalidReplyException or AuthenticationException;

    private static async Task<(SmtpConnection? Connection, Finding? Problem, bool IsTlsBroken)> TryOpenAsync(
        ExchangerAddress address, bool isLmtp, string ownName, bool allowTls, DeliveryOptions options, TimeProvider time, CancellationToken stopping)
    {
        Socket? socket = null;
        using (var timeout = CancellationTokenSource.CreateLinkedTokenSource(stopping))
        {
            timeout.CancelAfter(options.ConnectTimeout);
            try
            {
                // Where the system has no IPv6, or no socket left, that is said here already.
                socket = new(address.EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(address.EndPoint, timeout.Token);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                socket?.Dispose();
                stopping.ThrowIfCancellationRequested();
                return (null, Finding.Temporary("4.4.1", $"connect to {address}: {(e is SocketException ? e.Message : "timed out")}"), false);
            }
        }

        SmtpConnection connection = new(socket, address, isLmtp, options, time, stopping);
        try
        {
            var problem = await connection.GreetAsync(ownName, allowTls);
            if (problem is null)
            {
                return (connection, null, false);
            }

            await connection.DisposeAsync();
            return (null, problem, false);
        }
        catch (Exception e) when (IsNetworkFailure(e))
        {
            await connection.DisposeAsync();
            return (null, connection.Lost(e, "greeting"), connection._isHandshaking);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private async Task<Finding?> GreetAsync(string ownName, bool allowTls)
    {
        // RFC 5321 §3.1: 220, or 554 from a host that takes no mail at all. A 5yz here speaks of the host, not of the
        // message, so another host of the domain, or a later attempt, may still take it.
        var greeting = await ReadReplyAsync(_options.CommandTimeout);
        if (greeting.Code != 220)
        {
            return Finding.Of(greeting) with { IsPermanent = false, Status = "4.3.2" };
        }

        if (await HelloAsync(ownName) is { } refused)
        {
            return refused;
        }

        if (!allowTls || !Ehlo.StartTls || IsEncrypted)
        {
            return null;
        }

        await SendAsync("STARTTLS\r\n");
        if ((await ReadReplyAsync(_options.CommandTimeout)).Code != 220)
        {
            return null;
        }

        if (_input.TryRead(out var early) && !early.Buffer.IsEmpty)
        {
            // Octets that came before the handshake are not the server's word under TLS: somebody put them there.
            throw new InvalidReplyException("plain text after STARTTLS");
        }

        await _input.CompleteAsync();
        SslStream encrypted = new(_stream, leaveInnerStreamOpen: false);
        _stream = encrypted;
        _isHandshaking = true;
        Arm(_options.CommandTimeout);

        // RFC 7435 again: without a policy of the destination the alternative is no encryption at all,
        // so an unknown certificate is better than a refusal.
        await encrypted.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = _address.CertificateName,
#pragma warning disable CA5359 // See above.
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
            },
            _deadline.Token);
        Disarm();
        _isHandshaking = false;
        _input = PipeReader.Create(_stream, new(leaveOpen: true));

        // RFC 3207 §4.2: what was learned before is void.
        return await HelloAsync(ownName);
    }

    private async Task<Finding?> HelloAsync(string ownName)
    {
        await SendAsync($"{(_isLmtp ? "LHLO" : "EHLO")} {ownName}\r\n");
        var reply = await ReadReplyAsync(_options.CommandTimeout);
        if (reply.Code == 250)
        {
            Ehlo = EhloResponse.Parse(reply);
            return null;
        }

        if (!_isLmtp && reply.IsPermanent)
        {
            // RFC 5321 §3.2: a server that does not know EHLO.
            await SendAsync($"HELO {ownName}\r\n");
            reply = await ReadReplyAsync(_options.CommandTimeout);
            if (reply.Code == 250)
            {
                Ehlo = EhloResponse.None;
                return null;
            }
        }

        return Finding.Of(reply) with { IsPermanent = false, Status = "4.3.2" };
    }

    // A reply that nobody asked for would be taken for that to the next command, and each one after it for that of another
    // recipient. Under TLS what waits in the socket need not be a reply.
    private bool HasUnaskedInput()
    {
        if (_input.TryRead(out var result))
        {
            _input.AdvanceTo(result.Buffer.Start);
            return true;
        }

        return !IsEncrypted && _socket.Available > 0;
    }

    // What this server can't take, whoever the recipient is.
    private Finding? Unfit(OutgoingTransaction transaction)
    {
        var message = transaction.Message;
        if (Ehlo.MaxSize is { } size && message.Content.Length > size)
        {
            // RFC 1870 §6.1: no need to try.
            return Finding.Permanent("5.3.4", string.Create(CultureInfo.InvariantCulture, $"the host takes {size} octets, the message has {message.Content.Length}"));
        }

        if (message.NeedsSmtpUtf8 && !Ehlo.SmtpUtf8)
        {
            return Finding.Permanent("5.6.7", "the host does not take SMTPUTF8");
        }

        return message.Envelope.Body == "BINARYMIME" ? Finding.Permanent("5.6.3", "BINARYMIME can't be passed on") : null;
    }

    // MAIL, RCPT and DATA. Null when the server waits for the content.
    private async Task<Finding?> SendEnvelopeAsync(OutgoingTransaction transaction, List<int> named, List<int> accepted, RecipientOutcome?[] outcomes)
    {
        var pipelining = Ehlo.Pipelining;
        var reset = _needsReset;
        _output.Clear();
        if (reset)
        {
            Write("RSET\r\n"u8);
            if (!pipelining)
            {
                await FlushAsync();
                await ReadReplyAsync(_options.CommandTimeout);
                reset = false;
            }
        }

        // Until the end of the content is answered for, the server has a transaction of ours open.
        _needsReset = true;
        WriteMail(transaction.Message, named.Exists(i => !Ascii.IsValid(transaction.Recipients[i].ForwardPath)));
        if (!pipelining)
        {
            await FlushAsync();
        }
        else
        {
            // RFC 2920 §3.1: the whole group in one write; DATA ends it.
            foreach (var i in named)
            {
                WriteRecipient(transaction.Recipients[i]);
            }

            Write("DATA\r\n"u8);
            await FlushAsync();
            if (reset)
            {
                await ReadReplyAsync(_options.CommandTimeout);
            }
        }

        var mail = await ReadReplyAsync(_options.CommandTimeout);
        if (mail.Code != 421)
        {
            _isAnswered = true;
        }

        var problem = mail.Code / 100 == 2 ? null : Finding.Of(mail);
        if (problem is not null && (!pipelining || _isClosing))
        {
            return problem;
        }

        Finding? none = null;
        foreach (var i in named)
        {
            if (!pipelining)
            {
                WriteRecipient(transaction.Recipients[i]);
                await FlushAsync();
            }

            var reply = await ReadReplyAsync(_options.CommandTimeout);
            if (problem is not null)
            {
                continue;
            }

            if (reply.Code / 100 == 2)
            {
                accepted.Add(i);
                continue;
            }

            // RFC 5321 §4.5.3.1.10: 552 after RCPT is an old way to say 452, too many recipients.
            none = Finding.Of(reply.Code == 552 ? reply with { Code = 452, EnhancedCode = null } : reply);
            outcomes[i] = Of(transaction, i, none);
            if (_isClosing)
            {
                accepted.Clear();
                return none;
            }
        }

        if (!pipelining)
        {
            if (accepted.Count == 0)
            {
                return none;
            }

            Write("DATA\r\n"u8);
            await FlushAsync();
        }

        var data = await ReadReplyAsync(_options.CommandTimeout);
        if (data.Code == 354)
        {
            if (accepted.Count > 0)
            {
                return null;
            }

            // RFC 2920 §3.1: it asks for the content although it accepted nobody. It gets none, and whatever it then says counts for nobody.
            Write(".\r\n"u8);
            await FlushAsync();
            await ReadReplyAsync(_options.DataTimeout);
            return problem ?? none;
        }

        var refused = problem ?? (accepted.Count == 0 ? none : Finding.Of(data));
        accepted.Clear();
        return refused;
    }

    private async Task SendContentAsync(OutgoingMessage message)
    {
        DataEncoder encoder = default;
        if (message.Octets is { } octets)
        {
            encoder.Encode(octets.Span, _output);
        }
        else
        {
            var buffer = ArrayPool<byte>.Shared.Rent(ReadSize);
            try
            {
                await using var stream = await message.OpenAsync(_stopping);
                while (await ReadAsync(stream, buffer) is > 0 and var count)
                {
                    encoder.Encode(buffer.AsSpan(0, count), _output);
                    await FlushAsync();
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        encoder.Complete(_output);
        await FlushAsync();
    }

    // A failing disk is no failing network: it must not look like one.
    private async ValueTask<int> ReadAsync(Stream stream, byte[] buffer)
    {
        try
        {
            return await stream.ReadAsync(buffer, _stopping);
        }
        catch (IOException e)
        {
            throw new InvalidDataException("The content could not be read.", e);
        }
    }

    private RecipientOutcome Final(OutgoingTransaction transaction, int index, SmtpReply reply)
    {
        _needsReset = false;
        return reply.Code / 100 == 2
            ? new()
            {
                Recipient = transaction.Recipients[index],
                Kind = OutcomeKind.Delivered,
                Status = (reply.EnhancedCode ?? new(2, 0, 0)).ToString(),
                Reply = Finding.TextOf(reply),
                IsSmtpReply = true,
                RemoteMta = Remote,
                NextHop = NextHop,
                At = _time.GetUtcNow(),
                SuccessReport = Ehlo.Dsn ? SuccessReport.NextHop : _isLmtp ? SuccessReport.Delivered : SuccessReport.Relayed,
            }
            : Of(transaction, index, Finding.Of(reply));
    }

    private RecipientOutcome Of(OutgoingTransaction transaction, int index, Finding finding) =>
        OutgoingTransaction.Of(transaction.Recipients[index], finding, NextHop, Remote, _time.GetUtcNow());

    private Finding Lost(Exception e, string stage)
    {
        _stopping.ThrowIfCancellationRequested();
        var reason = e switch
        {
            OperationCanceledException => "timed out",
            InvalidReplyException invalid => invalid.Message,
            AuthenticationException => "TLS handshake failed",
            EndOfStreamException => "closed by the host",
            IOException { InnerException: SocketException inner } => inner.Message,
            _ => e.Message,
        };
        return Finding.Temporary("4.4.2", $"connection with {_address} lost at {stage}: {reason}");
    }

    // MAIL FROM:<reverse-path> with the parameters that the server knows
    private void WriteMail(OutgoingMessage message, bool internationalRecipient)
    {
        var envelope = message.Envelope;
        Write("MAIL FROM:<"u8);
        Write(envelope.ReversePath);
        Write(">"u8);
        if (Ehlo.HasSize)
        {
            Write(" SIZE="u8);
            Write(message.Content.Length.ToString(CultureInfo.InvariantCulture));
        }

        if (Ehlo.EightBitMime && envelope.Body == "8BITMIME")
        {
            Write(" BODY=8BITMIME"u8);
        }

        if (Ehlo.SmtpUtf8 && (message.NeedsSmtpUtf8 || internationalRecipient))
        {
            Write(" SMTPUTF8"u8);
        }

        // RFC 3461 §5.2.1: passed on unchanged to a host that does DSN.
        if (Ehlo.Dsn)
        {
            if (envelope.Return is { } ret)
            {
                Write(" RET="u8);
                Write(ret);
            }

            if (envelope.EnvelopeId is { } id)
            {
                Write(" ENVID="u8);
                Write(id);
            }
        }

        Write("\r\n"u8);
    }

    private void WriteRecipient(Recipient recipient)
    {
        Write("RCPT TO:<"u8);
        Write(recipient.ForwardPath);
        Write(">"u8);
        if (Ehlo.Dsn)
        {
            if (recipient.Notify is { } notify)
            {
                Write(" NOTIFY="u8);
                Write(notify);
            }

            if (recipient.OriginalRecipient is { } original)
            {
                Write(" ORCPT="u8);
                Write(original);
            }
        }

        Write("\r\n"u8);
    }

    private void Write(ReadOnlySpan<byte> octets) => _output.Write(octets);

    private void Write(string text)
    {
        // The envelope was parsed when it came; a line end in it would be a command of its own.
        if (text.AsSpan().ContainsAny('\r', '\n', '\0'))
        {
            throw new InvalidDataException("Line end in an envelope.");
        }

        _output.Advance(Encoding.UTF8.GetBytes(text, _output.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length))));
    }

    private async ValueTask SendAsync(string command)
    {
        _output.Clear();
        _output.Write(Encoding.ASCII.GetBytes(command));
        await FlushAsync();
    }

    private ValueTask FlushAsync() => FlushAsync(_options.CommandTimeout);

    private async ValueTask FlushAsync(TimeSpan timeout)
    {
        Arm(timeout);
        await _stream.WriteAsync(_output.Written, _deadline.Token);
        Disarm();
        _output.Clear();
    }

    private async ValueTask<SmtpReply> ReadReplyAsync(TimeSpan timeout)
    {
        var isArmed = false;
        while (true)
        {
            if (!_input.TryRead(out var result))
            {
                if (!isArmed)
                {
                    // For the whole reply: a server that sends an octet a minute gets no longer.
                    Arm(timeout);
                    isArmed = true;
                }

                result = await _input.ReadAsync(_deadline.Token);
            }

            var buffer = result.Buffer;
            switch (_parser.TryParse(ref buffer, out var reply))
            {
                case OperationStatus.Done:
                    _input.AdvanceTo(buffer.Start);
                    if (isArmed)
                    {
                        Disarm();
                    }

                    // RFC 5321 §3.8: after 421 the server closes, whatever it answered.
                    _isClosing |= reply!.Code == 421;
                    return reply!;
                case OperationStatus.NeedMoreData:
                    _input.AdvanceTo(buffer.Start, buffer.End);
                    break;
                default:
                    _input.AdvanceTo(buffer.Start);
                    throw new InvalidReplyException("no SMTP reply");
            }

            if (result.IsCompleted)
            {
                throw new EndOfStreamException();
            }
        }
    }

    private void Arm(TimeSpan timeout)
    {
        var left = LongestTransaction - _time.GetElapsedTime(_begun);
        _deadline.CancelAfter(left < TimeSpan.Zero ? TimeSpan.Zero : left < timeout ? left : timeout);
    }

    private void Disarm() => _deadline.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>What came is no reply: the connection is of no more use.</summary>
    private sealed class InvalidReplyException(string message) : Exception(message);
}

/// <summary>One address of a host that takes mail.</summary>
/// <param name="Name">Name of the host, or its address when it has none.</param>
/// <param name="EndPoint">Where to connect.</param>
internal sealed record ExchangerAddress(string Name, IPEndPoint EndPoint)
{
    /// <summary>The name as a URI writes it: an IPv6 address in brackets.</summary>
    public string HostPart => Name.Contains(':', StringComparison.Ordinal) ? $"[{Name}]" : Name;

    /// <summary>
    /// What the handshake asks for. The DNS holds names that no certificate can bear and that SslStream throws at, such as one that
    /// is a lone hyphen: of such a host its address is asked for.
    /// </summary>
    public string CertificateName
    {
        get
        {
            try
            {
                return SmtpDomain.TryParse(Name, out _, out _) && new IdnMapping().GetAscii(Name).Length > 0 ? Name : EndPoint.Address.ToString();
            }
            catch (ArgumentException)
            {
                return EndPoint.Address.ToString();
            }
        }
    }

    public override string ToString() => $"{Name}[{EndPoint}]";
}
