using System.Text;
using Mailkey.Contracts;
using Mailkey.Delivery.Sagas.Deferral;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Delivery.Tests.Service;

public sealed class DeliveryServiceTests(PostgresServer postgres, RabbitMqServer rabbit) : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    /// <summary>A content that gets a file of its own at once.</summary>
    private static readonly string Large = "Received: by here\r\nSubject: large\r\n\r\n" + string.Concat(Enumerable.Repeat(new string('x', 98) + "\r\n", 4000));

    [Fact]
    public async Task An_accepted_message_lands_in_its_maildir_and_its_content_is_released()
    {
        await using var host = await StartAsync("Domains:0:Name=example.org");
        var message = await host.AcceptAsync(DeliveryHost.Envelope("Bob@example.org"), "Received: by here\r\nSubject: test\r\n\r\nHello\r\n.dot\r\n");

        await host.PublishAsync(message);

        await host.ReleasedAsync(message);
        var file = Assert.Single(Directory.GetFiles(Path.Combine(host.Folder, "maildirs/example.org/bob/new")));
        Assert.Equal(
            "Return-Path: <sender@example.net>\nDelivered-To: Bob@example.org\nReceived: by here\nSubject: test\n\nHello\n.dot\n",
            await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        var entry = Assert.Single(await host.EntriesAsync(message.QueueId, 1));
        Assert.Equal("recipient-delivered", entry.Type);

        // Told before the outcome: who accepted the message may have died with its own word.
        Assert.Equal(message.Content.Length, host.Acceptances[message.QueueId].GetProperty("size").GetInt64());
        Assert.Equal(Path.GetFileName(file), entry.Data.GetProperty("reply").GetString());
    }

    [Fact]
    public async Task Permanent_failure_is_reported_with_header_and_reply()
    {
        await using var next = ScriptedServer.Behaved(["PIPELINING"], line => line.Contains("no@", StringComparison.Ordinal) ? "550 5.1.1 no such user" : null);
        await using var host = await StartAsync("Domains:0:Name=example.org", $"NextHop=smtp://127.0.0.1:{next.Port}");
        var message = await host.AcceptAsync(DeliveryHost.Envelope("yes@example.org", "no@example.org"));

        await host.PublishAsync(message);

        var (type, report) = await host.NextReportAsync();
        Assert.Equal("DeliveryFailed", type);
        Assert.Equal(message.QueueId, report.GetProperty("queueId").GetString());
        var recipient = Assert.Single(report.GetProperty("recipients").EnumerateArray());
        Assert.Equal("no@example.org", recipient.GetProperty("recipient").GetProperty("forwardPath").GetString());
        Assert.Equal("5.1.1", recipient.GetProperty("status").GetString());
        Assert.Equal("550 5.1.1 no such user", recipient.GetProperty("diagnostic").GetString());
        Assert.True(recipient.GetProperty("diagnosticIsSmtp").GetBoolean());
        Assert.Equal("Received: by here\r\nSubject: test\r\n", Encoding.UTF8.GetString(report.GetProperty("headerBlock").GetBytesFromBase64()));
        await host.ReleasedAsync(message);
        Assert.Equal(["recipient-delivered", "recipient-failed"], (await host.EntriesAsync(message.QueueId, 2)).Select(entry => entry.Type).Order());
    }

    [Fact]
    public async Task Failure_of_a_notification_is_not_reported()
    {
        await using var next = ScriptedServer.Behaved(["PIPELINING"], line => line.StartsWith("RCPT", StringComparison.Ordinal) ? "550 5.1.1 no such user" : null);
        await using var host = await StartAsync("Domains:0:Name=example.org", $"NextHop=smtp://127.0.0.1:{next.Port}");
        var message = await host.AcceptAsync(DeliveryHost.Envelope("a@example.org") with { ReversePath = "" });
        var other = await host.AcceptAsync(DeliveryHost.Envelope("b@example.org"));

        await host.PublishAsync(message);
        Assert.Equal("recipient-failed", Assert.Single(await host.EntriesAsync(message.QueueId, 1)).Type);
        await host.PublishAsync(other);

        // The first report is that of the other message.
        Assert.Equal(other.QueueId, (await host.NextReportAsync()).Report.GetProperty("queueId").GetString());
        await host.ReleasedAsync(message);
    }

    [Fact]
    public async Task Temporary_failure_is_tried_again_until_it_works()
    {
        var tries = 0;
        await using var next = ScriptedServer.Behaved(["PIPELINING"], line =>
            line.StartsWith("RCPT TO:<later@", StringComparison.Ordinal) && ++tries < 3 ? "450 4.2.1 later" : null);
        await using var host = await StartAsync(
            "Domains:0:Name=example.org", $"NextHop=smtp://127.0.0.1:{next.Port}", "Delivery:Retries:0=00:00:00.2", "Delivery:Retries:1=00:00:00.1");
        var message = await host.AcceptAsync(DeliveryHost.Envelope("now@example.org", "later@example.org") with
        {
            Recipients = [new() { ForwardPath = "now@example.org" }, new() { ForwardPath = "later@example.org", Notify = "SUCCESS" }],
        });

        await host.PublishAsync(message);

        var entries = await host.EntriesAsync(message.QueueId, 4);
        Assert.Equal(
            [("recipient-delivered", 1), ("recipient-deferred", 1), ("recipient-deferred", 2), ("recipient-delivered", 3)],
            entries.Select(entry => (entry.Type, entry.Data.GetProperty("attempt").GetInt32())));
        var (type, report) = await host.NextReportAsync();
        Assert.Equal("DeliverySucceeded", type);
        Assert.True(report.GetProperty("relayed").GetBoolean());
        await host.NoDeferralAsync(message.QueueId);
        // Its own alone: other messages of the same database may have theirs.
        await DeliveryHost.EventuallyAsync(
            async () => await host.ScalarAsync<long>($"SELECT count(*) FROM delivery.timers WHERE envelope::text LIKE '%{DeferralState.IdOf(message.QueueId)}%'") == 0, "no timer left");
        await host.ReleasedAsync(message);
        Assert.Empty(Directory.GetFiles(Path.Combine(host.Folder, "content/objects"), "*", SearchOption.AllDirectories));
        Assert.Single(next.Lines(), "RCPT TO:<now@example.org>");
    }

    [Fact]
    public async Task A_message_that_waits_is_announced_once_and_given_up_at_its_expiry()
    {
        await using var host = await StartAsync(
            "Domains:0:Name=example.org", "NextHop=smtp://127.0.0.1:1", "Delivery:Retries:0=00:00:00.1", "Delivery:DelayWarning=00:00:01", "Delivery:Expiry=00:00:03");
        var message = await host.AcceptAsync(DeliveryHost.Envelope("a@example.org"));

        await host.PublishAsync(message);

        var (type, delayed) = await host.NextReportAsync();
        Assert.Equal("DeliveryDelayed", type);
        Assert.Equal("4.4.1", delayed.GetProperty("recipients")[0].GetProperty("status").GetString());
        Assert.Equal(message.ReceivedAt + TimeSpan.FromSeconds(3), delayed.GetProperty("willRetryUntil").GetDateTimeOffset());
        (type, var failed) = await host.NextReportAsync();
        Assert.Equal("DeliveryFailed", type);
        Assert.Equal("5.4.7", failed.GetProperty("recipients")[0].GetProperty("status").GetString());
        Assert.Contains("connect to 127.0.0.1", failed.GetProperty("recipients")[0].GetProperty("diagnostic").GetString(), StringComparison.Ordinal);
        Assert.False(failed.GetProperty("recipients")[0].GetProperty("diagnosticIsSmtp").GetBoolean());
        await host.NoDeferralAsync(message.QueueId);
        await host.ReleasedAsync(message);
        Assert.Empty(Directory.GetFiles(Path.Combine(host.Folder, "content/objects"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_deferred_message_survives_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("mailkey-delivery-").FullName;
        try
        {
            MessageAccepted message;
            await using (var before = await DeliveryHost.StartAsync(postgres, rabbit, folder, "Domains:0:Name=example.org", "NextHop=smtp://127.0.0.1:1", "Delivery:Retries:0=00:00:02"))
            {
                message = await before.AcceptAsync(DeliveryHost.Envelope("a@example.org"));
                await before.PublishAsync(message);
                await DeliveryHost.EventuallyAsync(
                    async () => await before.ScalarAsync<long>($"SELECT count(*) FROM delivery.deferral_state WHERE state->>'queueId' = '{message.QueueId}'") == 1, "deferral stored");
            }

            await using var after = await DeliveryHost.StartAsync(postgres, rabbit, folder, "Domains:0:Name=example.org");
            await after.NoDeferralAsync(message.QueueId);
            Assert.Single(Directory.GetFiles(Path.Combine(folder, "maildirs/example.org/a/new")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_message_that_comes_again_after_it_was_final_is_not_delivered_twice()
    {
        await using var next = ScriptedServer.Behaved(["PIPELINING"]);
        await using var host = await StartAsync("Domains:0:Name=example.org", $"NextHop=smtp://127.0.0.1:{next.Port}");
        var message = await host.AcceptAsync(DeliveryHost.Envelope("a@example.org"));
        await host.PublishAsync(message);
        await host.ReleasedAsync(message);

        // As after an operator put it back from the error queue: nothing marks it.
        await host.PublishAsync(message);
        var other = await host.AcceptAsync(DeliveryHost.Envelope("b@example.org"));
        await host.PublishAsync(other);
        await host.ReleasedAsync(other);

        await DeliveryHost.EventuallyAsync(() => Task.FromResult(next.Lines().Contains("RCPT TO:<b@example.org>")), "other delivered");
        Assert.Single(next.Lines(), "RCPT TO:<a@example.org>");
    }

    [Fact]
    public async Task Final_delivery_is_reported_to_a_sender_that_asked()
    {
        await using var host = await StartAsync("Domains:0:Name=example.org");
        var message = await host.AcceptAsync(DeliveryHost.Envelope() with
        {
            Recipients = [new() { ForwardPath = "a@example.org", Notify = "FAILURE,SUCCESS" }, new() { ForwardPath = "b@example.org", Notify = "FAILURE" }],
        });

        await host.PublishAsync(message);

        var (type, report) = await host.NextReportAsync();
        Assert.Equal("DeliverySucceeded", type);
        Assert.False(report.GetProperty("relayed").GetBoolean());
        Assert.Equal("a@example.org", Assert.Single(report.GetProperty("recipients").EnumerateArray()).GetProperty("recipient").GetProperty("forwardPath").GetString());
    }

    [Fact]
    public async Task One_damaged_content_does_not_hold_back_the_others_of_its_batch()
    {
        await using var host = await StartAsync("Domains:0:Name=example.org");
        var good = await host.AcceptAsync(DeliveryHost.Envelope("good@example.org"));
        var bad = await host.AcceptAsync(DeliveryHost.Envelope("bad@example.org"));

        await host.PublishAsync(bad with { Content = bad.Content with { Length = bad.Content.Length - 1 } }, good);

        await host.ReleasedAsync(good);
        Assert.False(Directory.Exists(Path.Combine(host.Folder, "maildirs/example.org/bad")));
        Assert.Single(Directory.GetFiles(Path.Combine(host.Folder, "maildirs/example.org/good/new")));
    }

    [Fact]
    public async Task Nobody_gets_a_message_twice_because_another_of_its_batch_can_not_be_delivered()
    {
        await using var next = ScriptedServer.Behaved(["PIPELINING"], line => line.Contains("later@", StringComparison.Ordinal) ? "450 4.2.0 not now" : null);
        await using var host = await StartAsync("Domains:0:Name=example.org", $"NextHop=smtp://127.0.0.1:{next.Port}", "Delivery:Retries:0=01:00:00");
        var bad = await host.AcceptAsync(DeliveryHost.Envelope("bad@example.org"));
        bad = bad with { Content = bad.Content with { Length = bad.Content.Length - 1 } };

        // Large, so that it stays where it is while the saga has it.
        var half = await host.AcceptAsync(DeliveryHost.Envelope("now@example.org", "later@example.org"), Large);

        await host.PublishAsync(half, bad);

        // Other tests leave something there as well.
        string given;
        do
        {
            given = Encoding.UTF8.GetString(await BrokerQueue.TakeAsync(rabbit.Uri, "delivery_error", TestContext.Current.CancellationToken));
        }
        while (!given.Contains(bad.QueueId, StringComparison.Ordinal));

        Assert.DoesNotContain(half.QueueId, given, StringComparison.Ordinal);
        Assert.Single(next.Lines(), "DATA");
        Assert.Equal("Waiting", await host.ScalarAsync<string>($"SELECT current_state FROM delivery.deferral_state WHERE state->>'queueId' = '{half.QueueId}'"));
    }

    [Fact]
    public async Task A_full_disk_costs_nobody_a_second_copy()
    {
        var tries = 0;
        await using var next = ScriptedServer.Behaved(["PIPELINING"], line => line.Contains("later@", StringComparison.Ordinal) && ++tries == 1 ? "450 4.2.0 not now" : null);
        await using var host = await StartAsync("Domains:0:Name=example.org", $"NextHop=smtp://127.0.0.1:{next.Port}", "Delivery:Retries:0=00:00:00.1");
        var message = await host.AcceptAsync(DeliveryHost.Envelope("now@example.org", "later@example.org"));

        // Nothing can be made where contents have files of their own.
        var objects = Path.Combine(host.Folder, "content/objects");
        Directory.Delete(objects, recursive: true);
        await File.WriteAllTextAsync(objects, "", TestContext.Current.CancellationToken);

        await host.PublishAsync(message);

        await host.ReleasedAsync(message);
        await host.NoDeferralAsync(message.QueueId);
        Assert.Equal(["recipient-delivered", "recipient-deferred", "recipient-delivered"], (await host.EntriesAsync(message.QueueId, 3)).Select(entry => entry.Type));
        Assert.Equal(2, next.Lines().Count(line => line == "DATA"));
        Assert.Single(next.Lines(), line => line.Contains("now@", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_part_that_breaks_off_is_tried_again_without_the_others_until_the_sender_is_told()
    {
        await using var host = await StartAsync(
            "Domains:0:Name=example.org", "Domains:1:Name=example.com", "Domains:1:NextHop=smtp://127.0.0.1:1", "Delivery:Retries:0=00:00:00.1", "Delivery:Expiry=00:00:02");
        var message = await host.AcceptAsync(DeliveryHost.Envelope("here@example.org", "there@example.com"), Large);
        var content = Assert.Single(Directory.GetFiles(Path.Combine(host.Folder, "content/objects"), "*", SearchOption.AllDirectories));

        // The end of it, which nobody sees before he gets there.
        await using (var file = File.OpenWrite(content))
        {
            file.Seek(-2, SeekOrigin.End);
            await file.WriteAsync("??"u8.ToArray(), TestContext.Current.CancellationToken);
        }

        await host.PublishAsync(message);

        var (type, report) = await host.NextReportAsync();
        Assert.Equal("DeliveryFailed", type);
        Assert.Equal(
            ["here@example.org 5.4.7", "there@example.com 5.4.7"],
            report.GetProperty("recipients").EnumerateArray().Select(recipient => $"{recipient.GetProperty("recipient").GetProperty("forwardPath").GetString()} {recipient.GetProperty("status").GetString()}").Order());
        Assert.Empty(Directory.GetFiles(Path.Combine(host.Folder, "maildirs/example.org/here/new")));
    }

    [Fact]
    public async Task Content_that_is_damaged_while_it_waits_still_ends_in_a_report()
    {
        await using var host = await StartAsync("Domains:0:Name=example.org", "NextHop=smtp://127.0.0.1:1", "Delivery:Retries:0=00:00:00.5", "Delivery:Expiry=00:00:02");
        var message = await host.AcceptAsync(DeliveryHost.Envelope("a@example.org"), Large);
        await host.PublishAsync(message);
        await DeliveryHost.EventuallyAsync(
            async () => await host.ScalarAsync<long>($"SELECT count(*) FROM delivery.deferral_state WHERE state->>'queueId' = '{message.QueueId}'") == 1, "deferred");

        var content = Assert.Single(Directory.GetFiles(Path.Combine(host.Folder, "content/objects"), "*", SearchOption.AllDirectories));
        await using (var file = File.OpenWrite(content))
        {
            await file.WriteAsync("????"u8.ToArray(), TestContext.Current.CancellationToken);
        }

        var (type, report) = await host.NextReportAsync();
        Assert.Equal("DeliveryFailed", type);
        Assert.Equal(message.QueueId, report.GetProperty("queueId").GetString());
        Assert.Equal("5.4.7", report.GetProperty("recipients")[0].GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_looping_message_fails()
    {
        await using var host = await StartAsync("Domains:0:Name=example.org", "Smtp:MaxReceivedFields=10");
        var content = string.Concat(Enumerable.Repeat("Received: from a by b\r\n", 11)) + "Subject: x\r\n\r\n";
        var message = await host.AcceptAsync(DeliveryHost.Envelope("a@example.org"), content);

        await host.PublishAsync(message);

        var (type, report) = await host.NextReportAsync();
        Assert.Equal("DeliveryFailed", type);
        Assert.Equal("5.4.6", report.GetProperty("recipients")[0].GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_slow_host_does_not_hold_up_the_mail_of_others()
    {
        TaskCompletionSource go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ScriptedServer slow = new(async session =>
        {
            await go.Task;
            await session.WriteAsync("220 hi\r\n");
            while (await session.ReadLineAsync() is { } line)
            {
                await session.WriteAsync(line == "DATA" ? "354 go\r\n" : line is "." || line.Contains('<', StringComparison.Ordinal) || line.StartsWith("EHLO", StringComparison.Ordinal) ? "250 ok\r\n" : "");
            }
        });
        await using var host = await StartAsync(
            "Domains:0:Name=example.org", "Domains:1:Name=example.com", $"Domains:1:NextHop=smtp://127.0.0.1:{slow.Port}", "Delivery:Concurrency=1", "Delivery:Patience=00:00:00.5", "Delivery:Retries:0=01:00:00");
        var held = await host.AcceptAsync(DeliveryHost.Envelope("a@example.com"));
        var other = await host.AcceptAsync(DeliveryHost.Envelope("a@example.org"));

        await host.PublishAsync(held);
        await DeliveryHost.EventuallyAsync(() => Task.FromResult(slow.Connections > 0), "slow host reached");
        await host.PublishAsync(other);

        await host.ReleasedAsync(other);
        Assert.Equal("Attempting", await host.ScalarAsync<string>($"SELECT current_state FROM delivery.deferral_state WHERE state->>'queueId' = '{held.QueueId}'"));
        go.SetResult();
        await host.NoDeferralAsync(held.QueueId);
        Assert.Contains((await host.EntriesAsync(held.QueueId, 1)), entry => entry.Type == "recipient-delivered");
    }

    [Fact]
    public async Task An_attempt_that_was_given_up_for_lost_and_was_not_still_counts()
    {
        TaskCompletionSource go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ScriptedServer slow = ScriptedServer.Behaved(["PIPELINING"], line =>
        {
            if (line.StartsWith("MAIL", StringComparison.Ordinal))
            {
                go.Task.Wait();
            }

            return null;
        });
        await using var host = await StartAsync(
            "Domains:0:Name=example.org", $"NextHop=smtp://127.0.0.1:{slow.Port}", "Delivery:Patience=00:00:00.2", "Delivery:Retries:0=01:00:00");
        var message = await host.AcceptAsync(DeliveryHost.Envelope("a@example.org"));
        var state = $"SELECT count(*) FROM delivery.deferral_state WHERE state->>'queueId' = '{message.QueueId}' AND current_state =";
        await host.PublishAsync(message);
        await DeliveryHost.EventuallyAsync(async () => await host.ScalarAsync<long>($"{state} 'Attempting'") == 1, "attempt under way");

        await host.Bus.Publish(new AttemptOverdue(DeferralState.IdOf(message.QueueId)));
        await DeliveryHost.EventuallyAsync(async () => await host.ScalarAsync<long>($"{state} 'Waiting'") == 1, "attempt given up");
        go.SetResult();

        await host.NoDeferralAsync(message.QueueId);
        Assert.Equal(["recipient-deferred", "recipient-delivered"], (await host.EntriesAsync(message.QueueId, 2)).Select(entry => entry.Type));
        Assert.Single(slow.Lines(), "DATA");
    }

    [Fact]
    public async Task A_dead_host_is_not_stormed_and_holds_up_nobody()
    {
        await using ScriptedServer dead = new(_ => Task.CompletedTask);
        await using var host = await StartAsync(
            "Domains:0:Name=example.org", "Domains:1:Name=example.com", $"Domains:1:NextHop=smtp://127.0.0.1:{dead.Port}", "Delivery:Retries:0=01:00:00");
        var queued = 0;
        for (var batch = 0; batch < 15; batch++)
        {
            await host.PublishAsync(await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => host.AcceptAsync(DeliveryHost.Envelope("a@example.com") with { ReversePath = "" }))));
            queued += 20;
        }

        var other = await host.AcceptAsync(DeliveryHost.Envelope("a@example.org"));
        await host.PublishAsync(other);

        await host.ReleasedAsync(other);
        await DeliveryHost.EventuallyAsync(
            async () => await host.ScalarAsync<long>("SELECT count(*) FROM delivery.deferral_state WHERE current_state = 'Waiting' AND state->'envelope'->'recipients'->0->>'forwardPath' = 'a@example.com'") == queued, "all parked");
        Assert.InRange(dead.Connections, 1, 20);
    }

    [Fact]
    public async Task Slow_hosts_of_strangers_hold_up_nobody()
    {
        // It takes the connection and says nothing for the rest of the test.
        TaskCompletionSource over = new();
        await using ScriptedServer tarpit = new(session => over.Task.WaitAsync(session.Stop));
        await using var host = await StartAsync(
            "Domains:0:Name=example.org", "Delivery:Concurrency=8", "Delivery:Patience=00:05:00", $"Delivery:SmtpPort={tarpit.Port}");
        for (var batch = 0; batch < 16; batch++)
        {
            await host.PublishAsync(await host.AcceptAsync(DeliveryHost.Envelope("a@[127.0.0.1]") with { ReversePath = "" }));
        }

        await DeliveryHost.EventuallyAsync(() => Task.FromResult(tarpit.Connections > 0), "slow attempts under way");
        var other = await host.AcceptAsync(DeliveryHost.Envelope("a@example.org"));
        await host.PublishAsync(other);

        await host.ReleasedAsync(other);

        // One of them finds out whether the host takes mail, the others wait for that.
        Assert.Equal(1, tarpit.Connections);
        over.SetResult();
    }

    [Fact]
    public async Task A_notification_that_expires_is_not_reported()
    {
        await using var host = await StartAsync("Domains:0:Name=example.org", "NextHop=smtp://127.0.0.1:1", "Delivery:DelayWarning=00:00:00.1", "Delivery:Expiry=00:00:01", "Delivery:Retries:0=00:00:00.5");
        var message = await host.AcceptAsync(DeliveryHost.Envelope("a@example.org") with { ReversePath = "" });

        await host.PublishAsync(message);

        // After the first attempt, and perhaps a second one: the end.
        string last;
        do
        {
            last = (await host.EntriesAsync(message.QueueId, 1))[^1].Type;
        }
        while (last == "recipient-deferred");

        Assert.Equal("recipient-failed", last);
        await host.NoDeferralAsync(message.QueueId);
        Assert.False(host.Bounces.Reader.TryRead(out _));
    }

    private Task<DeliveryHost> StartAsync(params string[] settings) => DeliveryHost.StartAsync(postgres, rabbit, null, settings);
}
