using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Contracts;
using Mailkey.Delivery.Maildir;
using Mailkey.Delivery.Outbound;
using Mailkey.Delivery.Routing;

namespace Mailkey.Delivery.Tests.Maildir;

public sealed class MaildirTests
{
    [Theory]
    [InlineData("bob", "bob")]
    [InlineData("Bob", "bob")]
    [InlineData("..", "%2e.")]
    [InlineData(".", "%2e")]
    [InlineData("../../etc/passwd", "%2e.%2f..%2fetc%2fpasswd")]
    [InlineData("a/b", "a%2fb")]
    [InlineData("a%2fb", "a%252fb")]
    [InlineData("", "%")]
    [InlineData("a b\0", "a%20b%00")]
    [InlineData("ä", "%c3%a4")]
    [InlineData("user+tag", "user+tag")]
    public void MailboxPath_is_one_plain_name(string localPart, string expected) => Assert.Equal(expected, MailboxPath.Encode(localPart));

    [Fact]
    public void MailboxPath_stays_inside_and_keeps_local_parts_apart()
    {
        Prop.ForAll<string?, string?>((one, other) =>
        {
            one ??= "";
            other ??= "";
            var name = MailboxPath.Encode(one);
            Assert.Equal("/root/" + name, Path.GetFullPath(Path.Combine("/root", name)));
            Assert.DoesNotContain('/', name);
            Assert.False(name[0] == '.');

            // Lone surrogates are no text; a parsed address has none.
            if (Lower(one) != Lower(other))
            {
                Assert.NotEqual(name, MailboxPath.Encode(other));
            }
        }).QuickCheckThrowOnFailure();

        static string Lower(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(string.Concat(text.Select(c => c is >= 'A' and <= 'Z' ? char.ToLowerInvariant(c) : c))));
    }

    [Fact]
    public async Task A_quarantined_message_lands_in_a_folder_of_its_own()
    {
        await using DeliveryBench bench = new();
        using var message = await bench.MessageAsync(DeliveryBench.Envelope("bob@example.org") with { Quarantine = "strangers" });

        var outcome = Assert.Single(await bench.SendAsync(message));
        var again = Assert.Single(await bench.SendAsync(message));

        Assert.Equal((OutcomeKind.Delivered, outcome.Reply), (again.Kind, again.Reply));
        var mailbox = Path.Combine(bench.Options.DataFolder, "maildirs/example.org/bob");
        Assert.Equal(outcome.Reply, Path.GetFileName(Assert.Single(Directory.GetFiles(Path.Combine(mailbox, ".Quarantine/new")))));
        Assert.True(File.Exists(Path.Combine(mailbox, ".Quarantine/maildirfolder")));
        Assert.Empty(Directory.GetFiles(Path.Combine(mailbox, "new")));
    }

    [Fact]
    public async Task The_same_message_twice_is_one_file()
    {
        await using DeliveryBench bench = new();
        using var message = await bench.MessageAsync(DeliveryBench.Envelope("bob@example.org"));

        var first = Assert.Single(await bench.SendAsync(message));
        var second = Assert.Single(await bench.SendAsync(message));

        Assert.Equal((OutcomeKind.Delivered, "maildir", SuccessReport.Delivered), (first.Kind, first.NextHop, first.SuccessReport));
        Assert.Equal(first.Reply, second.Reply);
        Assert.Single(Directory.GetFiles(Path.Combine(bench.Options.DataFolder, "maildirs/example.org/bob/new")));
        Assert.Empty(Directory.GetFiles(Path.Combine(bench.Options.DataFolder, "maildirs/example.org/bob/tmp")));
        Assert.True(Directory.Exists(Path.Combine(bench.Options.DataFolder, "maildirs/example.org/bob/cur")));
    }

    [Fact]
    public async Task Hostile_local_part_stays_in_its_domain()
    {
        await using DeliveryBench bench = new();

        Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync("\"../../../escape\"@example.org")).Kind);

        var file = Assert.Single(Directory.GetFiles(Path.Combine(bench.Options.DataFolder, "maildirs"), "*", SearchOption.AllDirectories));
        Assert.StartsWith(Path.Combine(bench.Options.DataFolder, "maildirs/example.org/%2e.%2f"), file, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_large_message_has_line_feeds_throughout()
    {
        await using DeliveryBench bench = new();
        var lines = Enumerable.Range(0, 30_000).Select(i => $"line {i} {new string('x', i % 90)}").ToList();

        await bench.SendAsync(DeliveryBench.Envelope("bob@example.org"), "Subject: large\r\n\r\n" + string.Join("\r\n", lines) + "\r\n");

        var file = Assert.Single(Directory.GetFiles(Path.Combine(bench.Options.DataFolder, "maildirs/example.org/bob/new")));
        Assert.Equal(
            "Return-Path: <sender@example.net>\nDelivered-To: bob@example.org\nSubject: large\n\n" + string.Join('\n', lines) + "\n",
            await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_full_disk_defers()
    {
        await using DeliveryBench bench = new();

        // A file where the mailbox should be.
        Directory.CreateDirectory(Path.Combine(bench.Options.DataFolder, "maildirs"));
        await File.WriteAllTextAsync(Path.Combine(bench.Options.DataFolder, "maildirs/example.org"), "", TestContext.Current.CancellationToken);

        var outcome = Assert.Single(await bench.SendAsync("bob@example.org"));

        Assert.Equal((OutcomeKind.Deferred, "4.3.1"), (outcome.Kind, outcome.Status));
    }
}
