using Mailkey.Hosting.Options;
using Mailkey.Policy;
using Mailkey.Policy.Reading;

namespace Mailkey.Tool.Policy;

/// <summary>The policy that a command line names.</summary>
internal static class PolicySource
{
    /// <summary>The word for the policy that the services are configured with.</summary>
    public const string Current = "current";

    /// <summary>Reads a policy; says all that is wrong with it.</summary>
    /// <param name="file">A file; <see cref="Current"/> or null for the configured one, if any.</param>
    /// <param name="stage">Null for the configured one.</param>
    public static ReceiverPolicy? Read(ToolConsole console, MailkeyOptions options, string? file, string? stage)
    {
        StagePolicy stagePolicy;
        if ((stage ?? options.Policy.Stage) is var name && StagePolicy.ParseStage(name) is { } parsed)
        {
            stagePolicy = new(parsed, options.Policy.RequiredDomains);
        }
        else
        {
            console.Fail($"\"{Journal.LifeOfMessage.Text(name)}\" is no stage: it is one of {StagePolicy.StageNames}.");
            return null;
        }

        var path = file is null or Current ? options.Policy.File : file;
        if (path.Length == 0)
        {
            return new(stagePolicy, PolicyRules.None);
        }

        return Rules(console, path) is { } rules ? new(stagePolicy, rules) : null;
    }

    /// <summary>Reads a policy file; prints all of its errors.</summary>
    public static PolicyRules? Rules(ToolConsole console, string path)
    {
        var file = PolicyFile.Load(path);
        foreach (var error in file.Errors)
        {
            console.Error.WriteLine(error.ToString());
        }

        return file.Rules;
    }
}
