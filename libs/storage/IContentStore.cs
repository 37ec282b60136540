using Mailkey.Contracts;

namespace Mailkey.Storage;

/// <summary>Keeps the content of messages from acceptance until the last recipient is final.</summary>
public interface IContentStore
{
    /// <summary>Begins a content. Nothing is on stable storage before <see cref="IContentWriter.CommitAsync"/>.</summary>
    /// <param name="queueId">ASCII, at most 35 characters; kept beside the content for a person who looks at the files.</param>
    IContentWriter Create(string queueId);

    /// <summary>
    /// Opens a content for reading; null when it is gone. One that was released stays readable until its space is
    /// reclaimed, so ask <see cref="IsReleasedAsync"/> when that matters. Small contents come as <see cref="BufferedContentStream"/>.
    /// </summary>
    /// <exception cref="InvalidDataException">The content on disk is not what was committed. A large one is checked while
    /// it is read from its beginning, so its last read may throw this too.</exception>
    ValueTask<Stream?> OpenAsync(ContentReference content, CancellationToken cancellationToken);

    /// <summary>
    /// Copies a content into an object of its own, so that it can wait for days without holding others' space. The first
    /// one stays until it is released, which is due once the new reference is safe with whoever waits. Idempotent: the
    /// same message gets the same object.
    /// </summary>
    /// <exception cref="FileNotFoundException">The content is gone.</exception>
    ValueTask<ContentReference> DetachAsync(string queueId, ContentReference content, CancellationToken cancellationToken);

    /// <summary>Nobody needs the content any more. Idempotent.</summary>
    ValueTask ReleaseAsync(string queueId, ContentReference content, CancellationToken cancellationToken);

    /// <summary>Whether the content was released: a redelivered message that is final already.</summary>
    ValueTask<bool> IsReleasedAsync(string queueId, ContentReference content, CancellationToken cancellationToken);
}

/// <summary>One content on its way in. Disposing it uncommitted drops it without a trace.</summary>
public interface IContentWriter : IAsyncDisposable
{
    long Length { get; }

    /// <summary>All octets so far are in memory, so that committing costs a share of one write and one fsync.</summary>
    bool IsBuffered { get; }

    /// <summary>Buffers small contents in memory, and large ones in a file that is not synced yet.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken);

    /// <summary>Puts <paramref name="prefix"/> (at most 8 KiB) in front and returns when all of it is on stable storage; writers share an fsync.</summary>
    /// <exception cref="IOException">The disk is full or failed. Nothing was stored; the store goes on with a new file.</exception>
    ValueTask<ContentReference> CommitAsync(ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken);
}
