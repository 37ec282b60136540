using System.Globalization;

namespace Mailkey.Policy.Reading;

/// <summary>Something wrong in a policy file or in a list that it names.</summary>
/// <param name="File">As it was given.</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1, in characters.</param>
/// <param name="Message">What is wrong and what is expected.</param>
public sealed record PolicyError(string File, int Line, int Column, string Message)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}:{Column}: {Message}");
}
