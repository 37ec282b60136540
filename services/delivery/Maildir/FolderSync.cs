using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mailkey.Delivery.Maildir;

/// <summary>Puts the entries of a folder on stable storage: without it a renamed file can be gone after a power cut.</summary>
internal static partial class FolderSync
{
    private const int CloseOnExec = 0x80000;

    public static void Sync(string path)
    {
        // File.OpenHandle refuses folders.
        using var folder = Open(path, CloseOnExec, 0);
        if (folder.IsInvalid || FullSync(folder) != 0)
        {
            throw new IOException($"fsync {path}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FullSync(SafeFileHandle file);
}
