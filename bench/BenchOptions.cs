using System.Globalization;

namespace Mailkey.Bench;

/// <summary>What to measure, from the command line of <c>bench/run</c>.</summary>
internal sealed record BenchOptions
{
    /// <summary>Messages of one run at 4 KiB and 20 sessions; other profiles take fewer in proportion to their cost.</summary>
    public int Messages { get; init; } = 3000;

    /// <summary>Runs of each profile, in rounds through all of them; the median is reported.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>Messages sent before anything is measured: by then the services have compiled what they use often.</summary>
    public int WarmUp { get; init; } = 10_000;

    public int Verifiers { get; init; } = 1;

    /// <summary>The main profile only: 4 KiB, 20 sessions, a connection per message.</summary>
    public bool Quick { get; init; }

    /// <summary>The main load with every kind of mail, and nothing else.</summary>
    public bool Kinds { get; init; }

    /// <summary>Configuration of the services, as environment variables.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Events of a ledger to replay, instead of sending mail; 0 for mail.</summary>
    public int Ledger { get; init; }

    /// <summary>Agreements to look up, up to so many rows, instead of sending mail; 0 for mail.</summary>
    public int Lookups { get; init; }

    /// <summary>Serve until a command ends, whose text says how to reach the system; instead of measuring.</summary>
    public string? Around { get; init; }

    /// <summary>File that gets the report; null: standard output only.</summary>
    public string? Output { get; init; }

    public static BenchOptions Parse(string[] args)
    {
        var options = new BenchOptions();
        for (var i = 0; i < args.Length; i++)
        {
            string Value() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[^1]} needs a value");
            options = args[i] switch
            {
                "--messages" => options with { Messages = int.Parse(Value(), CultureInfo.InvariantCulture) },
                "--rounds" => options with { Rounds = int.Parse(Value(), CultureInfo.InvariantCulture) },
                "--warm-up" => options with { WarmUp = int.Parse(Value(), CultureInfo.InvariantCulture) },
                "--verifiers" => options with { Verifiers = int.Parse(Value(), CultureInfo.InvariantCulture) },
                "--quick" => options with { Quick = true },
                "--kinds" => options with { Kinds = true },
                "--set" when Value().Split('=', 2) is [var key, var value] => options with { Settings = options.Settings.Append(new(key, value)).ToDictionary(StringComparer.Ordinal) },
                "--ledger" => options with { Ledger = int.Parse(Value(), CultureInfo.InvariantCulture) },
                "--lookups" => options with { Lookups = int.Parse(Value(), CultureInfo.InvariantCulture) },
                "--around" => options with { Around = Value() },
                "--output" => options with { Output = Value() },
                _ => throw new ArgumentException($"unknown option {args[i]}"),
            };
        }

        return options;
    }
}
