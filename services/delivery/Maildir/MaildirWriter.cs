using System.Buffers;
using System.Globalization;
using System.Text;
using Mailkey.Delivery.Outbound;
using Mailkey.Delivery.Routing;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Maildir;

/// <summary>
/// Final delivery into maildirs: written and synced in <c>tmp</c>, then renamed into <c>new</c>. The file name follows from
/// the message, so that one that is delivered twice is there once.
/// </summary>
internal sealed class MaildirWriter(IOptions<MailkeyOptions> options)
{
    private const int BufferSize = 64 * 1024;

    /// <summary>The folder of a mailbox for quarantined mail: a subfolder as Maildir++ has them.</summary>
    private const string QuarantineFolder = ".Quarantine";

    private readonly string _root = Path.Combine(options.Value.DataFolder, "maildirs");
    private readonly string _host = MailboxPath.Encode(options.Value.Hostname);

    /// <summary>Delivers to one mailbox and returns the name of the file.</summary>
    /// <exception cref="IOException">The disk is full or failed.</exception>
    public async Task<string> DeliverAsync(OutgoingMessage message, MailboxName mailbox, string forwardPath, CancellationToken cancellationToken)
    {
        // The envelope was parsed when it came; a line end in it would be a header field of its own.
        if (message.Envelope.ReversePath.AsSpan().ContainsAny('\r', '\n', '\0') || forwardPath.AsSpan().ContainsAny('\r', '\n', '\0'))
        {
            throw new InvalidDataException("Line end in an envelope.");
        }

        var folder = Path.Combine(_root, MailboxPath.Of(mailbox));
        Create(folder, _root, Path.GetDirectoryName(folder)!);
        if (message.Envelope.Quarantine is not null)
        {
            var box = folder;
            folder = Path.Combine(box, QuarantineFolder);
            Create(folder, box);

            // By this file a reader knows a folder from a mailbox of its own.
            await using (new FileStream(Path.Combine(folder, "maildirfolder"), FileMode.OpenOrCreate))
            {
            }
        }

        var name = string.Create(CultureInfo.InvariantCulture, $"{message.ReceivedAt.ToUnixTimeSeconds()}.{MailboxPath.Encode(message.QueueId)}.{_host}");
        var target = Path.Combine(folder, "new", name);
        if (File.Exists(target))
        {
            // Whoever moved it there may have died before the folder was on the disk.
            FolderSync.Sync(Path.Combine(folder, "new"));
            return name;
        }

        // Two processes may have got the same message.
        var temporary = Path.Combine(folder, "tmp", $"{name}.{Guid.NewGuid():n}");
        try
        {
            await WriteAsync(temporary, message, forwardPath, cancellationToken);
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        FolderSync.Sync(Path.Combine(folder, "new"));
        return name;
    }

    private static async Task WriteAsync(string path, OutgoingMessage message, string forwardPath, CancellationToken cancellationToken)
    {
        await using FileStream file = new(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        using PooledBuffer output = new();

        // RFC 5321 §4.4: the server that makes final delivery puts the return path in front.
        output.Write(Encoding.UTF8.GetBytes($"Return-Path: <{message.Envelope.ReversePath}>\nDelivered-To: {forwardPath}\n"));
        if (message.Octets is { } octets)
        {
            AppendWithLineFeeds(octets.Span, output);
        }
        else
        {
            var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                await using var stream = await message.OpenAsync(cancellationToken);
                while (await stream.ReadAsync(buffer, cancellationToken) is > 0 and var count)
                {
                    AppendWithLineFeeds(buffer.AsSpan(0, count), output);
                    await file.WriteAsync(output.Written, cancellationToken);
                    output.Clear();
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        await file.WriteAsync(output.Written, cancellationToken);
        file.Flush(flushToDisk: true);
    }

    // Files in a maildir have the line ends of their system. Bare CRs do not get this far.
    private static void AppendWithLineFeeds(ReadOnlySpan<byte> octets, PooledBuffer output)
    {
        var target = output.GetSpan(octets.Length);
        var length = 0;
        while (!octets.IsEmpty)
        {
            var end = octets.IndexOf((byte)'\r');
            var line = end < 0 ? octets : octets[..end];
            line.CopyTo(target[length..]);
            length += line.Length;
            octets = octets[Math.Min(line.Length + 1, octets.Length)..];
        }

        output.Advance(length);
    }

    private static void Create(string folder, params ReadOnlySpan<string> parents)
    {
        if (Directory.Exists(Path.Combine(folder, "new")))
        {
            return;
        }

        // "new" last: whoever sees it sees a whole maildir.
        foreach (var part in (string[])["tmp", "cur", "new"])
        {
            Directory.CreateDirectory(Path.Combine(folder, part), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        FolderSync.Sync(folder);
        foreach (var parent in parents)
        {
            FolderSync.Sync(parent);
        }
    }
}
