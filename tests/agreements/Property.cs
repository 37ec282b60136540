using FsCheck;
using FsCheck.Fluent;

namespace Mailkey.Agreements.Tests;

/// <summary>One random step: which command, with what chance makes of it, after how many hours.</summary>
public sealed record Step(int Command, int Seed, int Hours);

/// <summary>Random lives.</summary>
internal static class Property
{
    /// <summary>Sequences of steps; a counterexample is made shorter by leaving out steps.</summary>
    public static Arbitrary<Step[]> Steps(int commands)
    {
        // Mostly the next hours, so that much happens before the first deadline; sometimes weeks.
        var step =
            from command in Gen.Choose(0, commands - 1)
            from seed in Gen.Choose(0, int.MaxValue - 1)
            from hours in Gen.Frequency((12, Gen.Choose(0, 12)), (3, Gen.Choose(13, 100)), (1, Gen.Choose(101, 1500)))
            select new Step(command, seed, hours);
        return Arb.From(step.ArrayOf(), Shrink);
    }

    public static void Check<T>(this Arbitrary<T> arbitrary, Action<T> body, int runs = 1000, int size = 100) =>
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(runs).WithEndSize(size).WithQuietOnSuccess(true), Prop.ForAll(arbitrary, body));

    private static IEnumerable<Step[]> Shrink(Step[] steps)
    {
        for (var length = steps.Length / 2; length > 0; length /= 2)
        {
            for (var i = 0; i + length <= steps.Length; i += length)
            {
                yield return [.. steps[..i], .. steps[(i + length)..]];
            }
        }
    }
}
