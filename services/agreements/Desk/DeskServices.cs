using Mailkey.Agreements.Ledger;
using Mailkey.Hosting.Options;
using Mailkey.Ledger;
using Mailkey.Ledger.Events;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Desk;

/// <summary>Registers the desk and the register.</summary>
public static class DeskServices
{
    public static IServiceCollection AddDesk(this IServiceCollection services)
    {
        services.TryAddSingleton(provider => DeskPolicies.Of(provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.Agreements.Policy));
        services.TryAddSingleton<IRecipientAccounts, HostedRecipientAccounts>();
        services.AddSingleton(provider => new Aggregates<SubscriptionState>(
            provider.GetRequiredService<IEventStore>(), AgreementsLedger.Catalog, SubscriptionState.None, AgreementsLedger.Evolve, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<DeskLoads>();
        services.AddSingleton<DeskLocks>();
        services.AddSingleton<AgreementDesk>();
        services.AddSingleton<OrganizationDesk>();
        services.AddSingleton<AgreementRegister>();
        return services;
    }
}
