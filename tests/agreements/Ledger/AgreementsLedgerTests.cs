using System.Text;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Ledger;
using Mailkey.Agreements.Tests.Agreements;
using Mailkey.Hosting;
using Mailkey.Ledger.Events;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Mailkey.Tool;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mailkey.Agreements.Tests.Ledger;

/// <summary>Decisions, ledger, read models and the operator's command, on a real database.</summary>
public sealed class AgreementsLedgerTests(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Life_of_an_agreement_is_decided_stored_shown_verified_and_replayed()
    {
        // As an operator gives it. No other class of this assembly reads the environment.
        Environment.SetEnvironmentVariable("MAILKEY_POSTGRES_CONNECTIONSTRING", postgres.ConnectionString);
        await using var service = await StartAsync();
        var agreements = service.Services.GetRequiredService<Aggregates<AgreementState>>();
        var id = AgreementId.Mint();
        var story = Story.At(AgreementStatus.ActiveProbation);

        // The story's commands, one decision each, as the service will make them.
        foreach (var (happened, actor) in story.Events.Select(e => (e, e is ConsentGiven ? Story.User : Story.Forwarder)))
        {
            await agreements.DecideAsync(id.StreamId, _ => ((IReadOnlyList<object>)[happened], true), actor.ToString(), cause: null, Stop);
        }

        var (stream, decision) = await agreements.DecideAsync(
            id.StreamId,
            state =>
            {
                var decided = Agreement.Decide(state, new Pause(Story.User), AgreementPolicy.Default, story.Now);
                return (decided.Events, decided);
            },
            Story.User.ToString(),
            "request-1",
            Stop);
        Assert.Null(decision.Refusal);
        Assert.Equal(AgreementStatus.Suspended, stream.State.Status);
        Assert.Equal(AgreementStatus.Suspended, (await agreements.LoadAsync(id.StreamId, null, Stop)).State.Status);

        await using var database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await Eventually.GetAsync(() => RowAsync(database, id), row => row == "alice@b.example a.example mailing-list suspended", Limit, () => "read model is behind");

        var (exit, history) = await RunAsync("ledger", "history", id.StreamId);
        Assert.Equal(0, exit);
        Assert.Contains("consent-given  by user:alice@b.example", history, StringComparison.Ordinal);
        Assert.Contains("agreement-paused  by user:alice@b.example", history, StringComparison.Ordinal);
        Assert.Equal((0, $"{stream.Version} events in 1 streams: every hash fits.\n"), await RunAsync("ledger", "verify"));

        (exit, var replay) = await RunAsync("ledger", "replay");
        Assert.Equal(0, exit);
        Assert.Contains($"agreement-list: {stream.Version} events, 1 rows", replay, StringComparison.Ordinal);

        await using (var tamper = database.CreateCommand("UPDATE agreements.agreement_list SET status = 'active-established'"))
        {
            await tamper.ExecuteNonQueryAsync(Stop);
        }

        (exit, replay) = await RunAsync("ledger", "replay");
        Assert.Equal(1, exit);
        Assert.Contains("NOT equal to the live one", replay, StringComparison.Ordinal);
        Assert.Contains("only live, agreement_list", replay, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("ledger", "replay", "--replace")).Exit);
        Assert.EndsWith("suspended", await RowAsync(database, id), StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("ledger", "replay")).Exit);

        // A newsletter of the same forwarder for the same user, proposed afterwards.
        var newsletter = AgreementId.Mint();
        var proposed = (AgreementProposed)story.Events[0] with { Category = "newsletter", Subscription = "offers.a.example" };
        await agreements.DecideAsync(newsletter.StreamId, _ => ((IReadOnlyList<object>)[proposed], true), Story.Forwarder.ToString(), cause: null, Stop);
        await agreements.DecideAsync(id.StreamId, state => ((IReadOnlyList<object>)Agreement.Decide(state, new Resume(Story.User), AgreementPolicy.Default, story.Now).Events, true), Story.User.ToString(), cause: null, Stop);
        await Eventually.GetAsync(() => RowAsync(database, newsletter), row => row.Contains("newsletter", StringComparison.Ordinal), Limit, () => "read model is behind");

        foreach (var whose in (string[])["alice@B.example", "a.example"])
        {
            var told = await LinesAsync(whose);
            Assert.Contains(newsletter.StreamId, told[^2], StringComparison.Ordinal);
            Assert.Contains("agreement-resumed", told[^1], StringComparison.Ordinal);

            var byCategory = await LinesAsync(whose, "--by-category");
            Assert.Contains("agreement-resumed", byCategory[^2], StringComparison.Ordinal);
            Assert.Contains(newsletter.StreamId, byCategory[^1], StringComparison.Ordinal);

            Assert.Contains(newsletter.StreamId, Assert.Single(await LinesAsync(whose, "--category", "newsletter")), StringComparison.Ordinal);
        }

        Assert.Equal(1, (await RunAsync("ledger", "history", "bob@b.example")).Exit);
    }

    // The first line of each event.
    private static async Task<string[]> LinesAsync(params string[] arguments) =>
        [.. (await RunAsync(["ledger", "history", .. arguments])).Output.Split('\n').Where(line => line.Contains("  in agreement-", StringComparison.Ordinal))];

    private static async Task<string> RowAsync(NpgsqlDataSource database, AgreementId id)
    {
        await using var command = database.CreateCommand("SELECT concat_ws(' ', account, forwarder, category, status) FROM agreements.agreement_list WHERE id = $1");
        command.Parameters.Add(new() { Value = id.StreamId });
        return await command.ExecuteScalarAsync(Stop) as string ?? "";
    }

    private static async Task<(int Exit, string Output)> RunAsync(params string[] arguments)
    {
        using var output = new MemoryStream();
        await using var error = new StringWriter();
        await using var console = new ToolConsole(Stream.Null, output, error);
        var exit = await MailkeyTool.RunAsync(arguments, console, Stop);
        Assert.True(exit != ExitCode.NotDone, error.ToString());
        return (exit, Encoding.UTF8.GetString(output.ToArray()));
    }

    private async Task<WebApplication> StartAsync()
    {
        // Without a broker nobody but the test decides anything.
        var builder = ServiceHost.CreateBuilder("agreements", ["--Mailkey:Http:Port=0", $"--Mailkey:Postgres:ConnectionString={postgres.ConnectionString}", "--Mailkey:RabbitMq:Uri=amqp://127.0.0.1:1/"]);
        builder.Logging.ClearProviders();
        builder.Services.AddAgreements();
        var service = builder.Build();
        await service.StartAsync(Stop);
        return service;
    }
}
