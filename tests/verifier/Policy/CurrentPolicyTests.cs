using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Mailkey.Hosting.Options;
using Mailkey.Testkit;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Mailkey.Verifier.Policy;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Tests.Policy;

public sealed class CurrentPolicyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new("policy");
    private readonly ManualTime _time = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_broken_file_at_start_is_an_error_with_all_that_is_wrong()
    {
        Write("policy.json", """{ "rules": [ { "name": "a", "then": "acept" }, { "then": "accept" } ] }""");
        var error = Assert.Throws<InvalidDataException>(() => Create());
        Assert.Contains("policy.json:1:37: \"acept\" is no outcome", error.Message, StringComparison.Ordinal);
        Assert.Contains("policy.json:1:48: a rule has no \"name\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_file_there_are_no_rules()
    {
        using var current = Create("");
        await current.StartAsync(Stop);
        Assert.Equal(0, current.Policy.Rules.Count);
        await current.StopAsync(Stop);
    }

    [Fact]
    public async Task A_change_is_taken_over_and_a_broken_one_is_not()
    {
        Write("policy.json", """{ "rules": [] }""");
        using var current = Create();
        Assert.False(await current.ReloadAsync(isForced: false, Stop));
        Assert.True(await current.ReloadAsync(isForced: true, Stop));

        Write("policy.json", """{ "rules": [ { "name": "a", "then": "accept" } ] }""");
        Assert.True(await current.ReloadAsync(isForced: false, Stop));
        Assert.Equal(1, current.Policy.Rules.Count);

        var before = current.Policy;
        Write("policy.json", "{ broken }");
        Assert.False(await current.ReloadAsync(isForced: false, Stop));
        Assert.Same(before, current.Policy);

        File.Delete(Path.Combine(_folder.Path, "policy.json"));
        Assert.False(await current.ReloadAsync(isForced: false, Stop));
        Assert.Same(before, current.Policy);
    }

    [Fact]
    public async Task A_list_that_changes_is_a_change_of_the_policy()
    {
        Write("list.txt", "example.org\n");
        Write("policy.json", """{ "lists": { "l": { "file": "list.txt" } }, "rules": [ { "name": "a", "when": { "sender-domain": "@l" }, "then": "reject" } ] }""");
        using var current = Create();
        var before = current.Policy;
        Assert.False(await current.ReloadAsync(isForced: false, Stop));
        Write("list.txt", "example.org\nexample.net\n");
        Assert.True(await current.ReloadAsync(isForced: false, Stop));
        Assert.NotSame(before, current.Policy);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("not a domain\n")]
    public async Task A_new_list_that_is_mended_after_the_policy_is_a_change(string? first)
    {
        Write("policy.json", """{ "rules": [] }""");
        using var current = Create();
        if (first is not null)
        {
            Write("new.txt", first);
        }

        Write("policy.json", """{ "lists": { "l": { "file": "new.txt" } }, "rules": [ { "name": "a", "when": { "sender-domain": "@l" }, "then": "reject" } ] }""");
        Assert.False(await current.ReloadAsync(isForced: false, Stop));
        Write("new.txt", "example.org\n");
        Assert.True(await current.ReloadAsync(isForced: false, Stop));
        Assert.Equal(1, current.Policy.Rules.Count);
    }

    [Fact]
    public async Task A_list_whose_name_no_file_can_have_is_an_error_of_the_policy()
    {
        Write("policy.json", """{ "rules": [] }""");
        using var current = Create();
        var before = current.Policy;
        Write("policy.json", """{ "lists": { "l": { "file": "a\u0000b" } }, "rules": [] }""");
        Assert.False(await current.ReloadAsync(isForced: false, Stop));
        Assert.False(await current.ReloadAsync(isForced: false, Stop));
        Assert.Same(before, current.Policy);
    }

    [Fact]
    public async Task A_link_that_is_moved_is_a_change()
    {
        Write("1.json", """{ "rules": [ { "name": "a", "then": "accept" } ] }""");
        Write("2.json", """{ "rules": [ { "name": "b", "then": "reject" } ] }""");
        var link = Path.Combine(_folder.Path, "policy.json");
        File.CreateSymbolicLink(link, "1.json");
        using var current = Create();
        await current.StartAsync(Stop);
        File.Delete(link);
        File.CreateSymbolicLink(link, "2.json");
        await Eventually.GetAsync(
            () =>
            {
                // The service sets its timer when it runs; until then the clock moves for nobody.
                _time.Advance(TimeSpan.FromSeconds(2));
                return current.Policy.Rules.Summary.Single().Name;
            },
            name => name == "b",
            TimeSpan.FromSeconds(30));
        await current.StopAsync(Stop);
    }

    [Fact]
    public async Task A_hangup_signal_is_a_reason_to_look_at_once()
    {
        // Without a handler the signal ends the process; that of the service may not be there yet.
        using var guard = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => context.Cancel = true);
        Write("policy.json", """{ "rules": [] }""");
        using var current = Create();
        await current.StartAsync(Stop);
        Write("policy.json", """{ "rules": [ { "name": "a", "then": "accept" } ] }""");

        // The clock stands still: only the signal can be the reason.
        await Eventually.GetAsync(
            async () =>
            {
                using var kill = Process.Start("kill", ["-HUP", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]);
                await kill.WaitForExitAsync(Stop);
                return current.Policy.Rules.Count;
            },
            count => count == 1,
            TimeSpan.FromSeconds(30));
        await current.StopAsync(Stop);
    }

    private CurrentPolicy Create(string? file = null) =>
        new(Options.Create(new MailkeyOptions { Policy = { File = file ?? Path.Combine(_folder.Path, "policy.json") } }), _time, NullLogger<CurrentPolicy>.Instance);

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder.Path, name), text);
}
