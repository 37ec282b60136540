using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Agreements.Tests;

/// <summary>Text that is kept beside the tests, so that a change of it is seen and meant.</summary>
internal static class Golden
{
    /// <summary>Compares; with <c>MAILKEY_WRITE_GOLDEN=1</c> in the environment, writes.</summary>
    public static void Verify(string file, string actual)
    {
        var path = Repository.PathOf(Path.Combine("tests/agreements", file));
        if (Environment.GetEnvironmentVariable("MAILKEY_WRITE_GOLDEN") == "1")
        {
            File.WriteAllText(path, actual);
            return;
        }

        Assert.True(File.Exists(path), $"{file} is missing");
        Assert.Equal(File.ReadAllText(path), actual);
    }
}
