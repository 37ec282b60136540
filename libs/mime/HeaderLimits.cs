namespace Mailkey.Mime;

/// <summary>How much of a header block is looked at. What goes beyond is a <see cref="HeaderProblem"/>, never work without end.</summary>
/// <param name="MaxFields">Fields of a block. Long-lived threads with their trace and list fields stay below two hundred.</param>
/// <param name="MaxFieldSize">Octets of one field, folding included. A thousand addresses in one To field take about 60 kB.</param>
public sealed record HeaderLimits(int MaxFields, int MaxFieldSize)
{
    public static HeaderLimits Default { get; } = new(MaxFields: 2000, MaxFieldSize: 128 * 1024);
}
