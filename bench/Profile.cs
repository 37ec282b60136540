namespace Mailkey.Bench;

/// <summary>What a message brings along.</summary>
internal enum MailKind
{
    /// <summary>Signed with the mailkey of its domain; its client passes SPF.</summary>
    Mailkey,

    /// <summary>No signature; its domain publishes no mailkey, its client passes SPF.</summary>
    Unsigned,

    /// <summary>Signed with DKIM; its domain publishes no mailkey, its client passes SPF.</summary>
    Dkim,

    /// <summary>Of a domain with a mailkey, and not signed: refused.</summary>
    Forged,
}

/// <summary>One kind of load.</summary>
internal sealed record Profile(int BodySize, int Sessions, bool Reused, MailKind Kind = MailKind.Mailkey)
{
    public static readonly Profile Main = new(4096, 20, Reused: false);

    /// <summary>The main load with every kind of mail.</summary>
    public static IReadOnlyList<Profile> Kinds { get; } = [.. Enum.GetValues<MailKind>().Select(kind => Main with { Kind = kind })];

    public static IReadOnlyList<Profile> All { get; } =
    [
        .. from body in (int[])[4096, 51200] from sessions in (int[])[20, 1] from reused in (bool[])[false, true] select new Profile(body, sessions, reused),
        .. Kinds.Where(profile => profile != Main),
    ];

    /// <summary>Whether what is sent arrives.</summary>
    public bool IsAccepted => Kind != MailKind.Forged;

    public override string ToString() =>
        $"{BodySize / 1024} KiB, {Sessions} session{(Sessions == 1 ? "" : "s")}, {(Reused ? "connections reused" : "a connection per message")}{Kind switch
        {
            MailKind.Unsigned => ", unsigned",
            MailKind.Dkim => ", DKIM and SPF",
            MailKind.Forged => ", forged",
            _ => "",
        }}";

    /// <summary>Messages of one run, so that each takes a time of the same order.</summary>
    public int MessagesOf(int main) => Math.Max(200, main / (BodySize > 4096 ? 4 : 1) / (Sessions == 1 ? 4 : 1));
}

/// <summary>What one run of a profile showed.</summary>
internal sealed record Figures
{
    /// <summary>Messages a second that got their reply, for good or for bad.</summary>
    public required double AnsweredPerSecond { get; init; }

    /// <summary>Null where nothing is to arrive.</summary>
    public required double? DeliveredPerSecond { get; init; }

    /// <summary>What should have arrived at the sink less what did.</summary>
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
