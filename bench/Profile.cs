namespace Mailkey.Bench;

/// <summary>One kind of load.</summary>
internal sealed record Profile(int BodySize, int Sessions, bool Reused)
{
    public static readonly Profile Main = new(4096, 20, Reused: false);

    public static IReadOnlyList<Profile> All { get; } =
        [.. from body in (int[])[4096, 51200] from sessions in (int[])[20, 1] from reused in (bool[])[false, true] select new Profile(body, sessions, reused)];

    public override string ToString() => $"{BodySize / 1024} KiB, {Sessions} session{(Sessions == 1 ? "" : "s")}, {(Reused ? "connections reused" : "a connection per message")}";

    /// <summary>Messages of one run, so that each takes a time of the same order.</summary>
    public int MessagesOf(int main) => Math.Max(200, main / (BodySize > 4096 ? 4 : 1) / (Sessions == 1 ? 4 : 1));
}

/// <summary>What one run of a profile showed.</summary>
internal sealed record Figures
{
    public required double AcceptedPerSecond { get; init; }
    public required double DeliveredPerSecond { get; init; }

    /// <summary>Sent less arrived at the sink.</summary>
    public required int Lost { get; init; }

    /// <summary>Milliseconds from connecting (reused connections: from MAIL) to the final reply.</summary>
    public required double TransactionP50 { get; init; }
    public required double TransactionP99 { get; init; }

    /// <summary>Milliseconds from the final dot to its reply.</summary>
    public required double DotP50 { get; init; }
    public required double DotP99 { get; init; }

    /// <summary>CPU seconds per 1000 messages by process.</summary>
    public required IReadOnlyDictionary<string, double> Cpu { get; init; }

    /// <summary>The same of the senders and the sink.</summary>
    public required double OtherCpu { get; init; }
}
