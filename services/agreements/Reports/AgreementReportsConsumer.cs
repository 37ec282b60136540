using Mailkey.Contracts.Agreements;
using Mailkey.Messaging;
using Mailkey.Messaging.Sagas;
using MassTransit;

namespace Mailkey.Agreements.Reports;

/// <summary>Reads the queue <c>agreement-reports</c>. Every message may come twice.</summary>
internal sealed class AgreementReportsConsumer(AgreementReports reports) : IConsumer<AgreementsUsed>, IConsumer<AgreementMisused>
{
    public Task Consume(ConsumeContext<AgreementsUsed> context) => reports.CountAsync(context.Message, context.CancellationToken);

    public Task Consume(ConsumeContext<AgreementMisused> context) => reports.ReportAsync(context.Message, context.CancellationToken);
}

/// <summary>The queue.</summary>
internal sealed class AgreementReportsDefinition : ConsumerDefinition<AgreementReportsConsumer>
{
    /// <summary>Reports at the same time: each waits for the database, which others need more.</summary>
    private const int Concurrency = 4;

    public AgreementReportsDefinition()
    {
        EndpointName = DurableQueue.AgreementReports;
        ConcurrentMessageLimit = Concurrency;
    }

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<AgreementReportsConsumer> consumerConfigurator, IRegistrationContext context)
    {
        endpointConfigurator.PrefetchCount = Concurrency;

        // A database that is away must not fill the error queue, nor a ledger that is contended for.
        endpointConfigurator.UseDatabaseOutageRetry();
        endpointConfigurator.UseMessageRetry(retry => retry.Intervals(200, 1000, 3000, 10_000, 30_000));
    }
}
