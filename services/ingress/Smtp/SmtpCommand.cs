namespace Mailkey.Ingress.Smtp;

/// <summary>One verb. Stateless: what a command changes is in the session.</summary>
internal abstract class SmtpCommand
{
    /// <summary>Whether the command moves no mail: the number of these is limited.</summary>
    public virtual bool IsIdle => false;

    /// <summary>Does what the command says and writes its reply. The arguments are gone when this returns; only a command that asks
    /// somebody else completes later.</summary>
    public abstract ValueTask<NextStep> ExecuteAsync(SmtpSession session, ReadOnlySpan<byte> arguments);
}
