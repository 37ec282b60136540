using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>The broker.</summary>
public sealed class RabbitMqOptions
{
    [Required, Description("AMQP address, such as amqp://user:password@host:5672/vhost. Secret: give it by environment.")]
    public string Uri { get; set; } = "amqp://localhost:5672/";

    [Description("Heartbeat of the connection; a dead broker is noticed after about twice this time.")]
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(10);
}
