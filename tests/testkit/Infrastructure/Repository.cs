namespace Mailkey.Testkit.Infrastructure;

/// <summary>The checkout that these tests were built from.</summary>
public static class Repository
{
    /// <summary>Folder with <c>Microservices.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Absolute path of a file of the checkout.</summary>
    public static string PathOf(string relative) => Path.Combine(Root, relative);

    /// <summary>Absolute path of one of our programs, of the same configuration as the tests.</summary>
    /// <param name="folder">Its project's folder in the checkout, such as <c>services/ingress</c>.</param>
    /// <param name="assembly">Such as <c>Mailkey.Ingress</c>.</param>
    public static string Program(string folder, string assembly)
    {
        // ./test gathers them where the libraries that they use are compiled ahead.
        if (Environment.GetEnvironmentVariable("MAILKEY_TEST_PROGRAMS") is { Length: > 0 } gathered)
        {
            return Path.Combine(gathered, $"{assembly}.dll");
        }

        var configuration = AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}", StringComparison.Ordinal) ? "Release" : "Debug";
        return PathOf($"{folder}/bin/{configuration}/net10.0/{assembly}.dll");
    }

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
