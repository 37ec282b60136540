using System.Text;
using System.Text.Json;
using Mailkey.Contracts;
using Mailkey.Contracts.Journal;
using Mailkey.Messaging.Journal;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Tool;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;

namespace Mailkey.Journal.Tests;

/// <summary><c>mailkey trace</c> and <c>mailkey dead-letters</c>, on a journal that was written by the service.</summary>
public sealed class OperatorCommandTests(PostgresServer postgres, RabbitMqServer rabbit)
    : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>, IAsyncLifetime
{
    private IHost? _host;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private IServiceProvider Services => _host!.Services;

    public async ValueTask InitializeAsync()
    {
        // As an operator gives them. No other class of this assembly reads the environment.
        Environment.SetEnvironmentVariable("MAILKEY_POSTGRES_CONNECTIONSTRING", postgres.ConnectionString);
        Environment.SetEnvironmentVariable("MAILKEY_RABBITMQ_URI", rabbit.Uri);
        _host = await JournalHost.StartAsync(postgres.ConnectionString, rabbit.Uri, Stop);
    }

    public async ValueTask DisposeAsync()
    {
        await _host!.StopAsync(CancellationToken.None);
        _host.Dispose();
    }

    [Theory]
    [InlineData("tale")]
    [InlineData("<tale@example.org>")]
    [InlineData("tale@example.org")]
    [InlineData("CAROL@example.net")]
    public async Task Trace_tells_the_life_of_a_message(string what)
    {
        await TellAsync();

        var (exit, output, error) = await RunAsync("trace", what);

        Assert.Equal((0, ""), (exit, error));
        Assert.Contains("Message tale\n", output, StringComparison.Ordinal);
        Assert.Contains("192.0.2.1 as mail.example.org, ESMTPS, TLSv1.3, taken by ingress-1", output, StringComparison.Ordinal);
        Assert.Contains("pass for example.org: mailkey host exists", output, StringComparison.Ordinal);
        Assert.Contains("Rule        published", output, StringComparison.Ordinal);
        AssertInOrder(
            output,
            "  Header      no From field\n",
            "  DKIM        pass d=example.org s=s1 a=rsa-sha256, 2048 bits; delivery 7 of this signature\n",
            "  DKIM        fail d= s=\\x1b[2J a=?: no\n",
            "  SPF         fail for example.org (mailfrom), by -all; the domain says: \\x1b[2Jgo away\n",
            "  Blocklist   bl.example: listed as 127.0.0.2 127.0.0.4: see https://bl.example\n",
            "  Allowlist   al.example: clear\n",
            "accepted (250)",
            "<bob@example.net> delivered, attempt 1, by maildir",
            "<carol@example.net> deferred, attempt 1, by smtp://192.0.2.9:25",
            "451 4.7.1 greylisted / 451 4.7.1 come back",
            "<carol@example.net> failed for good, 5.1.1, attempt 2",
            "550 5.1.1 \\x1b[2Jno such user",
            "notification about <carol@example.net> (failed) sent as tale-dsn",
            "<bob@example.net>: delivered",
            "<carol@example.net>: failed",
            "<dave@example.net>: no attempt yet",
            "mailkey trace tale-dsn");
        Assert.DoesNotContain('\x1b', output);
    }

    [Fact]
    public async Task Trace_prints_json_with_every_event()
    {
        await TellAsync();

        var (exit, output, _) = await RunAsync("trace", "tale", "--json");

        Assert.Equal(0, exit);
        using var json = JsonDocument.Parse(output);
        var message = Assert.Single(json.RootElement.GetProperty("messages").EnumerateArray());
        Assert.Equal("tale", message.GetProperty("queueId").GetString());
        Assert.Equal(
            ["accepted-for-delivery", "recipient-delivered", "recipient-deferred", "recipient-failed", "delivery-report-sent"],
            message.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("type").GetString()));
        Assert.DoesNotContain('\x1b', output);
    }

    [Fact]
    public async Task Trace_lists_several_messages_and_narrows_by_time()
    {
        var now = TimeProvider.System.GetUtcNow();
        await PublishAsync(Sample.Accepted("list-1", "erin@example.org", "frank@example.net"));
        await PublishAsync(Sample.Accepted("list-2", "erin@example.org", "grace@example.net", "heidi@example.net"));
        await PublishAsync(Sample.Accepted("list-old", "erin@example.org", "ivan@example.net") with { ReceivedAt = now.AddDays(-2) });
        foreach (var queueId in new[] { "list-1", "list-2", "list-old" })
        {
            await JournalHost.StreamAsync(Services, queueId, 1, Stop);
        }

        var (exit, output, _) = await RunAsync("trace", "erin@example.org");
        Assert.Equal(0, exit);
        Assert.Contains("<erin@example.org> -> <frank@example.net>\n", output, StringComparison.Ordinal);
        Assert.Contains("and 1 more\n", output, StringComparison.Ordinal);
        Assert.Contains("list-old", output, StringComparison.Ordinal);

        (exit, output, _) = await RunAsync("trace", "erin@example.org", "--since", "1h");
        Assert.Equal(0, exit);
        Assert.Contains("list-2", output, StringComparison.Ordinal);
        Assert.DoesNotContain("list-old", output, StringComparison.Ordinal);

        (exit, output, _) = await RunAsync("trace", "--since", "3d", "--until", "1d");
        Assert.Equal(0, exit);
        Assert.Contains("Message list-old", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trace_shows_quarantine_and_tags()
    {
        var accepted = Sample.Accepted("apart", "stranger@example.org", "bob@example.net");
        await PublishAsync(accepted with { Envelope = accepted.Envelope with { Quarantine = "strangers" }, Verdict = accepted.Verdict! with { Outcome = VerdictOutcome.Quarantine, Rule = "strangers", Tags = ["no-tls", "spf"] } });
        await JournalHost.StreamAsync(Services, "apart", 1, Stop);

        var (exit, output, _) = await RunAsync("trace", "apart");

        Assert.Equal(0, exit);
        Assert.Contains("Quarantine  delivered apart, by rule strangers\n", output, StringComparison.Ordinal);
        Assert.Contains("Tagged by   no-tls, spf\n", output, StringComparison.Ordinal);
        Assert.Contains("accepted (250), quarantined\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trace_shows_why_a_transaction_was_refused()
    {
        Services.GetRequiredService<IJournal>().Append("no-thanks", Sample.Refused("forged@example.org", "bob@example.net"));
        await JournalHost.StreamAsync(Services, "no-thanks", 1, Stop);

        var (exit, output, _) = await RunAsync("trace", "forged@example.org");

        Assert.Equal(0, exit);
        Assert.Contains("refused: 550 5.7.20 no", output, StringComparison.Ordinal);
        Assert.Contains("fail for example.org", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trace_that_finds_nothing_says_what_it_looked_for()
    {
        var (exit, output, error) = await RunAsync("trace", "nobody\u001b@example.org");

        Assert.Equal((1, ""), (exit, output));
        Assert.Contains("nothing about nobody\\x1b@example.org", error, StringComparison.Ordinal);
        Assert.Contains("90 days", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("yesterday")]
    [InlineData("99999999999999d")]
    [InlineData("-1h")]
    public async Task Trace_refuses_what_is_no_time(string since)
    {
        var (exit, _, error) = await RunAsync("trace", $"--since={since}");

        Assert.Equal(2, exit);
        Assert.Contains("is no time", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dead_letters_are_listed_any_number_of_times_and_none_is_lost()
    {
        await using var connection = await ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
        await DeclareAsync(channel, "delivery_error");
        await PutAsync(channel, "delivery_error", "letter-1", """{"messageType":["urn:message:Mailkey.Contracts:MessageAcceptedBatch"],"message":{}}""");
        await PutAsync(channel, "delivery_error", "letter-2", "no json \u001b[2J");

        await HasAsync(channel, "delivery_error", 2);

        // More often than the delivery limit of the queue.
        for (var i = 0; i < 25; i++)
        {
            var (exit, output, _) = await RunAsync("dead-letters", "list", "--queue", "delivery_error");
            Assert.Equal(0, exit);
            Assert.Contains("letter-1", output, StringComparison.Ordinal);
            Assert.Contains("letter-2", output, StringComparison.Ordinal);
            Assert.Contains("it broke \\x1b[31m", output, StringComparison.Ordinal);
            Assert.Contains("2 dead letters", output, StringComparison.Ordinal);
            await HasAsync(channel, "delivery_error", 2);
        }

        await HasAsync(channel, "delivery_error", 2);
        var (_, shown, _) = await RunAsync("dead-letters", "show", "letter-2");
        Assert.Contains("no json \\x1b[2J", shown, StringComparison.Ordinal);
        Assert.Contains("Meant for delivery\n", shown, StringComparison.Ordinal);
        await channel.QueueDeleteAsync("delivery_error", cancellationToken: Stop);
    }

    [Fact]
    public async Task Dead_letter_goes_back_to_its_queue_without_the_marks_of_its_failure()
    {
        await using var connection = await ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
        await DeclareAsync(channel, "bounces");
        await DeclareAsync(channel, "bounces_error");
        await PutAsync(channel, "bounces_error", "letter-3", "{}");
        await PutAsync(channel, "bounces_error", "letter-4", "{}");
        await HasAsync(channel, "bounces_error", 2);

        var (exit, output, _) = await RunAsync("dead-letters", "redeliver", "letter-4");

        Assert.Equal(0, exit);
        Assert.Contains("letter-4 is in bounces again", output, StringComparison.Ordinal);
        var message = await channel.BasicGetAsync("bounces", autoAck: true, Stop);
        Assert.Equal("letter-4", message?.BasicProperties.MessageId);
        Assert.Contains("MT-Host-MachineName", message!.BasicProperties.Headers!.Keys);
        Assert.DoesNotContain(message.BasicProperties.Headers.Keys, name => name.StartsWith("MT-Fault", StringComparison.Ordinal) || name == "MT-Reason");
        var left = await channel.BasicGetAsync("bounces_error", autoAck: true, Stop);
        Assert.Equal("letter-3", left?.BasicProperties.MessageId);
        Assert.Null(await channel.BasicGetAsync("bounces_error", autoAck: true, Stop));
        Assert.Equal(1, (await RunAsync("dead-letters", "redeliver", "letter-4")).Exit);
    }

    [Fact]
    public async Task All_dead_letters_are_all_of_them_however_many()
    {
        const int many = 1002;
        await using var connection = await ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
        await DeclareAsync(channel, "agreement-calls");
        await DeclareAsync(channel, "agreement-calls_error");
        for (var i = 0; i < many; i++)
        {
            await PutAsync(channel, "agreement-calls_error", $"many-{i}", "{}");
        }

        await HasAsync(channel, "agreement-calls_error", many);
        Assert.Contains("2 more in agreement-calls_error", (await RunAsync("dead-letters", "list", "--queue", "agreement-calls_error")).Output, StringComparison.Ordinal);
        await HasAsync(channel, "agreement-calls_error", many);
        Assert.Equal(0, (await RunAsync("dead-letters", "show", $"many-{many - 1}", "--queue", "agreement-calls_error")).Exit);
        await HasAsync(channel, "agreement-calls_error", many);

        Assert.Equal(0, (await RunAsync("dead-letters", "redeliver", "--all", "--queue", "agreement-calls_error")).Exit);

        await HasAsync(channel, "agreement-calls", many);
        await HasAsync(channel, "agreement-calls_error", 0);
    }

    [Fact]
    public async Task Dead_letter_without_its_queue_stays()
    {
        await using var connection = await ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
        await DeclareAsync(channel, "deferral_error");
        await PutAsync(channel, "deferral_error", "letter-5", "{}");
        await HasAsync(channel, "deferral_error", 1);

        var (exit, output, _) = await RunAsync("dead-letters", "redeliver", "--all", "--queue", "deferral_error");

        Assert.Equal(1, exit);
        Assert.Contains("the broker has no queue deferral", output, StringComparison.Ordinal);
        await HasAsync(channel, "deferral_error", 1);
    }

    [Fact]
    public async Task Message_that_the_journal_could_not_take_is_a_dead_letter_with_its_reason()
    {
        var bad = new JournalEntry
        {
            EventId = Guid.CreateVersion7(),
            QueueId = new string('x', 501),
            At = TimeProvider.System.GetUtcNow(),
            Type = "recipient-delivered",
            Data = JsonDocument.Parse("{}").RootElement,
        };
        await Services.GetRequiredService<IBus>().Publish(new JournalEntries { Entries = [bad] }, Stop);

        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        var (exit, output, error) = (0, "", "");
        for (var tries = 0; tries < 100 && !output.Contains("1 dead letters", StringComparison.Ordinal); tries++)
        {
            await timer.WaitForNextTickAsync(Stop);
            (exit, output, error) = await RunAsync("dead-letters", "list", "--queue", "journal_error");
        }

        Assert.Equal((0, ""), (exit, error));
        Assert.Contains("value too long", output, StringComparison.Ordinal);
        Assert.Contains("JournalEntries", output, StringComparison.Ordinal);
    }

    private static void AssertInOrder(string text, params string[] parts)
    {
        var at = 0;
        foreach (var part in parts)
        {
            var found = text.IndexOf(part, at, StringComparison.Ordinal);
            Assert.True(found >= 0, $"\"{part}\" is missing, or not in its place, in:\n{text}");
            at = found + part.Length;
        }
    }

    private static Task DeclareAsync(IChannel channel, string queue) => channel.QueueDeclareAsync(
        queue,
        durable: true,
        exclusive: false,
        autoDelete: false,
        new Dictionary<string, object?> { ["x-queue-type"] = "quorum", ["x-delivery-limit"] = 20, ["x-dead-letter-exchange"] = "mailkey-dead-letters" },
        cancellationToken: Stop);

    // A quorum queue counts a message that was given back a moment later.
    private static async Task HasAsync(IChannel channel, string queue, uint expected)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        var actual = 0u;
        for (var tries = 0; tries < 200 && actual != expected; tries++)
        {
            await timer.WaitForNextTickAsync(Stop);
            actual = (await channel.QueueDeclarePassiveAsync(queue, Stop)).MessageCount;
        }

        Assert.Equal(expected, actual);
    }

    private static async Task PutAsync(IChannel channel, string queue, string id, string body)
    {
        var properties = new BasicProperties
        {
            MessageId = id,
            Persistent = true,
            Headers = new Dictionary<string, object?>
            {
                ["MT-Host-MachineName"] = "host",
                ["MT-Fault-Message"] = "it broke \u001b[31m",
                ["MT-Fault-ExceptionType"] = "System.Exception",
                ["MT-Fault-StackTrace"] = "at A\r\nat B",
                ["MT-Reason"] = "fault",
            },
        };
        await channel.BasicPublishAsync("", queue, mandatory: true, properties, Encoding.UTF8.GetBytes(body), Stop);
    }

    private static async Task<(int Exit, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new MemoryStream();
        await using var error = new StringWriter { NewLine = "\n" };
        await using var console = new ToolConsole(Stream.Null, output, error);
        var exit = await MailkeyTool.RunAsync(arguments, console, Stop);
        return (exit, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }

    private async Task TellAsync()
    {
        var message = Sample.Accepted("tale", "alice@example.org", "bob@example.net", "carol@example.net", "dave@example.net");
        if ((await JournalHost.StreamAsync(Services, "tale", 0, Stop)).Count > 0)
        {
            return;
        }

        await PublishAsync(message);
        await JournalHost.StreamAsync(Services, "tale", 1, Stop);
        var journal = Services.GetRequiredService<IJournal>();
        journal.Append("tale", Sample.Delivered("bob@example.net"));
        journal.Append("tale", new RecipientDeferred
        {
            ForwardPath = "carol@example.net",
            NextHop = "smtp://192.0.2.9:25",
            Reply = "451 4.7.1 greylisted\r\n451 4.7.1 come back\r\n",
            Attempt = 1,
            NextAttempt = message.AcceptedAt.AddMinutes(1),
        });
        journal.Append("tale", new RecipientFailed
        {
            ForwardPath = "carol@example.net", NextHop = "smtp://192.0.2.9:25", Status = "5.1.1", Reply = "550 5.1.1 \u001b[2Jno such user", Attempt = 2,
        });
        journal.Append("tale", new DeliveryReportSent { ReportQueueId = "tale-dsn", Recipient = "carol@example.net", Action = "failed", Advisory = "none" });
        await JournalHost.StreamAsync(Services, "tale", 5, Stop);
    }

    private Task PublishAsync(MessageAccepted message) => JournalHost.TellAsync(Services, message, Stop);

    private async Task<IConnection> ConnectAsync() => await new ConnectionFactory { Uri = new Uri(rabbit.Uri) }.CreateConnectionAsync(Stop);
}
