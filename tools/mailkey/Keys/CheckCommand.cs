using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Mailkey.Tool.Keys;

/// <summary><c>mailkey check</c></summary>
internal static class CheckCommand
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static Command Create(ToolConsole console, TimeProvider time)
    {
        var domain = new Argument<string>("domain") { Description = "Domain of an envelope sender." };
        var resolver = Discovery.ResolverOption();
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var command = new ToolCommand(
            "check",
            "Do what a receiver would do with a domain, and say what is wrong.",
            """
            Looks for the key set by DNS and HTTPS, reads it, and names each problem with its remedy. Nothing is
            kept and nothing cached, so that what was just published is seen as soon as DNS shows it.

            When the database of this place can be reached, it also says what the verifiers remember: the highest
            serial, when a key set was last seen, since when a publisher is gone and until when its mail is put off.

            Exit code: 0 a set exists and has no problem; 1 something is to be mended, or nothing is published;
            2 DNS or the host gave no answer to judge by.

            Examples:
              mailkey check example.org
              mailkey check example.org --resolver 127.0.0.1:5353
              mailkey check example.org --json | jq .problems
            """)
        { domain, resolver, json };
        command.SetAction((result, cancellationToken) =>
            RunAsync(console, time, result.GetRequiredValue(domain), result.GetValue(resolver), result.GetValue(json), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ToolConsole console, TimeProvider time, string domain, string? resolver, bool json, CancellationToken cancellationToken)
    {
        if (!Discovery.TryBuild(resolver, time, out var services, out var error))
        {
            return console.Fail(error);
        }

        await using (services)
        {
            var findings = await services.GetRequiredService<DomainInspection>().InspectAsync(domain, cancellationToken);
            var memory = DomainName.TryNormalize(findings.Domain, out var name)
                ? await ReceiverMemory.RecallAsync(name, services.GetRequiredService<IOptions<MailkeyOptions>>().Value, cancellationToken)
                : new();
            findings = findings with { Problems = [.. findings.Problems, .. memory.Problems(findings)] };
            if (json)
            {
                var document = JsonSerializer.SerializeToNode(findings, Json)!;
                document["memory"] = JsonSerializer.SerializeToNode(memory, Json);
                await console.Text.WriteLineAsync(document.ToJsonString(Json));
            }
            else
            {
                Print(console.Text, findings, memory);
            }

            return findings.State == KeyHostState.Unknown ? ExitCode.NotDone : findings.Problems.Count == 0 ? ExitCode.Yes : ExitCode.No;
        }
    }

    private static void Print(TextWriter text, DomainFindings findings, ReceiverMemory memory)
    {
        text.WriteLine($"{findings.Domain}: {findings.State switch { KeyHostState.Exists => "publishes a key set", KeyHostState.Absent => "publishes no key set", _ => "can't be judged now" }}");
        text.WriteLine($"  {findings.Reason}");
        foreach (var step in findings.Steps)
        {
            text.WriteLine($"    {step}");
        }

        if (findings.State == KeyHostState.Exists)
        {
            text.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  found by {findings.Source} at {findings.Host}{(findings.Serial is { } serial ? $", serial {serial}" : "")}, kept for {findings.MaxAge.TotalSeconds:0} s{(findings.ReportUrl is { } url ? $", reports to {url}" : "")}"));
            foreach (var key in findings.Keys)
            {
                var state = key.Status == KeyStatus.Revoked ? "revoked" : key.Test ? "for tests only" : "active";
                var size = key is { Type: KeyType.Rsa, Bits: > 0 } ? string.Create(CultureInfo.InvariantCulture, $" {key.Bits} bits") : "";
                text.WriteLine($"  key {key.Name}: {(key.Type == KeyType.Rsa ? "rsa" : "ed25519")}{size}, {state}{(key.Note is null ? "" : $", note: {key.Note}")}");
            }
        }

        memory.Print(text);
        foreach (var problem in findings.Problems)
        {
            text.WriteLine($"problem: {problem.What}");
            text.WriteLine($"    fix: {problem.Fix}");
        }

        foreach (var record in findings.RecordsToPublish)
        {
            text.WriteLine($"publish: {record}");
        }

        if (findings.Problems.Count == 0)
        {
            text.WriteLine("No problem found.");
        }
    }
}
