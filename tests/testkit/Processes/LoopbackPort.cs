using System.Net;
using System.Net.Sockets;

namespace Mailkey.Testkit.Processes;

/// <summary>
/// Ports for processes that a test starts. A port is this test program's until it ends, also before anybody listens there and while who
/// listened has been killed: several test programs run at the same time.
/// </summary>
public static class LoopbackPort
{
    // Below the range from which the system takes ports for outgoing connections, and from which deploy/local/infrastructure.sh
    // takes those of databases and brokers, so that none of those comes first.
    private const int First = 10240;
    private const int Last = 20240;

    private static readonly string Folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"mailkey-test-ports-{Environment.UserName}")).FullName;
    private static readonly List<FileStream> Held = [];

    /// <summary>A port that nobody has now, and that no other test takes.</summary>
    public static int Take()
    {
        while (true)
        {
            var port = Random.Shared.Next(First, Last);
            if (TryHold(port) is not { } hold)
            {
                continue;
            }

            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                hold.Dispose();
                continue;
            }

            lock (Held)
            {
                Held.Add(hold);
            }

            return port;
        }
    }

    // Locked until the file is closed, which the end of a process does however it comes. Null: somebody has it.
    private static FileStream? TryHold(int port)
    {
        try
        {
            return new(Path.Combine(Folder, $"{port}"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
