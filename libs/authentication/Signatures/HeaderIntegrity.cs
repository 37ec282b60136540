using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>Whether a header block is one message to every reader: only then can a signature speak of it.</summary>
public static class HeaderIntegrity
{
    /// <summary>What lets two readers see two different messages; one ASCII line, null when nothing does.</summary>
    public static string? Problem(HeaderBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);

        // RFC 5322 §3.6: From exactly once; RFC 6376 §5.4 signs it always, so that a message without one has no author to vouch for.
        return block.Problem is { } problem ? $"the header block is malformed: {problem}"
            : block.DuplicatedSingleton is { } duplicated ? $"more than one {duplicated} field"
            : block.FindFirst("From"u8) < 0 ? "no From field"
            : null;
    }
}
