namespace Mailkey.Authentication.Tests;

/// <summary>Test material of others, kept outside of the tree.</summary>
internal static class Corpora
{
    /// <summary>The folder of one corpus: below the one that <c>MAILKEY_CORPORA</c> names, or beside the checkout.</summary>
    /// <returns>Null when it is not here.</returns>
    public static string? Folder(string name)
    {
        if (Environment.GetEnvironmentVariable("MAILKEY_CORPORA") is { Length: > 0 } named)
        {
            return Path.Combine(named, name) is var given && Directory.Exists(given) ? given : null;
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Path.Combine(folder.FullName, "..", "shared", "corpora", name) is var path && Directory.Exists(path))
            {
                return path;
            }
        }

        return null;
    }
}
