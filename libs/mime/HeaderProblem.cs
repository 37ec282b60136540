using System.Globalization;

namespace Mailkey.Mime;

/// <summary>What is wrong with a header block.</summary>
public enum HeaderProblemKind
{
    /// <summary>A line that is no field: no colon, or a name with an octet that RFC 5322 §2.2 does not allow, such as the space of <c>From :</c>.</summary>
    MalformedField,

    /// <summary>The block begins with a continuation line.</summary>
    LeadingWhiteSpace,

    /// <summary>A CR or LF that is not part of CRLF (RFC 5322 §2.3), or NUL.</summary>
    BareControl,

    /// <summary>An empty line inside the block.</summary>
    EmptyLine,

    /// <summary>More fields than <see cref="HeaderLimits.MaxFields"/>; the rest was not read.</summary>
    TooManyFields,

    /// <summary>A field longer than <see cref="HeaderLimits.MaxFieldSize"/>; the rest was not read.</summary>
    FieldTooLarge,
}

/// <summary>The first thing that is wrong with a header block.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Offset">Octets from the start of the block.</param>
public sealed record HeaderProblem(HeaderProblemKind Kind, int Offset)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kind} at octet {Offset}");
}
