using Mailkey.Smtp;

namespace Mailkey.Ingress.Smtp.Commands;

/// <summary>The reply for each way in which arguments are wrong.</summary>
internal static class Refusals
{
    public static SmtpReply Of(ArgumentError error, SmtpReply badAddress) => error.Fault switch
    {
        ArgumentFault.Address => badAddress,
        ArgumentFault.UnknownParameter => Replies.UnknownParameter,
        ArgumentFault.Parameter => Replies.ParameterError,
        ArgumentFault.NeedsSmtpUtf8 => Replies.NeedsSmtpUtf8,
        _ => Replies.SyntaxError,
    };
}
