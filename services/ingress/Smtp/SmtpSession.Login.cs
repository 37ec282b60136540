using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Contracts.Agreements;
using Mailkey.Ingress.Agreements;
using Mailkey.Ingress.Telemetry;
using Mailkey.Messaging.Agreements;
using Mailkey.Smtp;
using Mailkey.Smtp.Sasl;

namespace Mailkey.Ingress.Smtp;

/// <summary>Forwarders: their login (RFC 4954), and which agreements a session has used.</summary>
internal sealed partial class SmtpSession
{
    /// <summary>Octets of a line of an authentication exchange (RFC 4954 §4, restriction on line length).</summary>
    private const int MaxLoginLine = 12288;

    /// <summary>Characters of the name of a credential.</summary>
    private const int MaxCredentialLength = 64;

    private LoginMechanism mechanism;
    private byte[]? initialResponse;
    private int failedLogins;

    // When the client's last line of the exchange came.
    private long loginHeard;
    private HashSet<string>? worn;

    /// <summary>What MAIL takes beyond the usual.</summary>
    public MailExtensions Offered => Server.Agreements is not { } agreements ? default : IsSecure ? agreements.WithTls : agreements.WithoutTls;

    /// <summary>Notes what AUTH said; the exchange begins when its line is read.</summary>
    public void BeginLogin(LoginMechanism mechanism, byte[]? initialResponse) => (this.mechanism, this.initialResponse) = (mechanism, initialResponse);

    /// <summary>Counts an agreement of this session.</summary>
    /// <returns>False when it is one too many.</returns>
    public bool TryWear(Hat hat)
    {
        worn ??= new(StringComparer.Ordinal);
        return worn.Contains(hat.Agreement.Id) || (worn.Count < Server.Agreements!.Options.MaxPerSession && worn.Add(hat.Agreement.Id));
    }

    /// <summary>Ends a session that has used more agreements than a forwarder has reason to.</summary>
    public NextStep RefuseSweep(Transaction transaction)
    {
        SmtpLog.AgreementSweep(Server.Logger, client, transaction.Hat!.Agreement.Forwarder, Server.Agreements!.Options.MaxPerSession);
        IngressMetrics.AgreementSweep(transaction.Hat.Agreement.Forwarder);
        Server.Intake.NoteRefusal(transaction.QueueId, Facts(transaction), transaction.ToEnvelope(), Replies.TooManyAgreements);
        ForgetTransaction();
        return Close(Replies.TooManyAgreements);
    }

    /// <summary>Refuses a transaction for its agreement. Who tries names is stopped as who tries recipients.</summary>
    public NextStep RefuseHat(Transaction transaction, SmtpReply reply)
    {
        var next = RefuseTransaction(transaction, reply);
        if (next != NextStep.Command || !reply.IsPermanent || ++UnknownRecipients < Server.Options.MaxUnknownRecipients)
        {
            return next;
        }

        Server.Networks.NoteTriedNames(Network);
        return Close(Replies.TooManyUnknownRecipients);
    }

    private async ValueTask AuthenticateAsync()
    {
        var network = ClientNetwork.Of(System.Net.IPAddress.Parse(client));
        if (!Server.Networks.MayLogIn(network))
        {
            Close(Replies.TooManyLoginFailures);
            return;
        }

        loginHeard = Server.Time.GetTimestamp();
        var (reply, login, name) = mechanism == LoginMechanism.Plain ? await AuthenticatePlainAsync() : await AuthenticateScramAsync();
        initialResponse = null;
        if (isClosing)
        {
            return;
        }

        if (login is not null)
        {
            Login = login;
            SmtpLog.LoggedIn(Server.Logger, client, login.Credential, login.Forwarder);
            IngressMetrics.Login("success");
            Reply(Replies.Authenticated);
            return;
        }

        IngressMetrics.Login(reply.Code == Replies.AuthenticationFailed.Code ? "failure" : "none");
        if (reply.Code != Replies.AuthenticationFailed.Code)
        {
            Error(reply);
            return;
        }

        SmtpLog.LoginFailed(Server.Logger, client, Printable.Escape(name));
        Server.Networks.NoteLoginFailure(network);
        await Server.Agreements!.HoldBackAsync(loginHeard, Server.Stopped);
        Error(reply);
        if (++failedLogins >= Server.Agreements.Options.MaxLoginFailures && !isClosing)
        {
            Close(Replies.TooManyLoginFailures);
        }
    }

    private async ValueTask<(SmtpReply Reply, ForwarderLogin? Login, string Name)> AuthenticatePlainAsync()
    {
        var (response, fault) = initialResponse is { } initial ? DecodeInitial(initial) : await AskAsync("");
        if (response is null)
        {
            return (fault, null, "");
        }

        if (!PlainMessage.TryParse(response, out var message))
        {
            return (Replies.AuthenticationBroken, null, "");
        }

        var name = Encoding.UTF8.GetString(message.Name);
        var secret = message.Password.ToArray();

        // Nobody acts as anybody else.
        var isItself = message.Authorization.IsEmpty || message.Authorization.SequenceEqual(message.Name);
        CryptographicOperations.ZeroMemory(response);
        if (await FindCredentialAsync(name) is not { } found)
        {
            return (Replies.AuthenticationUnavailable, null, name);
        }

        // Calculated for every name, also for one that nobody has.
        var isSecret = ScramExchange.IsSecret(secret, found.Credential!);
        CryptographicOperations.ZeroMemory(secret);
        return (Replies.AuthenticationFailed, isSecret && isItself ? LoginOf(found) : null, name);
    }

    private async ValueTask<(SmtpReply Reply, ForwarderLogin? Login, string Name)> AuthenticateScramAsync()
    {
        var (first, fault) = initialResponse is { } initial ? DecodeInitial(initial) : await AskAsync("");
        if (first is null)
        {
            return (fault, null, "");
        }

        if (ScramExchange.Begin(first) is not { } exchange)
        {
            return (Replies.AuthenticationBroken, null, "");
        }

        if (await FindCredentialAsync(exchange.Name) is not { } found)
        {
            return (Replies.AuthenticationUnavailable, null, exchange.Name);
        }

        (var last, fault) = await AskAsync(exchange.Challenge(found.Credential!));
        if (last is null)
        {
            return (fault, null, exchange.Name);
        }

        var isProven = exchange.Check(last, out var proof);
        if (isProven is not true)
        {
            return (isProven is null ? Replies.AuthenticationBroken : Replies.AuthenticationFailed, null, exchange.Name);
        }

        // RFC 4954 §4: what the server says last travels as a challenge, which the client answers with nothing.
        (var nothing, fault) = await AskAsync(proof);
        return nothing is null ? (fault, null, exchange.Name)
            : nothing.Length > 0 ? (Replies.AuthenticationBroken, null, exchange.Name)
            : (Replies.AuthenticationFailed, LoginOf(found), exchange.Name);
    }

    private static ForwarderLogin? LoginOf(AgreementFound found) =>
        found is { Agreement: { } agreement, Credential: { AgreementId: not null } credential } ? new(credential.Id, agreement.Id, agreement.Forwarder) : null;

    // Names of ours are letters, digits and hyphens. Any other gets an answer as well, so that it takes the same way.
    private async ValueTask<AgreementFound?> FindCredentialAsync(string name)
    {
        var isPossible = name.Length is > 0 and <= MaxCredentialLength && name.All(character => char.IsAsciiLetterOrDigit(character) || character == '-');
        var key = AgreementKey.OfCredential(isPossible ? name : $"_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))}");
        var found = await Server.Agreements!.Directory.FindAsync(key, Server.Stopped);
        return found?.Credential is null ? null : found;
    }

    // RFC 4954 §4: a single "=" is an initial response without content.
    private static (byte[]? Response, SmtpReply Fault) DecodeInitial(byte[] response) => Decode(response is [(byte)'='] ? [] : response);

    // Sends a challenge and reads the client's line.
    private async ValueTask<(byte[]? Response, SmtpReply Fault)> AskAsync(string challenge)
    {
        Replies.Challenge(Convert.ToBase64String(Encoding.UTF8.GetBytes(challenge))).WriteTo(output);
        await FlushAsync();

        // For the whole line, however its octets trickle in.
        SetDeadline(Server.Options.CommandTimeout);
        try
        {
            return await ReadResponseAsync();
        }
        finally
        {
            ClearDeadline();
        }
    }

    private async ValueTask<(byte[]? Response, SmtpReply Fault)> ReadResponseAsync()
    {
        while (!isClosing)
        {
            var result = await input.ReadAsync();
            if (Volatile.Read(ref interrupted) != 0)
            {
                Close(interruption);
                break;
            }

            var buffer = result.Buffer;
            if (buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = buffer.Slice(0, end);
                var length = line.Length;
                var octets = length <= MaxLoginLine ? line.ToArray() : [];
                input.AdvanceTo(buffer.GetPosition(1, end));

                // Not from AUTH on: a client that thinks longer than a refusal takes would measure the look-up.
                loginHeard = Server.Time.GetTimestamp();
                if (length > MaxLoginLine)
                {
                    break;
                }

                // RFC 4954 §4: the client breaks off with a single "*".
                return octets is not [.. var text, (byte)'\r'] ? (null, Replies.BareLineEndInCommand)
                    : text is [(byte)'*'] ? (null, Replies.AuthenticationCancelled)
                    : Decode(text);
            }

            input.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
            {
                isConnectionLost = isClosing = true;
            }
            else if (buffer.Length > MaxLoginLine)
            {
                break;
            }
        }

        if (!isClosing)
        {
            // What follows is the rest of the line, and no command.
            Close(Replies.AuthenticationTooLong);
        }

        return (null, Replies.AuthenticationTooLong);
    }

    private static (byte[]? Response, SmtpReply Fault) Decode(byte[] base64)
    {
        var octets = new byte[Base64.GetMaxDecodedFromUtf8Length(base64.Length)];

        // No white space in it, which the decoder would pass over.
        return base64.AsSpan().ContainsAnyExceptInRange((byte)'!', (byte)'~') || Base64.DecodeFromUtf8(base64, octets, out _, out var length) != OperationStatus.Done
            ? (null, Replies.AuthenticationBroken)
            : (octets[..length], Replies.AuthenticationBroken);
    }
}
