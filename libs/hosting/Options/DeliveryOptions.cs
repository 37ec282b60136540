using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>Attempts, queues and connections of delivery.</summary>
public sealed class DeliveryOptions
{
    [Description("Waits before the second, third, … attempt; the last one repeats (RFC 5321 §4.5.4.1: at least 30 minutes in the long run).")]
    public List<TimeSpan> Retries { get; set; } = [TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), TimeSpan.FromMinutes(30), TimeSpan.FromHours(1), TimeSpan.FromHours(2), TimeSpan.FromHours(4)];

    [Description("Age at which delivery gives up (RFC 5321 §4.5.4.1: 4 to 5 days).")]
    public TimeSpan Expiry { get; set; } = TimeSpan.FromDays(5);

    [Description("Age at which the sender is told once that the message waits.")]
    public TimeSpan DelayWarning { get; set; } = TimeSpan.FromHours(4);

    [Range(1, 1000), Description("Connections at the same time to one destination.")]
    public int MaxConnectionsPerDestination { get; set; } = 20;

    [Range(1, 100000), Description("Messages over one connection.")]
    public int MaxMessagesPerConnection { get; set; } = 100;

    [Description("Time after which an unused connection is closed.")]
    public TimeSpan IdleConnection { get; set; } = TimeSpan.FromSeconds(5);

    [Description("Time for a TCP connection.")]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(30);

    [Description("Time for the reply to a command.")]
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromMinutes(5);

    [Description("Time for the reply to the end of content (RFC 5321 §4.5.3.2.6: 10 minutes).")]
    public TimeSpan DataTimeout { get; set; } = TimeSpan.FromMinutes(10);

    [Range(1, 1000), Description("Bus messages that one delivery process works on at the same time.")]
    public int Concurrency { get; set; } = 48;

    [Description("Time that a bus message waits for the outcome of its attempts. What is slower goes on by itself, and the saga hears of it.")]
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(10);

    [Range(1, 65535), Description("Port of remote mail exchangers. Anything but 25 is for tests.")]
    public int SmtpPort { get; set; } = 25;

    [Description("Use STARTTLS to remote hosts that offer it.")]
    public bool StartTls { get; set; } = true;
}
