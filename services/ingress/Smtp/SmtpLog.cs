namespace Mailkey.Ingress.Smtp;

/// <summary>Log lines of the SMTP server. Whatever a client sent is escaped before it comes here.</summary>
internal static partial class SmtpLog
{
    [LoggerMessage(1, LogLevel.Debug, "{Client} connected")]
    public static partial void Connected(ILogger logger, string client);

    [LoggerMessage(2, LogLevel.Debug, "{Client} disconnected after {Transactions} transactions")]
    public static partial void Disconnected(ILogger logger, string client, int transactions);

    [LoggerMessage(3, LogLevel.Information, "{Client} closed: {Reply}")]
    public static partial void Closed(ILogger logger, string client, string reply);

    [LoggerMessage(4, LogLevel.Debug, "{Client} got {Reply} for \"{Command}\"")]
    public static partial void CommandRefused(ILogger logger, string client, string reply, string command);

    [LoggerMessage(5, LogLevel.Information, "{QueueId} from {Client}, sender {ReversePath}: refused with {Reply}")]
    public static partial void Refused(ILogger logger, string queueId, string client, string reversePath, string reply);

    [LoggerMessage(6, LogLevel.Information, "{Client} refused at connection: {Reply}")]
    public static partial void NotAdmitted(ILogger logger, string client, string reply);

    [LoggerMessage(7, LogLevel.Information, "{Client} did not negotiate TLS: {Reason}")]
    public static partial void TlsFailed(ILogger logger, string client, string reason);

    [LoggerMessage(8, LogLevel.Error, "{QueueId}: intake failed, the client keeps the message")]
    public static partial void IntakeFailed(ILogger logger, Exception exception, string queueId);

    [LoggerMessage(9, LogLevel.Error, "Session of {Client} failed")]
    public static partial void SessionFailed(ILogger logger, Exception exception, string client);

    [LoggerMessage(10, LogLevel.Information, "Certificate of {Path} loaded, valid until {NotAfter:u}")]
    public static partial void CertificateLoaded(ILogger logger, string path, DateTime notAfter);

    [LoggerMessage(11, LogLevel.Error, "Certificate of {Path} can't be loaded, the one loaded before stays in use")]
    public static partial void CertificateNotReloaded(ILogger logger, Exception exception, string path);

    [LoggerMessage(12, LogLevel.Information, "SMTP on {Addresses} port {Port}")]
    public static partial void Listening(ILogger logger, string addresses, int port);

    [LoggerMessage(13, LogLevel.Information, "{Client} logged in as {Credential} of {Forwarder}")]
    public static partial void LoggedIn(ILogger logger, string client, string credential, string forwarder);

    [LoggerMessage(14, LogLevel.Information, "{Client} failed to log in as \"{Credential}\"")]
    public static partial void LoginFailed(ILogger logger, string client, string credential);

    [LoggerMessage(15, LogLevel.Warning, "{Client}, {Forwarder}: more than {Count} different agreements in one session; somebody tries them out, or Mailkey:Agreements:Smtp:MaxPerSession is too low")]
    public static partial void AgreementSweep(ILogger logger, string client, string forwarder, int count);
}
