using System.Net;
using Mailkey.Hosting.Options;
using Mailkey.Ingress.Agreements;
using Mailkey.Ingress.Intake;
using Mailkey.Ingress.Recipients;
using Mailkey.Ingress.Smtp;
using Mailkey.Smtp;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress;

/// <summary>Everything that ingress registers.</summary>
public static class IngressServices
{
    /// <summary>Time that the host waits beyond the grace of the sessions, so that they end by themselves.</summary>
    private static readonly TimeSpan ShutdownMargin = TimeSpan.FromSeconds(5);

    /// <summary>Octets of one connection that are read from the network before the session looks at them.</summary>
    private const int MaxReadAhead = 128 * 1024;

    /// <summary>The whole service: the SMTP server and what stands behind it.</summary>
    public static WebApplicationBuilder AddIngress(this WebApplicationBuilder builder)
    {
        builder.AddSmtp();
        builder.Services.AddIntake();
        if (builder.Configuration.GetSection($"{MailkeyOptions.Section}:Agreements:Smtp").Get<AgreementsSmtpOptions>() is { Enabled: true })
        {
            builder.Services.AddForwardingAgreements();
        }

        return builder;
    }

    /// <summary>The SMTP server and what it asks at RCPT time. <c>IMessageIntake</c> is registered apart.</summary>
    public static WebApplicationBuilder AddSmtp(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSingleton<QueueId>();
        services.AddSingleton<HostedDomains>();
        services.AddSingleton<CallOut>();
        services.AddSingleton<IRecipientDirectory, RecipientDirectory>();
        services.AddSingleton<ClientNetworks>();
        services.AddSingleton<SessionRegistry>();
        services.AddHostedService(provider => provider.GetRequiredService<SessionRegistry>());
        services.AddSingleton<SmtpServer>();

        // It would call the SMTP port an http:// address.
        builder.Logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning);

        services.AddOptions<KestrelServerOptions>().Configure<IOptions<MailkeyOptions>>((kestrel, options) => Listen(kestrel, options.Value.Smtp));
        services.Configure<SocketTransportOptions>(sockets =>
        {
            // A reply is one small write that somebody waits for.
            sockets.NoDelay = true;
            sockets.Backlog = 1024;

            // A buffer is cheaper than asking the kernel first whether there is something for it.
            sockets.WaitForDataBeforeAllocatingBuffer = false;

            // A session never blocks a thread: what came in is taken, and the reply sent, without a thread in between.
            sockets.UnsafePreferInlineScheduling = true;

            // What a client may send ahead while its session waits for a verdict, times all connections.
            sockets.MaxReadBufferSize = MaxReadAhead;
        });
        services.AddOptions<HostOptions>().PostConfigure<IOptions<MailkeyOptions>>((host, options) =>
        {
            var needed = options.Value.Smtp.ShutdownGrace + ShutdownMargin;
            host.ShutdownTimeout = host.ShutdownTimeout < needed ? needed : host.ShutdownTimeout;
        });
        return builder;
    }

    private static void Listen(KestrelServerOptions kestrel, SmtpOptions smtp)
    {
        foreach (var address in smtp.Listen)
        {
            switch (address)
            {
                // One socket for both families; IPv4 alone where the host has no IPv6.
                case "*":
                    kestrel.ListenAnyIP(smtp.Port, Smtp);
                    break;
                case "localhost":
                    kestrel.ListenLocalhost(smtp.Port, Smtp);
                    break;
                default:
                    if (!IPAddress.TryParse(address, out var parsed))
                    {
                        throw new OptionsValidationException(
                            MailkeyOptions.Section, typeof(MailkeyOptions), [$"{MailkeyOptions.Section}:Smtp:Listen: \"{address}\" is no address; * means every one."]);
                    }

                    kestrel.Listen(parsed, smtp.Port, Smtp);
                    break;
            }
        }

        static void Smtp(ListenOptions listener)
        {
            listener.Protocols = HttpProtocols.None;
            listener.UseConnectionHandler<SmtpConnectionHandler>();
        }
    }
}
