using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Scenarios.Tests;

/// <summary>The rules of a receiver over real processes: two verifiers, one database, one file that changes.</summary>
public sealed class Policy_file_decides_and_changes_within_a_session : IAsyncLifetime
{
    private const string From = "alice@unpublished.test";
    private const string To = "bob@example.test";

    private readonly TemporaryFolder _folder = new("policy");
    private OwnSystem _own = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string PolicyFile => Path.Combine(_folder.Path, "policy.json");

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(PolicyFile, """
            {
              // For the test: a wait that a test can wait for
              "rules": [ { "name": "strangers", "then": { "greylist": { "delay": "2s" } } } ],
            }
            """, Cancellation);
        _own = await OwnSystem.PrepareAsync(["unpublished.test. 300 IN A 127.0.0.1"], new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["MAILKEY_POLICY_FILE"] = PolicyFile,
            ["MAILKEY_POLICY_RELOADINTERVAL"] = "00:00:00.2",
        });
        await _own.System.StartAsync(["delivery", "verifier-1", "verifier-2", "ingress"], Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_own is not null)
        {
            await _own.DisposeAsync();
        }

        _folder.Dispose();
    }

    [Fact]
    public async Task Greylisting_then_another_policy_and_quarantine()
    {
        using var session = await Client.ConnectAsync(_own.System.SmtpPort, Cancellation);

        // A stranger is put off, by name, and taken when it comes again after the wait, by whichever verifier.
        var first = await SendAsync(session, "grey");
        Assert.StartsWith("451 4.7.1 First mail from your network", first, StringComparison.Ordinal);
        Assert.Contains("(rule strangers)", first, StringComparison.Ordinal);
        await _own.EventuallyAsync(() => SendAsync(session, "grey"), reply => reply.StartsWith("250 ", StringComparison.Ordinal));

        // A broken file changes nothing, and is complained about.
        await ReplaceAsync("""{ "rules": [ { "name": "strangers", "then": "qarantine" } ] }""");
        await _own.EventuallyAsync(
            () => Task.FromResult(_own.System.Logs(200)), log => log.Contains(":1:45: \"qarantine\" is no outcome (did you mean \"quarantine\"?)", StringComparison.Ordinal));
        Assert.StartsWith("250 ", await SendAsync(session, "still"), StringComparison.Ordinal);

        // The next transaction of the same session meets the new policy.
        await ReplaceAsync("""{ "rules": [ { "name": "now-refused", "then": { "reject": "Not today" } } ] }""");
        await _own.EventuallyAsync(() => SendAsync(session, "refused"), reply => reply.StartsWith("550 5.7.1 Not today (rule now-refused)", StringComparison.Ordinal));

        await ReplaceAsync("""{ "rules": [ { "name": "mark", "then": { "tag": { "field": "X-Stranger" } } }, { "name": "apart", "then": "quarantine" } ] }""");
        var apart = Path.Combine(_own.System.DataFolder, "maildirs/example.test/bob/.Quarantine/new");
        var file = await _own.EventuallyAsync<string?>(
            async () =>
            {
                // Each verifier sees the change for itself.
                await SendAsync(session, "apart");
                return Directory.Exists(apart) ? Directory.GetFiles(apart).FirstOrDefault() : null;
            },
            found => found is not null);
        var delivered = await File.ReadAllTextAsync(file!, Cancellation);
        Assert.Contains("\nX-Mailkey-Quarantine: apart\nX-Stranger: mark\n", delivered, StringComparison.Ordinal);
        Assert.Contains("Subject: apart\n", delivered, StringComparison.Ordinal);
    }

    private static Task<string> SendAsync(Client session, string id) =>
        session.SendAsync(From, [To], SenderDomain.Message(From, To, id), Cancellation);

    // As editors and configuration managers do it: another file under the name.
    private async Task ReplaceAsync(string json)
    {
        var next = PolicyFile + ".new";
        await File.WriteAllTextAsync(next, json, Cancellation);
        File.Move(next, PolicyFile, overwrite: true);
    }
}
