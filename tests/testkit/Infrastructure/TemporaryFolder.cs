namespace Mailkey.Testkit.Infrastructure;

/// <summary>A folder that is removed with all it contains.</summary>
public sealed class TemporaryFolder(string purpose) : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory($"mailkey-{purpose}-").FullName;

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody was quicker; gone is gone.
        }
    }
}
