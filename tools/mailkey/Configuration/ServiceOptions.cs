using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Configuration;

namespace Mailkey.Tool.Configuration;

/// <summary>The options as the services read them in this place, for commands that go to the broker or the database.</summary>
internal static class ServiceOptions
{
    /// <exception cref="InvalidOperationException">A value does not fit its key.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static MailkeyOptions Read()
    {
        var builder = new ConfigurationBuilder();
        MailkeyConfiguration.AddSources(builder, []);
        var options = new MailkeyOptions();
        MailkeyConfiguration.Bind(builder.Build(), options);
        return options;
    }
}
