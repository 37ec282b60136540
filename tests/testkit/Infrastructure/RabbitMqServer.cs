using Xunit;

namespace Mailkey.Testkit.Infrastructure;

/// <summary>
/// A virtual host of its own for one test class, on the shared RabbitMQ: <c>IClassFixture&lt;RabbitMqServer&gt;</c>.
/// It is removed afterwards.
/// </summary>
public sealed class RabbitMqServer : IAsyncLifetime
{
    private string _folder = "";

    /// <summary>Name of the virtual host.</summary>
    public string VirtualHost { get; } = $"test-{Guid.NewGuid():N}";

    /// <summary>AMQP address of the virtual host, with user and password.</summary>
    public string Uri { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        var shared = await SharedInfrastructure.GetAsync();
        _folder = shared.Folder;
        await InfrastructureScript.RunAsync(CancellationToken.None, "rabbitmq-vhost", _folder, VirtualHost);
        Uri = new UriBuilder(shared.RabbitMq) { Path = VirtualHost }.Uri.AbsoluteUri;
    }

    public async ValueTask DisposeAsync()
    {
        if (Uri.Length > 0)
        {
            await InfrastructureScript.RunAsync(CancellationToken.None, "rabbitmq-drop-vhost", _folder, VirtualHost);
        }
    }
}
