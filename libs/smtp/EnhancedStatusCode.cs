using System.Globalization;

namespace Mailkey.Smtp;

/// <summary>An enhanced mail system status code: class.subject.detail (RFC 3463 §2).</summary>
public readonly record struct EnhancedStatusCode(int Class, int Subject, int Detail)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Class}.{Subject}.{Detail}");
}
