using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Contracts.Journal;
using MassTransit;
using MassTransit.Configuration;

namespace Mailkey.Messaging;

/// <summary>
/// The durable queues of the system. Publishers declare them as well as consumers do, so that nothing is lost
/// that was published before the consuming service first started; both sides must ask for the same arguments.
/// </summary>
public static class DurableQueue
{
    /// <summary>Accepted messages on their way out.</summary>
    public const string Delivery = "delivery";

    /// <summary>Journal entries of all services.</summary>
    public const string Journal = "journal";

    /// <summary>Delivery reports that may become notifications to the sender.</summary>
    public const string Bounces = "bounces";

    /// <summary>Messages that wait for their next attempt.</summary>
    public const string Deferral = "deferral";

    /// <summary>Attempts that are due.</summary>
    public const string AttemptDelivery = "attempt-delivery";

    /// <summary>Committed events of the ledger of agreements.</summary>
    public const string AgreementEvents = "agreement-events";

    /// <summary>What SMTP reports of agreements: traffic and misuse.</summary>
    public const string AgreementReports = "agreement-reports";

    /// <summary>What goes on by itself with agreements.</summary>
    public const string AgreementNegotiation = "agreement-negotiation";

    /// <summary>What goes on by itself with organisations.</summary>
    public const string AgreementFirstContact = "agreement-first-contact";

    /// <summary>Agreements that have to rest or wake with their organisation.</summary>
    public const string AgreementRests = "agreement-rests";

    /// <summary>What forwarders have to be told.</summary>
    public const string AgreementCallbacks = "agreement-callbacks";

    /// <summary>Calls to forwarders that are due.</summary>
    public const string AgreementCalls = "agreement-calls";

    /// <summary>Where a quorum queue puts a message that killed its consumers too often.</summary>
    public const string DeadLetters = "mailkey-dead-letters";

    /// <summary>Every queue that a consumer or saga of ours reads.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        Delivery, Deferral, AttemptDelivery, Bounces, Journal,
        AgreementEvents, AgreementReports, AgreementNegotiation, AgreementFirstContact, AgreementRests, AgreementCallbacks, AgreementCalls,
    ];

    /// <summary>Queues that earlier versions read.</summary>
    internal static IReadOnlyList<string> Retired { get; } = ["journal-accepted"];

    /// <summary>Redeliveries before a message counts as poison. RabbitMQ 3.10 has no limit of its own, RabbitMQ 4 has 20.</summary>
    private const int DeliveryLimit = 20;

    /// <summary>The settings of every durable queue of ours: replicated, and never dropping a poison message silently.</summary>
    public static void Configure(IRabbitMqQueueConfigurator queue)
    {
        queue.SetQuorumQueue();
        queue.SetQueueArgument("x-delivery-limit", DeliveryLimit);
        queue.SetQueueArgument("x-dead-letter-exchange", DeadLetters);
    }

    internal static void ConfigurePublishers(IRabbitMqBusFactoryConfigurator bus)
    {
        Bind<MessageAcceptedBatch>(bus, Delivery);
        Bind<JournalEntries>(bus, Journal);
        Bind<DeliveryFailed>(bus, Bounces);
        Bind<DeliveryDelayed>(bus, Bounces);
        Bind<DeliverySucceeded>(bus, Bounces);
        Bind<LedgerEventsCommitted>(bus, AgreementEvents);
        Bind<AgreementsUsed>(bus, AgreementReports);
        Bind<AgreementMisused>(bus, AgreementReports);
        bus.Publish<DeliveryReport>(message => message.Exclude = true);
    }

    private static void Bind<T>(IRabbitMqBusFactoryConfigurator bus, params string[] queues)
        where T : class
    {
        bus.Publish<T>(message =>
        {
            // Bound to the exchange of the message type itself: the consumer's own exchange, which MassTransit puts in between,
            // gets its binding only when the consumer first runs. A queue that is reached both ways gets the message once.
            var exchange = bus.MessageTopology.GetMessageTopology<T>().EntityName;
            foreach (var queue in queues)
            {
                message.BindQueue(exchange, queue, Configure);
            }
        });
        bus.ConfigurePublish(publish => publish.AddPipeSpecification(new Mandatory<T>()));
    }

    /// <summary>
    /// RabbitMQ confirms also what no queue takes, unless it is told to give that back. Queues are declared once for each connection: one
    /// that an operator deletes later would swallow all that is published to it, and nobody would know.
    /// </summary>
    private sealed class Mandatory<T> : IPipeSpecification<PublishContext<T>>, IFilter<PublishContext<T>>
        where T : class
    {
        public void Apply(IPipeBuilder<PublishContext<T>> builder) => builder.AddFilter(this);

        public IEnumerable<ValidationResult> Validate() => [];

        public Task Send(PublishContext<T> context, IPipe<PublishContext<T>> next)
        {
            if (context.TryGetPayload<RabbitMqSendContext>(out var transport))
            {
                transport.Mandatory = true;
            }

            return next.Send(context);
        }

        public void Probe(ProbeContext context) => context.CreateScope("mandatory");
    }
}
