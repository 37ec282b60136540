using System.Text;
using System.Text.Json.Nodes;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Organizations;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Tool;

namespace Mailkey.Agreements.Tests.Api;

/// <summary><c>mailkey agreements</c> against the running service, as a forwarder, a user and an operator would use it.</summary>
public sealed class AgreementsCommandTests(ApiWorld world) : IClassFixture<ApiWorld>, IDisposable
{
    private readonly TemporaryFolder _folder = new("agreements-command");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_forwarder_and_an_operator_come_to_an_agreement_by_command()
    {
        await using var host = await ApiHost.StartAsync(world);
        var forwarder = await world.ForwarderAsync();
        var alice = $"alice{Guid.NewGuid():N}@b.example";
        var keyFile = Path.Combine(_folder.Path, "2026a.pem");
        await File.WriteAllTextAsync(keyFile, forwarder.Key.ExportPem(), Stop);
        string[] signed = ["-k", keyFile, "--as", forwarder.KeyId];

        Task<(int Exit, string Output, string Error)> RunAsync(string account, params string[] arguments) =>
            ToolAsync(account.Split('@')[0], ["agreements", .. arguments, "--url", host.Address.ToString(), .. account.Length > 0 ? ["-a", account] : signed]);

        // Contact says what to publish.
        string[] contact = ["contact", forwarder.Domain, "--contact", $"postmaster@{forwarder.Domain}", "--callback", $"https://{forwarder.Domain}/"];
        var (exit, output, error) = await RunAsync("", contact);
        Assert.True(exit == 0, error);
        Assert.Contains("status: awaiting-proof", output, StringComparison.Ordinal);
        Assert.Contains($"publish: _mailkey-agreements.{forwarder.Domain}. TXT \"mailkey-agreements=", output, StringComparison.Ordinal);
        string[] propose = ["propose", alice, "--category", "newsletter", "--subscription", "weekly", "--name", "Weekly \u001b[31mnews", "--rate", "10"];

        // What hides in a name is refused first of all.
        Assert.Equal(
            (1, "mailkey: The proposal cannot be read. account, displayName: one line of visible characters. [proposal-invalid]\n"), await FailedAsync(RunAsync("", propose)));
        propose[7] = "Weekly news";
        Assert.Equal((1, "mailkey: The organisation has not yet proven its key and its domain. [proof-first]\n"), await FailedAsync(RunAsync("", propose)));

        Assert.Null((await host.Organizations.DecideAsync(forwarder.Domain, new Prove(new(ActorKind.System, "test"), OrganizationProof.Dns, "record"), null, Stop)).Refusal);
        Assert.Contains("status: verified", (await RunAsync(TestAccounts.Operator, "approve", forwarder.Domain, "--reason", "known")).Output, StringComparison.Ordinal);
        Assert.Contains("trust: probation", (await RunAsync("", "show", forwarder.Domain)).Output, StringComparison.Ordinal);
        Assert.Equal((1, "mailkey: This is for somebody else to do. [not-allowed]\n"), await FailedAsync(RunAsync("", "approve", forwarder.Domain)));

        // Twice is once.
        var proposed = JsonNode.Parse((await RunAsync("", [.. propose, "--json"])).Output)!;
        var id = (string)proposed["id"]!;
        Assert.Equal(id, (string?)JsonNode.Parse((await RunAsync("", [.. propose, "--json"])).Output)!["id"]);
        await host.AcceptProofAsync(id);
        Assert.Equal("active-probation", (await host.SendAsync(alice, HttpMethod.Post, $"/v1/agreements/{id}/decisions", new { decision = "consent", text = "The weekly news?" }))["state"]);

        var renegotiated = await RunAsync("", "renegotiate", id, "--rate", "50");
        Assert.Contains("state: renegotiating\nwaitsFor: user\n", renegotiated.Output, StringComparison.Ordinal);
        Assert.Contains("terms 2 (pending, by forwarder): {\"dnsbl\":\"check\"", renegotiated.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(alice, "renegotiate", id, "--accept", "2", "--text", "50 a day")).Exit);
        Assert.Equal((2, "mailkey: name a term, such as --rate 500, or --accept, --decline or --withdraw with a version.\n"), await FailedAsync(RunAsync(alice, "renegotiate", id)));
        Assert.Contains("terms-agreed  by user:alice", (await RunAsync(alice, "history", id)).Output, StringComparison.Ordinal);
        Assert.DoesNotContain("alice", (await RunAsync("", "history", id)).Output, StringComparison.Ordinal);

        await host.RegisteredAsync(id, 6);
        Assert.Equal($"active-probation  newsletter  {forwarder.Domain}  {alice}  weekly  {id}\n", (await RunAsync(alice, "list", "--by-category")).Output);
        Assert.Equal("none\n", (await RunAsync("", "list", "--status", "revoked")).Output);
        Assert.Contains($"\"id\":\"{id}\"", Assert.Single((await RunAsync("", "export")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.StartsWith("{\"count\":1,", (await RunAsync("", "export", "--digest")).Output, StringComparison.Ordinal);
        Assert.Contains("state: revoked", (await RunAsync(alice, "revoke", id, "--reason", "enough & more")).Output, StringComparison.Ordinal);
        Assert.Equal((1, "mailkey: There is no such agreement. [unknown-agreement]\n"), await FailedAsync(RunAsync(alice, "show", "nothing")));
        Assert.Equal((1, "mailkey: The account or the password is wrong. [credentials-rejected]\n"), await FailedAsync(
            ToolAsync("wrong", ["agreements", "list", "--url", host.Address.ToString(), "-a", alice])));
    }

    [Fact]
    public async Task Command_says_how_it_is_used_and_what_is_missing()
    {
        var (exit, output, _) = await ToolAsync("", ["agreements", "--help"]);
        Assert.Equal(0, exit);
        Assert.Contains("mailkey agreements propose ann@example.org", output, StringComparison.Ordinal);
        foreach (var name in (string[])["contact", "list", "show", "history", "propose", "approve", "refuse", "renegotiate", "revoke", "export"])
        {
            (exit, output, _) = await ToolAsync("", ["agreements", name, "--help"]);
            Assert.Equal(0, exit);
            Assert.Contains($"mailkey agreements {name} ", output, StringComparison.Ordinal);
        }

        Assert.Equal((2, "mailkey: give --account, or --key with --as.\nSee: mailkey agreements list --help\n"), await FailedAsync(ToolAsync("", ["agreements", "list"])));
        Assert.Equal(
            (2, "mailkey: --key goes with --as domain/key.\nSee: mailkey agreements list --help\n"), await FailedAsync(ToolAsync("", ["agreements", "list", "-k", "x.pem", "--as", "x"])));
        var (nobody, error) = await FailedAsync(ToolAsync("secret", ["agreements", "list", "-a", "a@b.example", "--url", "http://127.0.0.1:1"]));
        Assert.Equal(2, nobody);
        Assert.Contains("http://127.0.0.1:1 does not answer", error, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static async Task<(int Exit, string Error)> FailedAsync(Task<(int Exit, string Output, string Error)> run)
    {
        var (exit, output, error) = await run;
        Assert.Equal("", output);
        return (exit, error.ReplaceLineEndings("\n"));
    }

    private static async Task<(int Exit, string Output, string Error)> ToolAsync(string password, string[] arguments)
    {
        using var input = new MemoryStream(Encoding.UTF8.GetBytes($"{password}\n"));
        using var output = new MemoryStream();
        await using var error = new StringWriter();
        await using var console = new ToolConsole(input, output, error);
        var exit = await MailkeyTool.RunAsync(arguments, console, Stop);
        return (exit, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }
}
