using System.Text;
using Mailkey.Testkit.Infrastructure;
using MassTransit;
using MassTransit.SagaStateMachine;

namespace Mailkey.Testkit.Sagas;

/// <summary>The diagram of a saga in its documentation, made from the state machine.</summary>
public static class StateMachineDiagram
{
    private const string Begin = "```mermaid\n";
    private const string End = "```";

    /// <summary>States (round) and the events (square) that lead from one to another, as a Mermaid flowchart; always in the same order.</summary>
    public static string Mermaid<TSaga>(SagaStateMachine<TSaga> machine)
        where TSaga : class, SagaStateMachineInstance
    {
        var graph = machine.GetGraph();
        var diagram = new StringBuilder("flowchart TB\n");
        foreach (var line in graph.Vertices.Select(vertex => $"    {Id(vertex)}{Shape(vertex)}").Order(StringComparer.Ordinal))
        {
            diagram.Append(line).Append('\n');
        }

        foreach (var line in graph.Edges.Select(edge => $"    {Id(edge.From)} --> {Id(edge.To)}").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            diagram.Append(line).Append('\n');
        }

        return diagram.ToString();
    }

    /// <summary>
    /// Fails when the first Mermaid block of a document is not the diagram of the machine. With <c>MAILKEY_WRITE_DOCS=1</c> in
    /// the environment it writes the block instead.
    /// </summary>
    /// <param name="machine">The state machine.</param>
    /// <param name="document">Path in the repository, such as <c>docs/sagas/advisory.md</c>.</param>
    public static void VerifyDocument<TSaga>(SagaStateMachine<TSaga> machine, string document)
        where TSaga : class, SagaStateMachineInstance
    {
        var path = Repository.PathOf(document);
        var expected = Mermaid(machine);
        var text = File.Exists(path) ? File.ReadAllText(path) : "";
        var begin = text.IndexOf(Begin, StringComparison.Ordinal);
        var end = begin < 0 ? -1 : text.IndexOf(End, begin + Begin.Length, StringComparison.Ordinal);
        var block = end < 0 ? null : text[(begin + Begin.Length)..end];
        if (string.Equals(block, expected, StringComparison.Ordinal))
        {
            return;
        }

        if (Environment.GetEnvironmentVariable("MAILKEY_WRITE_DOCS") != "1")
        {
            throw new InvalidOperationException($"{document} does not show {machine.GetType().Name} as it is. Run the test with MAILKEY_WRITE_DOCS=1, or put in:\n{expected}");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, block is null ? $"{text}{Begin}{expected}{End}\n" : $"{text[..(begin + Begin.Length)]}{expected}{text[end..]}");
    }

    private static bool IsState(Vertex vertex) => vertex.VertexType == typeof(State);

    // A name may be that of a state and of an event.
    private static string Id(Vertex vertex) => (IsState(vertex) ? "state_" : "event_") + vertex.Title.Replace('.', '_');

    private static string Shape(Vertex vertex) => IsState(vertex) ? $"([{vertex.Title}])" : $"[{vertex.Title}]";
}
