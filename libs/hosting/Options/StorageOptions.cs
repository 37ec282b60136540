using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>The store of message content.</summary>
public sealed class StorageOptions
{
    [Range(65536, 1073741824), Description("Octets after which a segment is closed and a new one begun.")]
    public int SegmentSize { get; set; } = 16 * 1024 * 1024;

    [Range(4096, 104857600), Description("Messages above this size get a file of their own while they are received.")]
    public int SpillSize { get; set; } = 256 * 1024;

    [Description("Age at which content that nobody released is an orphan. Longer than Delivery:Expiry.")]
    public TimeSpan OrphanAge { get; set; } = TimeSpan.FromDays(8);
}
