namespace Mailkey.Fuzz;

/// <summary>One parser under attack.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="Run">Feeds the parser; throws when it breaks a promise. A parser never throws by itself.</param>
/// <param name="Seeds">Inputs to begin with, good ones and old crashers.</param>
/// <param name="Tokens">Pieces that mean something to the parser.</param>
internal sealed record FuzzTarget(string Name, FuzzAction Run, IReadOnlyList<byte[]> Seeds, IReadOnlyList<byte[]> Tokens);

internal delegate void FuzzAction(ReadOnlySpan<byte> input);

/// <summary>A promise of a parser that an input broke.</summary>
internal sealed class BrokenPromiseException(string message) : Exception(message);
