using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Mailkey.Contracts;
using Mailkey.Testkit.Infrastructure;
using MassTransit;
using MassTransit.Serialization;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;

namespace Mailkey.Messaging.Tests.Envelopes;

public sealed class BatchProbe(ChannelWriter<ConsumeContext<MessageAcceptedBatch>> taken) : IConsumer<MessageAcceptedBatch>
{
    public Task Consume(ConsumeContext<MessageAcceptedBatch> context) => taken.WriteAsync(context, context.CancellationToken).AsTask();
}

public sealed class BatchProbeDefinition : ConsumerDefinition<BatchProbe>
{
    public BatchProbeDefinition() => EndpointName = DurableQueue.Delivery;
}

public sealed class MailSerializerTests(PostgresServer postgres, RabbitMqServer rabbit) : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>, IAsyncLifetime
{
    private const string ErrorQueue = DurableQueue.Delivery + "_error";

    private readonly Channel<ConsumeContext<MessageAcceptedBatch>> _taken = Channel.CreateUnbounded<ConsumeContext<MessageAcceptedBatch>>();
    private BusHost _host = null!;
    private IConnection _connection = null!;
    private IChannel _channel = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static MessageAcceptedBatch Batch { get; } = new()
    {
        Messages =
        [
            new()
            {
                QueueId = "Q1",
                ReceivedAt = new(2026, 3, 1, 12, 0, 0, 123, TimeSpan.FromHours(1)),
                AcceptedAt = new(2026, 3, 1, 11, 0, 1, TimeSpan.Zero),
                Connection = new() { ClientAddress = "2001:db8::1", ClientName = "mx.bücher.example", Protocol = "UTF8SMTPS", Tls = "Tls13 <&\"+>", Server = "mx-1" },
                Envelope = new()
                {
                    ReversePath = "jürgen@bücher.example",
                    Recipients = [new() { ForwardPath = "\"a\\\"b\"@example.org", Notify = "FAILURE,DELAY", OriginalRecipient = "rfc822;x" }, new() { ForwardPath = "b@example.org" }],
                    Body = "8BITMIME",
                    SmtpUtf8 = true,
                },
                Content = new() { Locator = "segments/1:2", Length = 9_000_000_000 },
                MessageId = "<1@\u2028x>",
                Verdict = new()
                {
                    HostState = "present",
                    Result = "pass",
                    Domain = "bücher.example",
                    Reason = "",
                    Dkim = [new() { Result = "fail", Domain = "d", Selector = "s", KeyBits = 1024, SignsListId = false }],
                    Tags = ["a", "b"],
                    Rule = "stage",
                    Verifier = "v-1",
                    ElapsedMicroseconds = 17,
                },
            },
            new()
            {
                QueueId = "Q2",
                ReceivedAt = DateTimeOffset.UnixEpoch,
                AcceptedAt = DateTimeOffset.UnixEpoch,
                Connection = new() { ClientAddress = "", ClientName = "", Protocol = "internal", Server = "bounces-1" },
                Envelope = new() { ReversePath = "", Recipients = [] },
                Content = new() { Locator = "", Length = 0 },
            },
        ],
    };

    public async ValueTask InitializeAsync()
    {
        _host = await BusHost.StartAsync(
            postgres.ConnectionString, rabbit.Uri, services => services.AddSingleton(_taken.Writer), bus => bus.AddConsumer<BatchProbe, BatchProbeDefinition>());
        _connection = await new ConnectionFactory { Uri = new Uri(rabbit.Uri) }.CreateConnectionAsync(Stop);
        _channel = await _connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), Stop);
        await _host.Bus.Publish(new MessageAcceptedBatch { Messages = [] }, Stop);
        await TakeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await _connection.DisposeAsync();
        await _host.DisposeAsync();
    }

    [Fact]
    public async Task A_message_arrives_as_it_was_sent()
    {
        await _host.Bus.Publish(Batch, Stop);

        AssertSame((await TakeAsync()).Message);
    }

    [Fact]
    public async Task What_it_writes_is_MassTransits_envelope_for_any_other_reader()
    {
        var other = (await _channel.QueueDeclareAsync($"other-{Guid.NewGuid():N}", durable: false, exclusive: false, autoDelete: false, cancellationToken: Stop)).QueueName;
        await _channel.QueueBindAsync(other, "Mailkey.Contracts:MessageAcceptedBatch", "", cancellationToken: Stop);
        await _host.Bus.Publish(Batch, Stop);

        var body = await BrokerQueue.TakeAsync(rabbit.Uri, other, Stop);
        await _channel.QueueDeleteAsync(other, cancellationToken: Stop);
        var context = SystemTextJsonMessageSerializer.Instance.Deserialize(new BytesMessageBody(body), new DictionarySendHeaders());
        Assert.StartsWith("""{"messageType":["urn:message:Mailkey.Contracts:MessageAcceptedBatch"],"messageId":""", Encoding.UTF8.GetString(body), StringComparison.Ordinal);
        Assert.NotNull(context.MessageId);
        Assert.NotNull(context.SentTime);
        Assert.True(context.TryGetMessage<MessageAcceptedBatch>(out var message));
        AssertSame(message);
        await TakeAsync();
    }

    [Fact]
    public async Task It_reads_the_envelope_of_any_other_writer()
    {
        var id = NewId.NextGuid();
        var envelope = new JsonMessageEnvelope { MessageId = $"{id}", MessageType = ["urn:message:Mailkey.Contracts:MessageAcceptedBatch"], Message = Batch };
        await PutAsync(JsonSerializer.SerializeToUtf8Bytes(envelope, SystemTextJsonMessageSerializer.Options));

        var context = await TakeAsync();
        Assert.Equal(id, context.MessageId);
        AssertSame(context.Message);
    }

    [Fact]
    public async Task Headers_travel_with_a_message()
    {
        await _host.Bus.Publish(Batch, context => context.Headers.Set("Reason", "test"), Stop);

        var context = await TakeAsync();
        Assert.Equal("test", context.Headers.Get<string>("Reason"));
        AssertSame(context.Message);
    }

    [Theory]
    [InlineData("""{"messageType":["urn:message:Mailkey.Contracts:MessageAcceptedBatch"],"message":{"messages":[{"queueId":"Q1"}]}}""")]
    [InlineData("""{"messageType":["urn:message:Mailkey.Contracts:MessageAcceptedBatch"],"message":null}""")]
    [InlineData("""{"messageType":["urn:message:Mailkey.Contracts:MessageAcceptedBatch"],""")]
    [InlineData("""{"messageType":17}""")]
    [InlineData("""{"messageType":["urn""")]
    [InlineData("[]")]
    [InlineData("")]
    public async Task What_cannot_be_read_is_kept_in_the_error_queue(string body)
    {
        await PutAsync(Encoding.UTF8.GetBytes(body));

        Assert.Equal(body, Encoding.UTF8.GetString(await BrokerQueue.TakeAsync(rabbit.Uri, ErrorQueue, Stop)));
    }

    private static void AssertSame(MessageAcceptedBatch? actual) => Assert.Equal(JsonSerializer.Serialize(Batch), JsonSerializer.Serialize(actual));

    private async Task<ConsumeContext<MessageAcceptedBatch>> TakeAsync() => await _taken.Reader.ReadAsync(Stop).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Stop);

    private async Task PutAsync(byte[] body) => await _channel.BasicPublishAsync(
        "", DurableQueue.Delivery, mandatory: true, new BasicProperties { ContentType = "application/vnd.masstransit+json", Persistent = true }, body, Stop);
}
