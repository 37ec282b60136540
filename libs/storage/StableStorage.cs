using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mailkey.Storage;

/// <summary>The few file operations that durability rests on. Virtual where a test counts them or makes them fail.</summary>
internal partial class StableStorage
{
    private const int WriteOnly = 1;
    private const int Append = 0x400;
    private const int CloseOnExec = 0x80000;
    private const int NoEntry = 2;
    private const int Interrupted = 4;

    public virtual void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> buffers, long offset) =>
        RandomAccess.Write(file, buffers, offset);

    /// <summary>Returns when the file's data, and its length, are on stable storage.</summary>
    public virtual void Sync(SafeFileHandle file)
    {
        while (DataSync(file) != 0)
        {
            ThrowUnlessInterrupted("fdatasync", null);
        }
    }

    /// <summary>Returns when the entries of a folder are on stable storage: a new or renamed file can be lost without it.</summary>
    public virtual void SyncFolder(string path)
    {
        using var folder = Open(path, CloseOnExec, 0);
        if (folder.IsInvalid)
        {
            ThrowUnlessInterrupted("open", path);
        }

        while (FullSync(folder) != 0)
        {
            ThrowUnlessInterrupted("fsync", path);
        }
    }

    /// <summary>Opens an existing file so that each write goes to its end, whoever else writes; null when there is none.</summary>
    /// <remarks>FileMode.Append positions once and does not set O_APPEND.</remarks>
    public static SafeFileHandle? OpenAppend(string path)
    {
        var file = Open(path, WriteOnly | Append | CloseOnExec, 0);
        if (!file.IsInvalid)
        {
            return file;
        }

        var error = Marshal.GetLastPInvokeError();
        file.Dispose();
        return error == NoEntry ? null : throw Failure("open", path, error);
    }

    /// <summary>One write(2) at the end of a file of <see cref="OpenAppend"/>.</summary>
    public static void AppendOnce(SafeFileHandle file, ReadOnlySpan<byte> octets)
    {
        nint written;
        while ((written = WriteOnce(file, octets, octets.Length)) < 0)
        {
            ThrowUnlessInterrupted("write", null);
        }

        if (written != octets.Length)
        {
            throw new IOException("write: the disk is full.");
        }
    }

    private static void ThrowUnlessInterrupted(string call, string? path)
    {
        var error = Marshal.GetLastPInvokeError();
        if (error != Interrupted)
        {
            throw Failure(call, path, error);
        }
    }

    private static IOException Failure(string call, string? path, int error) =>
        new($"{call}{(path is null ? "" : $" {path}")}: {new Win32Exception(error).Message}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FullSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteOnce(SafeFileHandle file, ReadOnlySpan<byte> octets, nint length);
}
