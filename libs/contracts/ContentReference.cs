namespace Mailkey.Contracts;

/// <summary>Where the content store keeps a message.</summary>
public sealed record ContentReference
{
    /// <summary>Opaque to everybody but the content store.</summary>
    public required string Locator { get; init; }

    /// <summary>Octets of the content.</summary>
    public required long Length { get; init; }
}
