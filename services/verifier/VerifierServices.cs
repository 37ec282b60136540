using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Messaging;
using Mailkey.Messaging.Agreements;
using Mailkey.Messaging.Verdicts;
using Mailkey.Spf;
using Mailkey.Verifier.Agreements;
using Mailkey.Verifier.Agreements.Replays;
using Mailkey.Verifier.Evidence;
using Mailkey.Verifier.Pins;
using Mailkey.Verifier.Policy;
using Mailkey.Verifier.Senders;
using Mailkey.Verifier.Verification;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier;

/// <summary>All that the verifier registers.</summary>
public static class VerifierServices
{
    public static WebApplicationBuilder AddVerifier(this WebApplicationBuilder builder)
    {
        builder.Services.AddKeySetPins();
        builder.Services.AddKeyHostDiscovery();
        builder.Services.AddSenderPages();
        builder.Services.AddSingleton(new SignatureVerifier());
        // What SPF and DKIM ask for, strangers chose: it comes after the look-ups of key hosts.
        builder.Services.AddSingleton(provider => new SpfEvaluator(
            provider.GetRequiredKeyedService<IDnsResolver>(DnsServices.Yielding), provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.Spf.Timeout, provider.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<SpfCheck>();
        builder.Services.AddSingleton(provider => new DkimVerifier(
            provider.GetRequiredKeyedService<IDnsResolver>(DnsServices.Yielding), provider.GetRequiredService<TimeProvider>(), maxLookUps: provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.Dkim.MaxConcurrent));
        builder.Services.AddSingleton<SignatureSightings>();
        builder.Services.AddSingleton<DkimCheck>();
        builder.Services.AddSingleton<BlocklistCheck>();
        builder.Services.AddReceiverPolicy();
        if (builder.Configuration.GetSection($"{MailkeyOptions.Section}:Agreements:Smtp").Get<AgreementsSmtpOptions>() is { Enabled: true })
        {
            builder.Services.AddAgreementDirectory();
            builder.Services.AddMailkeyBus();
            builder.Services.AddReplayGuard();
            builder.Services.AddSingleton<AgreementCheck>();
        }

        builder.Services.AddVerdictResponder<MessageVerification>();
        return builder;
    }
}
