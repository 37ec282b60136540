namespace Mailkey.Smtp;

/// <summary>Where a text stops to be what the grammar asks for, and why.</summary>
/// <param name="Position">Offset in octets from the beginning of the text.</param>
/// <param name="Reason">One of few constant texts: what was expected.</param>
public readonly record struct SyntaxError(int Position, string Reason)
{
    public override string ToString() => $"{Reason} (at octet {Position})";
}
