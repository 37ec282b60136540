using System.Text;
using Mailkey.Agreements.Decisions;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Agreements.Tests.Agreements;

/// <summary>The diagram and the table of a life cycle in its document, made from the rules.</summary>
internal static class LifecycleDocument
{
    /// <summary>States, and the commands that lead from one to another; what leaves the state as it is, is left out.</summary>
    public static string Diagram<TStatus>(Lifecycle<TStatus> rules, TStatus begin, IReadOnlyCollection<TStatus> ends)
        where TStatus : struct, Enum
    {
        var text = new StringBuilder("```mermaid\nstateDiagram-v2\n");
        foreach (var from in Enum.GetValues<TStatus>())
        {
            var edges = rules.Commands
                .SelectMany(command => rules[from, command].To, (command, to) => (command, to))
                .Where(edge => !edge.to.Equals(from))
                .GroupBy(edge => edge.to, edge => edge.command.Name)
                .OrderBy(group => group.Key);
            foreach (var edge in edges)
            {
                text.Append("    ").Append(from.Equals(begin) ? "[*]" : from).Append(" --> ").Append(edge.Key).Append(": ").AppendJoin(", ", edge).Append('\n');
            }
        }

        foreach (var end in ends)
        {
            text.Append("    ").Append(end).Append(" --> [*]\n");
        }

        return text.Append("```\n").ToString();
    }

    /// <summary>A row for each command, a column for each state.</summary>
    public static string Table<TStatus>(Lifecycle<TStatus> rules)
        where TStatus : struct, Enum
    {
        var states = Enum.GetValues<TStatus>();
        var text = new StringBuilder("| command | by |").AppendJoin("", states.Select(state => $" {state} |")).Append('\n');
        text.Append("|---|---|").AppendJoin("", states.Select(_ => "---|")).Append('\n');
        foreach (var command in rules.Commands)
        {
            text.Append("| ").Append(command.Name).Append(" | ").AppendJoin(", ", rules.ActorsOf(command).Select(KebabCase<ActorKind>.Word)).Append(" |");
            foreach (var state in states)
            {
                var rule = rules[state, command];
                text.Append(' ').Append(!rule.IsAllowed ? rule.Refusal is { } refusal ? $"`{refusal.Code}`" : "–" : string.Join(", ", rule.To.Select(to => to.Equals(state) ? "stays" : $"**{to}**"))).Append(" |");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>Compares the part of a document between two comments; with <c>MAILKEY_WRITE_DOCS=1</c> in the environment, writes it.</summary>
    public static void Verify(string document, string part, string expected)
    {
        var (begin, end) = ($"<!-- {part} -->\n", $"<!-- end of {part} -->");
        var path = Repository.PathOf(document);
        var text = File.ReadAllText(path);
        var start = text.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        var stop = text.IndexOf(end, StringComparison.Ordinal);
        Assert.True(start >= begin.Length && stop >= start, $"{document} has no part \"{part}\"");
        if (Environment.GetEnvironmentVariable("MAILKEY_WRITE_DOCS") == "1")
        {
            File.WriteAllText(path, $"{text[..start]}{expected}{text[stop..]}");
            return;
        }

        Assert.Equal(expected, text[start..stop]);
    }
}
