using System.Net;

namespace Mailkey.Spf.Tests.Suite;

/// <summary>Every case of the public suite, against name servers that have its zones.</summary>
public sealed class Rfc7208SuiteTests(SuiteServers servers) : IClassFixture<SuiteServers>
{
    public static IEnumerable<TheoryDataRow<string, string>> Cases() => Rfc7208Suite.Scenarios is { } scenarios
        ? scenarios.SelectMany(scenario => scenario.Cases.Select(test => new TheoryDataRow<string, string>(scenario.Description, test.Name)))
        : [new TheoryDataRow<string, string>("", "") { Skip = $"{Rfc7208Suite.File} is not there; MAILKEY_CORPORA names its folder" }];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Rfc7208_suite(string scenario, string name)
    {
        var zones = Rfc7208Suite.Scenarios!.Single(s => s.Description == scenario);
        var test = zones.Cases.Single(c => c.Name == name);
        var evaluator = await servers.EvaluatorAsync(zones);

        var result = await evaluator.EvaluateAsync(
            new() { Client = IPAddress.Parse(test.Host), ClientName = test.Helo, ReversePath = test.MailFrom, ReceiverName = "mx.example.test" },
            TestContext.Current.CancellationToken);

        Assert.True(test.Results.Contains(result.Word), $"{result.Word} instead of {string.Join(" or ", test.Results)}: {result.Directive} {result.Problem}");
        if (test.Explanation is { } explanation)
        {
            Assert.Equal(explanation == "DEFAULT" ? null : explanation, result.Explanation);
        }
    }
}
