using Mailkey.Bounces.Sagas.Advisory;
using Mailkey.Contracts;
using Mailkey.Hosting.Options;
using Mailkey.Messaging;
using Mailkey.Messaging.Sagas;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Bounces.Reporting;

/// <summary>Turns what delivery found out into notifications, requests for an advisory, and silence that is journalled.</summary>
public sealed class ReportConsumer(ReportSender sender, ReportJournal journal, AdvisedDomain advised, IOptions<MailkeyOptions> options, TimeProvider time)
    : IConsumer<DeliveryFailed>, IConsumer<DeliveryDelayed>, IConsumer<DeliverySucceeded>, IConsumer<AdvisoryGranted>
{
    public Task Consume(ConsumeContext<DeliveryFailed> context) => ReportAsync(context.Message, context);

    public Task Consume(ConsumeContext<DeliveryDelayed> context) => ReportAsync(context.Message, context);

    public Task Consume(ConsumeContext<DeliverySucceeded> context) => ReportAsync(context.Message, context);

    public Task Consume(ConsumeContext<AdvisoryGranted> context) => sender.SendAsync(context.Message.Order, context, context.CancellationToken);

    private async Task ReportAsync(DeliveryReport report, ConsumeContext context)
    {
        var bounces = options.Value.Bounces;
        var decision = ReportRules.Decide(report, bounces);
        await journal.SuppressedAsync(report.ReportId, report.QueueId, ReportRules.KindOf(report), decision.Suppressed, context.CancellationToken);
        if (decision.Send is { } order)
        {
            await sender.SendAsync(order, context, context.CancellationToken);
        }

        if (decision.Advise.Count == 0)
        {
            return;
        }

        var now = time.GetUtcNow();
        var domain = await advised.OfAsync(ReversePath.Mailbox(report.Envelope.ReversePath), context.CancellationToken);
        foreach (var (cause, advise) in decision.Advise)
        {
            var endpoint = await context.GetSendEndpoint(AdvisoryDefinition.Address);
            await endpoint.Send(
                new AdvisoryRequested
                {
                    Domain = domain,
                    Cause = cause,
                    Order = advise,
                    At = now,
                    QuietUntil = now + bounces.AdvisoryPeriod,
                },
                context.CancellationToken);
        }
    }
}

/// <summary>The endpoint of the service.</summary>
public sealed class ReportConsumerDefinition : ConsumerDefinition<ReportConsumer>
{
    /// <summary>Reports that one process works on at the same time; most of it is waiting for DNS.</summary>
    private const int Concurrency = 16;

    /// <summary>While the disk is full or away, reports wait here: 720 times 5 seconds are an hour, then they are dead letters.</summary>
    private const int DiskRetries = 720;

    private static readonly TimeSpan DiskPause = TimeSpan.FromSeconds(5);

    public ReportConsumerDefinition() => Endpoint(endpoint =>
    {
        endpoint.Name = DurableQueue.Bounces;
        endpoint.ConcurrentMessageLimit = Concurrency;
    });

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<ReportConsumer> consumerConfigurator, IRegistrationContext context)
    {
        endpointConfigurator.UseMessageRetry(retry =>
        {
            retry.Handle<IOException>();
            retry.Interval(DiskRetries, DiskPause);
        });

        // For the saga on the same endpoint as well: a database that is away, and two messages for one instance.
        endpointConfigurator.UseSagaRetry();
    }
}
