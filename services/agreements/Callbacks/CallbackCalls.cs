using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Ledger;
using Mailkey.Agreements.Negotiation;
using Mailkey.Hosting.Options;
using Mailkey.Ledger;
using Mailkey.Ledger.Chain;
using Mailkey.Ledger.Events;
using Mailkey.Messaging;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Callbacks;

/// <summary>Calls forwarders: one request for each event, in order, until one is not taken.</summary>
public sealed class CallbackCalls(IEventStore store, EventCatalog catalog, OrganizationDesk organizations, ICallbackSigner signer, CallbackClient client)
    : IConsumer<CallForwarder>
{
    /// <summary>Events told in one attempt; the rest comes in the next.</summary>
    internal const int MaxEvents = 10;

    public async Task Consume(ConsumeContext<CallForwarder> context)
    {
        var call = context.Message;
        var (told, result) = await TellAsync(call, context.CancellationToken);
        await context.SendSafelyAsync(
            CallbackDefinition.Address, new ForwarderCalled(call.AgreementId, call.Attempt, told, result.Failure, result.IsFinal), context.CancellationToken);
    }

    private async Task<(long Told, CallResult Result)> TellAsync(CallForwarder call, CancellationToken cancellationToken)
    {
        if (!signer.IsConfigured || !AgreementId.TryParse(call.AgreementId, out var id))
        {
            return (call.UpTo, CallResult.Taken);
        }

        var state = AgreementState.None;
        var told = call.After;
        var callback = "";
        var calls = 0;
        await foreach (var stored in store.ReadStreamAsync(id.StreamId, 0, null, cancellationToken))
        {
            if (!catalog.TryDecode(stored, out var value))
            {
                throw new Mailkey.Ledger.Events.UnknownEventException(stored);
            }

            state = AgreementsLedger.Evolve(state, value);
            if (stored.Version <= call.After)
            {
                continue;
            }

            if (stored.Version > call.UpTo || (CallbackEvents.IsTold(stored.Type) && calls == MaxEvents))
            {
                break;
            }

            if (CallbackEvents.IsTold(stored.Type))
            {
                calls++;
                if (callback.Length == 0)
                {
                    callback = (await organizations.LoadAsync(state.Forwarder, cancellationToken)).State.Callback;
                    if (callback.Length == 0)
                    {
                        // Nobody ever said where to call.
                        return (call.UpTo, CallResult.Taken);
                    }
                }

                var body = CallbackBody.Of(stored.Id, call.AgreementId, (AgreementEvent)value, stored.Version, stored.At, EventHeaders.Read(stored.Headers)?.Actor, state);
                var result = await client.PostAsync(state.Forwarder, callback, body.ToJson(), cancellationToken);
                if (result.Failure is not null)
                {
                    return (told, result);
                }
            }

            told = stored.Version;
        }

        return (told, CallResult.Taken);
    }
}

/// <summary>The queue <c>agreement-calls</c>.</summary>
public sealed class CallbackCallsDefinition : ConsumerDefinition<CallbackCalls>
{
    /// <summary>Where the command goes.</summary>
    public static readonly Uri Address = new($"exchange:{DurableQueue.AgreementCalls}");

    public CallbackCallsDefinition(IOptions<MailkeyOptions> options) => Endpoint(endpoint =>
    {
        endpoint.Name = DurableQueue.AgreementCalls;
        endpoint.ConcurrentMessageLimit = options.Value.Agreements.Callbacks.Concurrency;
    });

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<CallbackCalls> consumerConfigurator, IRegistrationContext context) =>
        endpointConfigurator.UseNegotiationRetry();
}
