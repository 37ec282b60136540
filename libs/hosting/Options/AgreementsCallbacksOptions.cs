using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>Telling forwarders what became of their agreements. Hosts are reached as those of key sets are: see Mailkey:KeyHost.</summary>
public sealed class AgreementsCallbacksOptions
{
    [Description("PEM file with the private key that call-backs are signed with (RFC 9421). Empty: none are sent, because anybody could have sent them.")]
    public string SigningKey { get; set; } = "";

    [Description("Name of the key: selector@domain of a mailkey that this host publishes, so that forwarders find the public half.")]
    public string KeyId { get; set; } = "";

    [Description("Time for one call.")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);

    [Description("Waits between attempts; the last one repeats.")]
    public List<TimeSpan> Retries { get; set; } =
        [TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2), TimeSpan.FromHours(6)];

    [Description("Time after which a forwarder that cannot be told is given up: the call-back becomes a dead letter.")]
    public TimeSpan GiveUp { get; set; } = TimeSpan.FromDays(3);

    [Range(1, 1000), Description("Calls of one process at the same time.")]
    public int Concurrency { get; set; } = 16;
}
