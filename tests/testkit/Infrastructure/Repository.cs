namespace Mailkey.Testkit.Infrastructure;

/// <summary>The checkout that these tests were built from.</summary>
public static class Repository
{
    /// <summary>Folder with <c>Microservices.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Absolute path of a file of the checkout.</summary>
    public static string PathOf(string relative) => Path.Combine(Root, relative);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Microservices.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No Microservices.sln above {AppContext.BaseDirectory}: run the tests from a checkout.");
    }
}
