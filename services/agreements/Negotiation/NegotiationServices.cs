using Mailkey.Agreements.Callbacks;
using Mailkey.Agreements.Consents;
using Mailkey.Agreements.Ledger;
using Mailkey.Agreements.Negotiation.FirstContact;
using Mailkey.Agreements.Portal;
using Mailkey.Authentication.Keys;
using Mailkey.Hosting.Postgres;
using Mailkey.Messaging.Sagas;
using Mailkey.Storage;
using MassTransit;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Mailkey.Agreements.Negotiation;

/// <summary>Registers what goes on by itself: the sagas of agreements and organisations, questions for consent, call-backs.</summary>
public static class NegotiationServices
{
    public static IServiceCollection AddNegotiation(this IServiceCollection services)
    {
        services.AddSchemaMigrations([.. ConsentKeys.Migrations, .. ConsentQuestions.Migrations]);
        services.AddContentStore();
        services.AddKeyHostDiscovery();
        services.AddSingleton<ConsentKeys>();
        services.AddSingleton<ConsentTokens>();
        services.AddSingleton<ConsentQuestions>();
        services.AddSingleton<ConsentMailer>();
        services.AddSingleton<IConsentLinks, ConsentLinks>();
        services.AddSingleton<NegotiationBehaviors>();
        services.AddSingleton<FirstContactBehaviors>();
        services.AddSingleton<CallbackBehaviors>();
        services.AddSingleton<CallbackClient>();
        services.TryAddSingleton<ICallbackSigner, CallbackSigner>();
        return services;
    }

    /// <summary>Adds the queues.</summary>
    public static void AddNegotiation(this IBusRegistrationConfigurator bus)
    {
        bus.AddConsumer<CommittedEventsConsumer, CommittedEventsDefinition>();
        bus.AddConsumer<OrganizationRest, OrganizationRestDefinition>();
        bus.AddConsumer<CallbackCalls, CallbackCallsDefinition>();
        bus.AddSagaStateMachine<NegotiationStateMachine, NegotiationState, NegotiationDefinition>().PostgresRepository(AgreementsLedger.Schema);
        bus.AddSagaStateMachine<FirstContactStateMachine, FirstContactState, FirstContactDefinition>().PostgresRepository(AgreementsLedger.Schema);
        bus.AddSagaStateMachine<CallbackStateMachine, CallbackState, CallbackDefinition>().PostgresRepository(AgreementsLedger.Schema);
    }
}
