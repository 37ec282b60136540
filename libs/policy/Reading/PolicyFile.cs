namespace Mailkey.Policy.Reading;

/// <summary>A policy file as it was read: its rules, or everything that is wrong with it.</summary>
public sealed class PolicyFile
{
    /// <summary>Octets of a policy file. A thousand rules take a tenth of it.</summary>
    public const int MaxLength = 4 * 1024 * 1024;

    /// <summary>Octets of a list: half a million domains.</summary>
    public const int MaxListLength = 16 * 1024 * 1024;

    /// <summary>Rules of a file. Every message passes all of them.</summary>
    public const int MaxRules = 1000;

    private PolicyFile(PolicyRules? rules, IReadOnlyList<PolicyError> errors, IReadOnlyList<string> lists)
    {
        Rules = rules;
        Errors = errors;
        Lists = lists;
    }

    /// <summary>Null when there are errors.</summary>
    public PolicyRules? Rules { get; }

    /// <summary>In the order of their places.</summary>
    public IReadOnlyList<PolicyError> Errors { get; }

    /// <summary>The list files that the policy names, as it names them.</summary>
    public IReadOnlyList<string> Lists { get; }

    /// <summary>Reads a policy. Total: bad input gives errors and never an exception.</summary>
    /// <param name="name">For the errors.</param>
    /// <param name="octets">JSON with comments, UTF-8.</param>
    /// <param name="openList">Gives the octets of a list file, or null and says why not.</param>
    public static PolicyFile Parse(string name, ReadOnlySpan<byte> octets, OpenList openList)
    {
        if (octets.Length > MaxLength)
        {
            return new(null, [new(name, 1, 1, $"is larger than {MaxLength} octets")], []);
        }

        var reader = new PolicyReader(new SourceText(name, octets), openList);
        var rules = reader.Read();
        return new(
            reader.Errors.Count == 0 ? rules : null,
            [.. reader.Errors.Distinct().OrderBy(error => error.File == name ? 0 : 1).ThenBy(error => error.File, StringComparer.Ordinal).ThenBy(error => error.Line).ThenBy(error => error.Column)],
            reader.ListFiles);
    }

    /// <summary>Reads a policy and its lists from the disk; lists are found from the folder of the policy.</summary>
    /// <remarks>A file that can't be read is an error of the result as well.</remarks>
    public static PolicyFile Load(string path)
    {
        if (!TryRead(path, MaxLength, out var octets, out var reason))
        {
            return new(null, [new(path, 1, 1, reason)], []);
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return Parse(path, octets, (string list, out string why) => TryRead(Path.Combine(folder, list), MaxListLength, out var content, out why) ? content : null);
    }

    private static bool TryRead(string path, int most, out byte[] octets, out string reason)
    {
        octets = [];
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > most)
            {
                reason = $"is larger than {most} octets";
                return false;
            }

            // What is no regular file has no length that one could trust.
            using var buffer = new MemoryStream();
            var chunk = new byte[64 * 1024];
            while (file.Read(chunk) is > 0 and var count)
            {
                buffer.Write(chunk, 0, count);
                if (buffer.Length > most)
                {
                    reason = $"is larger than {most} octets";
                    return false;
                }
            }

            octets = buffer.ToArray();
            reason = "";
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            reason = $"can't be read: {e.Message}";
            return false;
        }
    }
}

/// <summary>Gives the octets of a list file; null when it can't be read.</summary>
/// <param name="reason">Why not; empty when it could.</param>
public delegate byte[]? OpenList(string file, out string reason);
