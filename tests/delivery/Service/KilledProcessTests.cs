using System.Globalization;
using Mailkey.Contracts;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Delivery.Tests.Service;

public sealed class KilledProcessTests(PostgresServer postgres, RabbitMqServer rabbit) : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private const int Batches = 60;
    private const int BatchSize = 10;

    [Fact]
    public async Task Every_accepted_message_arrives_though_delivery_is_killed_again_and_again()
    {
        var folder = Directory.CreateTempSubdirectory("mailkey-delivery-").FullName;
        try
        {
            await using var sink = await SmtpSink.StartAsync();
            Dictionary<string, string> environment = new(StringComparer.Ordinal)
            {
                ["MAILKEY_POSTGRES_CONNECTIONSTRING"] = postgres.ConnectionString,
                ["MAILKEY_RABBITMQ_URI"] = rabbit.Uri,
                ["MAILKEY_DATAFOLDER"] = folder,
                ["MAILKEY_DOMAINS"] = "example.org",
                ["MAILKEY_HOSTNAME"] = "mail.edge.example",
                ["MAILKEY_NEXTHOP"] = string.Create(CultureInfo.InvariantCulture, $"smtp://127.0.0.1:{sink.Port}"),
                ["MAILKEY_DELIVERY_RETRIES"] = "00:00:01",
            };
            await using ServiceProcess one = new("delivery", "delivery-1", environment, folder);
            await using ServiceProcess two = new("delivery", "delivery-2", environment, folder);
            one.Start();
            await one.WaitUntilReadyAsync(TestContext.Current.CancellationToken);
            two.Start();
            await two.WaitUntilReadyAsync(TestContext.Current.CancellationToken);
            await using var acceptance = await Acceptance.StartAsync(rabbit, folder);

            List<MessageAccepted> accepted = [];
            for (var batch = 0; batch < Batches; batch++)
            {
                List<MessageAccepted> messages = [];
                for (var i = 0; i < BatchSize; i++)
                {
                    messages.Add(await acceptance.StoreAsync("a@example.org", $"Subject: {accepted.Count + i}\r\n\r\nHello\r\n"));
                }

                accepted.AddRange(messages);
                await acceptance.PublishAsync([.. messages]);
                if (batch % 20 == 10)
                {
                    var victim = batch % 40 == 10 ? one : two;
                    await victim.KillAsync();
                    victim.Start();
                }
            }

            await Eventually.GetAsync(
                () => sink.Messages.Select(Subject).OfType<string>().Distinct(StringComparer.Ordinal).Count(), count => count == accepted.Count, TimeSpan.FromSeconds(90), () => one.LogEnd() + two.LogEnd());
            foreach (var message in accepted)
            {
                await Eventually.GetAsync(
                    () => acceptance.Store.IsReleasedAsync(message.QueueId, message.Content, CancellationToken.None).AsTask(), released => released, TimeSpan.FromSeconds(30), () => one.LogEnd());
            }

            // Only what was under way at a kill may have come twice.
            Assert.InRange(sink.Messages.Length, accepted.Count, accepted.Count + (3 * 16 * BatchSize));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string? Subject(string file) => File.ReadLines(file).FirstOrDefault(line => line.StartsWith("Subject:", StringComparison.Ordinal));
}
