namespace Mailkey.Storage;

/// <summary>Where and how <see cref="SegmentContentStore"/> keeps content.</summary>
public sealed record ContentStoreOptions
{
    /// <summary>Folder of the store, shared by every service that reads or writes content.</summary>
    public required string Folder { get; init; }

    /// <summary>Octets after which a segment is closed.</summary>
    public int SegmentSize { get; init; } = 16 * 1024 * 1024;

    /// <summary>Octets above which a message gets a file of its own.</summary>
    public int SpillSize { get; init; } = 256 * 1024;

    /// <summary>Age at which content that nobody released is dropped.</summary>
    public TimeSpan OrphanAge { get; init; } = TimeSpan.FromDays(8);

    /// <summary>Age at which a segment is closed although it is not full, so that released mail leaves the disk in bounded time.</summary>
    public TimeSpan SegmentAge { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often this process looks at its own closed segments.</summary>
    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often this process looks after the segments of processes that are gone, and after old objects.</summary>
    public TimeSpan AdoptInterval { get; init; } = TimeSpan.FromMinutes(1);
}
