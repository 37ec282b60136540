using System.CommandLine;

namespace Mailkey.Tool.Policy;

/// <summary><c>mailkey policy</c></summary>
internal static class PolicyCommand
{
    public static Command Create(ToolConsole console, TimeProvider time) => new ToolCommand(
        "policy",
        "Check, explain and try out what this receiver does with mail.",
        """
        A policy is a stage (Mailkey:Policy:Stage) and a file of rules (Mailkey:Policy:File). docs/policy.md tells how to
        write one. The way from watching to requiring:

          mailkey policy forecast --stage require-all --since 24h    whom would it hit?
          mailkey policy check new.json                              is the file well formed?
          mailkey policy replay --policy new.json --since 7d         what would have been different?
          mailkey policy explain new.json --from a@example.org --client 192.0.2.1 --to b@example.net --spf fail
        """)
    {
        CheckPolicyCommand.Create(console),
        ExplainPolicyCommand.Create(console, time),
        ReplayPolicyCommand.CreateForecast(console, time),
        ReplayPolicyCommand.Create(console, time),
    };
}
