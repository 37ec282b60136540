using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using RabbitMQ.Client;

namespace Mailkey.Tool.DeadLetters;

/// <summary>A bus message that nobody could take.</summary>
internal sealed class DeadLetter(string queue, BasicGetResult message)
{
    private const string ErrorSuffix = "_error";
    private const string SkippedSuffix = "_skipped";

    public string Queue { get; } = queue;

    public BasicGetResult Message { get; } = message;

    /// <summary>The message id; when there is none, what names the body.</summary>
    public string Id { get; } = message.BasicProperties.MessageId is { Length: > 0 } id
        ? id
        : Convert.ToHexStringLower(SHA256.HashData(message.Body.Span).AsSpan(0, 8));

    /// <summary>The queue it was meant for; null when nothing says so.</summary>
    public string? OriginalQueue =>
        Queue.EndsWith(ErrorSuffix, StringComparison.Ordinal) ? Queue[..^ErrorSuffix.Length]
        : Queue.EndsWith(SkippedSuffix, StringComparison.Ordinal) ? Queue[..^SkippedSuffix.Length]
        : Header("x-first-death-queue") is { Length: > 0 } first ? Original(first)
        : null;

    public string Type => Header("MT-MessageType") is { Length: > 0 } type ? type : TypeInBody();

    public string Reason => Header("MT-Fault-Message") ?? Header("MT-Reason") ?? Header("x-first-death-reason") ?? "unknown";

    public string? ExceptionType => Header("MT-Fault-ExceptionType");

    public string? StackTrace => Header("MT-Fault-StackTrace");

    public string? FaultedAt => Header("MT-Fault-Timestamp");

    /// <summary>How often the broker has given it out; a quorum queue counts, and gives up on it at a limit.</summary>
    public long DeliveryCount => Message.BasicProperties.Headers?.TryGetValue("x-delivery-count", out var value) == true
        ? Convert.ToInt64(value, CultureInfo.InvariantCulture)
        : 0;

    public string? Header(string name) => Message.BasicProperties.Headers?.TryGetValue(name, out var value) == true
        ? value switch
        {
            byte[] octets => Encoding.UTF8.GetString(octets),
            null => null,
            _ => Convert.ToString(value, CultureInfo.InvariantCulture),
        }
        : null;

    // It may have died in an error queue, from being looked at too often.
    private static string Original(string queue) =>
        queue.EndsWith(ErrorSuffix, StringComparison.Ordinal) ? queue[..^ErrorSuffix.Length]
        : queue.EndsWith(SkippedSuffix, StringComparison.Ordinal) ? queue[..^SkippedSuffix.Length]
        : queue;

    private string TypeInBody()
    {
        try
        {
            using var envelope = System.Text.Json.JsonDocument.Parse(Message.Body);
            return envelope.RootElement.TryGetProperty("messageType", out var types) && types.GetArrayLength() > 0 ? types[0].GetString() ?? "?" : "?";
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or InvalidOperationException)
        {
            return "?";
        }
    }
}
