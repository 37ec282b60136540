using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Mailkey.Fuzz;

// Crashers stay in fuzz/crashers/<target>/ and are seeds from then on; `replay` runs them alone.
var root = args.Length > 0 ? args[0] : "";
var command = args.Length > 1 ? args[1] : "help";
var crashers = Path.Combine(root, "fuzz", "crashers");
if (command == "replay")
{
    return Replay();
}

if (command == "list")
{
    foreach (var target in Targets.All)
    {
        Console.WriteLine(target.Name);
    }

    return 0;
}

var chosen = Targets.All.Where(target => command == "all" || target.Name == command).ToList();
if (chosen.Count == 0)
{
    Console.Error.WriteLine($"No target \"{command}\"; fuzz/run list names them.");
    return 2;
}

var seconds = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 60;
var seed = args.Length > 3 ? int.Parse(args[3], CultureInfo.InvariantCulture) : Random.Shared.Next();
return chosen.Sum(target => Fuzz(target, TimeSpan.FromSeconds(seconds), seed)) == 0 ? 0 : 1;

int Fuzz(FuzzTarget target, TimeSpan time, int seedOfRandom)
{
    var random = new Random(seedOfRandom);
    var mutator = new Mutator(random, target.Tokens);
    List<byte[]> pool = [.. target.Seeds, .. Kept(target)];
    var clock = Stopwatch.StartNew();
    long runs = 0;
    while (clock.Elapsed < time)
    {
        var input = mutator.Mutate(pool[random.Next(pool.Count)], pool[random.Next(pool.Count)]);
        runs++;
        if (Breaks(target, input) is { } reason)
        {
            var file = Path.Combine(crashers, target.Name, Convert.ToHexStringLower(SHA256.HashData(input))[..16]);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllBytes(file, input);
            Console.WriteLine($"{target.Name}: {reason}\n  {file} (seed {seedOfRandom}, run {runs})");
            return 1;
        }

        // Walks on from what it made, so that damage adds up.
        if (pool.Count < 4096)
        {
            pool.Add(input);
        }
        else
        {
            pool[random.Next(target.Seeds.Count, pool.Count)] = input;
        }
    }

    Console.WriteLine($"{target.Name}: {runs} inputs, nothing broke (seed {seedOfRandom})");
    return 0;
}

int Replay()
{
    var broken = 0;
    var run = 0;
    foreach (var target in Targets.All)
    {
        foreach (var input in target.Seeds.Concat(Kept(target)))
        {
            run++;
            if (Breaks(target, input) is { } reason)
            {
                broken++;
                Console.WriteLine($"{target.Name}: {reason}");
            }
        }
    }

    Console.WriteLine($"{run} inputs replayed, {broken} broke a promise");
    return broken == 0 ? 0 : 1;
}

IEnumerable<byte[]> Kept(FuzzTarget target)
{
    var folder = Path.Combine(crashers, target.Name);
    return Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : [];
}

static string? Breaks(FuzzTarget target, byte[] input)
{
    // Far above what a linear parser needs for 16 KiB, far below what an accident of the machine takes.
    var limit = TimeSpan.FromSeconds(2);
    var started = Stopwatch.GetTimestamp();
    try
    {
        target.Run(input);
    }
    catch (Exception e)
    {
        return $"{e.GetType().Name}: {e.Message}";
    }

    return Stopwatch.GetElapsedTime(started) > limit ? "took more than 2 s" : null;
}
