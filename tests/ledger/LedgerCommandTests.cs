using System.Text;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Tool;

namespace Mailkey.Ledger.Tests;

/// <summary><c>mailkey ledger</c>, on the ledger of agreements.</summary>
public sealed class LedgerCommandTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IAsyncLifetime
{
    private LedgerDatabase? _ledger;

    private LedgerDatabase Ledger => _ledger ?? throw new InvalidOperationException("not initialised");

    public async ValueTask InitializeAsync()
    {
        // As an operator gives it. No other class of this assembly reads the environment.
        Environment.SetEnvironmentVariable("MAILKEY_POSTGRES_CONNECTIONSTRING", postgres.ConnectionString);
        _ledger = await LedgerDatabase.CreateAsync(postgres, "agreements");
        await _ledger.ExecuteAsync("TRUNCATE agreements.mt_events, agreements.mt_streams");
        await _ledger.AppendAsync("one", new Opened("ann \u001b[31m"), new Paid(1, "EUR"));
        await _ledger.AppendAsync("two", new Opened("bob"));
        await _ledger.AppendAsync("one", new Paid(2, "EUR"));
    }

    public ValueTask DisposeAsync() => Ledger.DisposeAsync();

    [Fact]
    public async Task History_tells_one_stream()
    {
        var (exit, output, _) = await RunAsync("", "ledger", "history", "one");

        Assert.Equal(0, exit);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Count(line => line.EndsWith("by test", StringComparison.Ordinal)));
        Assert.Contains("opened", lines[0], StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", output, StringComparison.Ordinal);
        Assert.DoesNotContain("bob", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task History_is_told_as_it_was()
    {
        await Ledger.ExecuteAsync("UPDATE agreements.mt_events SET timestamp = timestamp - interval '2 days' WHERE stream_id = 'one' AND version = 1");

        Assert.Equal(1, (await RunAsync("", "ledger", "history", "one", "--as-of", "1d")).Output.Split('\n').Count(line => line.EndsWith("by test", StringComparison.Ordinal)));
        Assert.Equal(1, (await RunAsync("", "ledger", "history", "two", "--as-of", "1d")).Exit);
        Assert.Equal(2, (await RunAsync("", "ledger", "history", "two", "--as-of", "soon")).Exit);
    }

    [Fact]
    public async Task Exported_ledger_is_verified_without_a_database()
    {
        var (exit, export, _) = await RunAsync("", "ledger", "export");
        Assert.Equal(0, exit);
        Assert.Equal(4, export.Count(c => c == '\n'));

        Assert.Equal((0, "4 events in 2 streams: every hash fits.\n"), await VerifyAsync(export));

        var (code, output) = await VerifyAsync(export.Replace("\"amount\":1", "\"amount\":9", StringComparison.Ordinal));
        Assert.Equal(1, code);
        Assert.StartsWith("one, event 2: the hash does not fit", output, StringComparison.Ordinal);
        Assert.EndsWith("1 streams are broken.\n", output, StringComparison.Ordinal);

        var lines = export.Split('\n').ToList();
        lines.RemoveAt(1);
        Assert.Contains("one, event 3: event 2 is missing", (await VerifyAsync(string.Join('\n', lines))).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verification_gives_the_last_hashes()
    {
        var (exit, output, error) = await RunAsync("", "ledger", "verify", "--heads");

        Assert.Equal(0, exit);
        Assert.Matches("^one 3 [A-Za-z0-9+/]{43}=\ntwo 1 [A-Za-z0-9+/]{43}=\n$", output);
        Assert.Contains("every hash fits", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonsense\n")]
    [InlineData("{}\n")]
    [InlineData("{\"position\":1}\n")]
    public async Task File_that_is_no_ledger_is_named(string content)
    {
        var (exit, _, error) = await RunAsync(content, "ledger", "verify", "-");

        Assert.Equal(2, exit);
        Assert.Contains("line 1 is no event of a ledger", error, StringComparison.Ordinal);
    }

    private static async Task<(int Exit, string Output)> VerifyAsync(string export)
    {
        var (exit, output, _) = await RunAsync(export, "ledger", "verify", "-");
        return (exit, output);
    }

    private static async Task<(int Exit, string Output, string Error)> RunAsync(string input, params string[] arguments)
    {
        using var standardInput = new MemoryStream(Encoding.UTF8.GetBytes(input));
        using var output = new MemoryStream();
        await using var error = new StringWriter { NewLine = "\n" };
        await using var console = new ToolConsole(standardInput, output, error);
        var exit = await MailkeyTool.RunAsync(arguments, console, TestContext.Current.CancellationToken);
        return (exit, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }
}
