using System.Globalization;
using System.Security.Cryptography;

namespace Mailkey.Storage;

/// <summary>
/// The folders of a store:
/// <code>
/// store-id                        which store this is
/// segments/&lt;instance&gt;/lock        held with flock(2) as long as the process lives
/// segments/&lt;instance&gt;/&lt;n&gt;.seg     records, appended
/// segments/&lt;instance&gt;/&lt;n&gt;.rel     releases, appended by anybody
/// segments/&lt;instance&gt;/incoming/   large contents that are still being received
/// objects/&lt;0-f&gt;/&lt;name&gt;           contents with a file of their own
/// </code>
/// </summary>
internal sealed class StoreLayout
{
    private const string Shards = "0123456789abcdef";

    public StoreLayout(string folder, StableStorage storage)
    {
        Folder = Path.GetFullPath(folder);
        Segments = Path.Combine(Folder, "segments");
        Objects = Path.Combine(Folder, "objects");

        // Mail is nobody's business but the services', which share a user.
        Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(Segments);
        foreach (var shard in Shards)
        {
            Directory.CreateDirectory(Path.Combine(Objects, shard.ToString()));
        }

        Id = ReadOrMakeId();
        storage.SyncFolder(Segments);
        storage.SyncFolder(Objects);
        storage.SyncFolder(Folder);
        if (Path.GetDirectoryName(Folder) is { Length: > 0 } parent)
        {
            storage.SyncFolder(parent);
        }
    }

    public string Folder { get; }
    public string Id { get; }
    public string Segments { get; }
    public string Objects { get; }

    public string Instance(string instance) => Path.Combine(Segments, instance);

    public string Segment(string instance, int number) =>
        Path.Combine(Segments, instance, string.Create(CultureInfo.InvariantCulture, $"{number}.seg"));

    public string Releases(string instance, int number) =>
        Path.Combine(Segments, instance, string.Create(CultureInfo.InvariantCulture, $"{number}.rel"));

    public string Shard(string name) => Path.Combine(Objects, name[^1] is >= '0' and <= '9' or >= 'a' and <= 'f' ? name[^1].ToString() : "0");

    public string Object(string name) => Path.Combine(Shard(name), name);

    public static string RandomName() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));

    // Whoever comes first makes it; a rename that must not overwrite decides between two.
    private string ReadOrMakeId()
    {
        var path = Path.Combine(Folder, "store-id");
        if (!File.Exists(path))
        {
            var draft = Path.Combine(Folder, $".store-id-{RandomName()}");
            using (var file = new FileStream(draft, FileMode.CreateNew))
            {
                file.Write(System.Text.Encoding.ASCII.GetBytes(RandomName()[..8] + "\n"));
                file.Flush(flushToDisk: true);
            }

            try
            {
                File.Move(draft, path, overwrite: false);
            }
            catch (IOException) when (File.Exists(path))
            {
                File.Delete(draft);
            }
        }

        var id = File.ReadAllText(path).Trim();
        return Locator.TryParse($"{id}/0", out _)
            ? id
            : throw new InvalidDataException($"{path} holds no store id.");
    }
}
