namespace Mailkey.Smtp;

/// <summary>
/// Every reply of the SMTP server. The texts are part of the interface: postmasters search for them, so they are short and
/// don't change. In a transaction the session puts the queue id at the end, and behind a refusal of mail the link.
/// </summary>
public static class Replies
{
    // Enhanced codes are those that RFC 3463 §3 and the registry of RFC 5248 have for the case.

    // ── 2yz, 3yz
    public static readonly SmtpReply Closing = Constant(221, new(2, 0, 0), "Bye");
    public static readonly SmtpReply ReadyForTls = Constant(220, new(2, 0, 0), "Ready to start TLS");
    public static readonly SmtpReply Reset = Constant(250, new(2, 0, 0), "Reset");
    public static readonly SmtpReply Nothing = Constant(250, new(2, 0, 0), "OK");
    public static readonly SmtpReply SenderOk = Constant(250, new(2, 1, 0), "Sender OK");
    public static readonly SmtpReply RecipientOk = Constant(250, new(2, 1, 5), "Recipient OK");
    public static readonly SmtpReply ChunkOk = Constant(250, new(2, 0, 0), "Chunk received");
    public static readonly SmtpReply CannotVerify = Constant(252, new(2, 0, 0), "Not verified here; send mail and see");
    public static readonly SmtpReply StartContent = Constant(354, null, "Send the content, end with <CRLF>.<CRLF>");
    public static readonly SmtpReply Help = Constant(214, new(2, 0, 0), "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT STARTTLS; see RFC 5321");

    /// <summary>The message is ours.</summary>
    public static readonly SmtpReply Accepted = Constant(250, new(2, 0, 0), "Message accepted");

    // ── the session can't go on
    public static readonly SmtpReply ShuttingDown = Constant(421, new(4, 3, 2), "Service is shutting down, try again");
    public static readonly SmtpReply TooManyConnections = Constant(421, new(4, 3, 2), "Too many connections, try again later");
    public static readonly SmtpReply TooManyConnectionsFromNetwork = Constant(421, new(4, 7, 0), "Too many connections from your network, try again later");
    public static readonly SmtpReply TooManyErrors = Constant(421, new(4, 7, 0), "Too many errors, closing");
    public static readonly SmtpReply TooManyIdleCommands = Constant(421, new(4, 7, 0), "Too many commands that move no mail, closing");
    public static readonly SmtpReply TooManyTransactions = Constant(421, new(4, 7, 0), "Too many transactions, connect again");
    public static readonly SmtpReply TooManyUnknownRecipients = Constant(421, new(4, 7, 0), "Too many unknown recipients, closing");
    public static readonly SmtpReply TooManyFruitlessRecipients = Constant(421, new(4, 7, 0), "Too many RCPT commands that add no recipient, closing");
    public static readonly SmtpReply TooManyChunks = Constant(421, new(4, 7, 0), "Too many small chunks, closing");
    public static readonly SmtpReply CommandTimeout = Constant(421, new(4, 4, 2), "Waited too long for a command, closing");
    public static readonly SmtpReply ContentTimeout = Constant(421, new(4, 4, 2), "Waited too long for content, closing");
    public static readonly SmtpReply ContentTooSlow = Constant(421, new(4, 4, 2), "Content comes too slowly, closing");
    public static readonly SmtpReply ConnectionLost = Constant(421, new(4, 4, 2), "Connection lost");
    public static readonly SmtpReply InternalError = Constant(421, new(4, 3, 0), "Internal error, try again later");
    public static readonly SmtpReply NotSmtp = Constant(421, new(4, 5, 1), "This is SMTP, closing");
    public static readonly SmtpReply PlaintextAfterStartTls = Constant(421, new(4, 5, 1), "Commands behind STARTTLS are not acceptable, closing (RFC 3207 section 4.2)");

    // ── command lines
    public static readonly SmtpReply UnknownCommand = Constant(500, new(5, 5, 1), "Unknown command; see RFC 5321 section 4.1");
    public static readonly SmtpReply LineTooLong = Constant(500, new(5, 5, 2), "Line too long (RFC 5321 section 4.5.3.1.4)");
    public static readonly SmtpReply BareLineEndInCommand = Constant(500, new(5, 5, 2), "Commands end with CRLF and have no control characters (RFC 5321 section 2.3.8)");
    public static readonly SmtpReply NotImplemented = Constant(502, new(5, 5, 1), "Command not implemented");
    public static readonly SmtpReply TlsNotOffered = Constant(502, new(5, 5, 1), "STARTTLS is not offered");
    public static readonly SmtpReply SyntaxError = Constant(501, new(5, 5, 4), "Syntax error in arguments");
    public static readonly SmtpReply NoArguments = Constant(501, new(5, 5, 4), "This command has no arguments");
    public static readonly SmtpReply ClientNameExpected = Constant(501, new(5, 5, 4), "A host name or address literal is expected (RFC 5321 section 4.1.1.1)");
    public static readonly SmtpReply ParameterError = Constant(501, new(5, 5, 4), "A parameter has a wrong value or is given twice");
    public static readonly SmtpReply UnknownParameter = Constant(555, new(5, 5, 4), "A parameter or its value was not offered by EHLO");
    public static readonly SmtpReply BadSenderAddress = Constant(501, new(5, 1, 7), "Sender address is not of the form <local-part@domain>");
    public static readonly SmtpReply BadRecipientAddress = Constant(501, new(5, 1, 3), "Recipient address is not of the form <local-part@domain>");
    public static readonly SmtpReply NeedsSmtpUtf8 = Constant(553, new(5, 6, 7), "The address needs the SMTPUTF8 parameter of MAIL (RFC 6531)");
    public static readonly SmtpReply BadChunkSize = Constant(501, new(5, 5, 4), "BDAT size [LAST] is expected (RFC 3030)");

    // ── AUTH (RFC 4954 §4 and §6)
    public static readonly SmtpReply Authenticated = Constant(235, new(2, 7, 0), "Authenticated, for mail under agreements only");
    public static readonly SmtpReply AuthenticationFailed = Constant(535, new(5, 7, 8), "Authentication failed");
    public static readonly SmtpReply AuthenticationCancelled = Constant(501, new(5, 7, 0), "Authentication cancelled");
    public static readonly SmtpReply AuthenticationBroken = Constant(501, new(5, 5, 2), "This is no response of that mechanism in base64");
    public static readonly SmtpReply AuthenticationTooLong = Constant(500, new(5, 5, 6), "Authentication exchange line is too long, closing");
    public static readonly SmtpReply AuthenticationUnavailable = Constant(454, new(4, 7, 0), "Nobody can be authenticated now, try again later");
    public static readonly SmtpReply MechanismUnknown = Constant(504, new(5, 5, 4), "This mechanism is not offered");
    public static readonly SmtpReply AuthenticationNeedsTls = Constant(538, new(5, 7, 11), "AUTH is for TLS only");
    public static readonly SmtpReply TooManyLoginFailures = Constant(421, new(4, 7, 0), "Too many failed logins, closing");

    // ── order (RFC 5321 §4.1.4)
    public static readonly SmtpReply AuthenticatedTwice = Constant(503, new(5, 5, 1), "Authenticated already");
    public static readonly SmtpReply AuthenticationInTransaction = Constant(503, new(5, 5, 1), "AUTH comes before MAIL");
    public static readonly SmtpReply HelloFirst = Constant(503, new(5, 5, 1), "EHLO first");
    public static readonly SmtpReply MailFirst = Constant(503, new(5, 5, 1), "MAIL first");
    public static readonly SmtpReply RcptFirst = Constant(503, new(5, 5, 1), "RCPT first");
    public static readonly SmtpReply MailTwice = Constant(503, new(5, 5, 1), "A transaction is open already; RSET ends it");
    public static readonly SmtpReply ChunksBegun = Constant(503, new(5, 5, 1), "BDAT has begun; BDAT or RSET is expected");
    public static readonly SmtpReply ChunkOutOfOrder = Constant(503, new(5, 5, 1), "No transaction to take this chunk");
    public static readonly SmtpReply TlsTwice = Constant(503, new(5, 5, 1), "TLS is in use already");
    public static readonly SmtpReply TlsInTransaction = Constant(503, new(5, 5, 1), "STARTTLS comes before MAIL");
    public static readonly SmtpReply NoValidRecipients = Constant(554, new(5, 5, 1), "No valid recipients");

    // ── mail refused
    public static readonly SmtpReply MessageTooLarge = Constant(552, new(5, 3, 4), "Message is larger than the SIZE that EHLO told");
    public static readonly SmtpReply HeaderTooLarge = Constant(552, new(5, 3, 4), "Message header is too large");
    public static readonly SmtpReply HeaderBroken = Constant(550, new(5, 6, 0), "Message header has control characters or too many fields");
    public static readonly SmtpReply Looping = Constant(554, new(5, 4, 6), "Too many Received fields: the message is looping");
    public static readonly SmtpReply BareLineEndInContent = Constant(554, new(5, 6, 0), "Content has a CR or LF alone; lines end with CRLF (RFC 5321 section 2.3.8)");
    public static readonly SmtpReply NulInContent = Constant(554, new(5, 6, 0), "Content has a NUL");
    public static readonly SmtpReply RelayDenied = Constant(550, new(5, 7, 1), "Mail for this address is not taken here, and not relayed");
    public static readonly SmtpReply UnknownRecipient = Constant(550, new(5, 1, 1), "No such mailbox");
    public static readonly SmtpReply TooManyRecipients = Constant(452, new(4, 5, 3), "Too many recipients; send the rest in another transaction");
    public static readonly SmtpReply RecipientUnverifiable = Constant(451, new(4, 4, 1), "The recipient can't be checked now, try again later");

    // ── forwarding agreements. One text for whatever is wrong with a name: who tries names must not learn which exist.
    public static readonly SmtpReply AgreementNotInForce = Constant(550, new(5, 7, 1), "No agreement that you may use is in force under this name");
    public static readonly SmtpReply AgreementsContradict = Constant(550, new(5, 7, 1), "Two different agreements are named");
    public static readonly SmtpReply AgreementForAnother = Constant(550, new(5, 7, 1), "The agreement of this transaction is for another recipient");
    public static readonly SmtpReply AgreementUnverifiable = Constant(451, new(4, 3, 0), "The agreement can't be looked up now, try again later");
    public static readonly SmtpReply AgreementTooLarge = Constant(552, new(5, 3, 4), "Message is larger than the agreement allows");
    public static readonly SmtpReply LoginEnded = Constant(550, new(5, 7, 1), "This login is not good any more");
    public static readonly SmtpReply TooManyAgreements = Constant(421, new(4, 7, 0), "Too many different agreements in one session, connect again");

    /// <summary>Asks for the next response of an authentication (RFC 4954 §4).</summary>
    /// <param name="challenge">In base64; empty for none.</param>
    public static SmtpReply Challenge(string challenge) => new(334, null, challenge);

    /// <summary>No verdict, or no confirm of the acceptance, in time.</summary>
    public static readonly SmtpReply TryAgainLater = Constant(451, new(4, 3, 0), "The message can't be taken now, try again later");

    /// <summary>The greeting (RFC 5321 §4.3.1).</summary>
    public static SmtpReply Greeting(string hostname) => Constant(220, null, $"{hostname} ESMTP Mailkey");

    /// <summary>The answer to HELO.</summary>
    public static SmtpReply Helo(string hostname) => Constant(250, null, hostname);

    /// <summary>The answer to EHLO with the service extensions.</summary>
    /// <param name="hostname">Our name.</param>
    /// <param name="maxMessageSize">SIZE (RFC 1870).</param>
    /// <param name="maxRecipients">RCPTMAX (RFC 9422).</param>
    /// <param name="maxTransactions">MAILMAX (RFC 9422).</param>
    /// <param name="offersTls">Whether STARTTLS is offered: not inside of TLS (RFC 3207 §4.2).</param>
    /// <param name="more">Further lines.</param>
    public static SmtpReply Ehlo(string hostname, long maxMessageSize, int maxRecipients, int maxTransactions, bool offersTls, params IEnumerable<string> more)
    {
        List<string> lines =
        [
            hostname,
            "PIPELINING",
            FormattableString.Invariant($"SIZE {maxMessageSize}"),
            "8BITMIME",
            "SMTPUTF8",
            "CHUNKING",
            "ENHANCEDSTATUSCODES",
            "DSN",
            FormattableString.Invariant($"LIMITS RCPTMAX={maxRecipients} MAILMAX={maxTransactions}"),
            "HELP",
        ];
        if (offersTls)
        {
            lines.Insert(lines.Count - 1, "STARTTLS");
        }

        lines.InsertRange(lines.Count - 1, more);
        var reply = new SmtpReply(250, null, lines);
        _ = reply.Octets;
        return reply;
    }

    private static SmtpReply Constant(int code, EnhancedStatusCode? enhancedCode, string text)
    {
        var reply = new SmtpReply(code, enhancedCode, text);
        _ = reply.Octets;
        return reply;
    }
}
