using System.Net;
using System.Net.Sockets;

namespace Mailkey.Testkit.Processes;

/// <summary>Ports for processes that a test starts.</summary>
public static class LoopbackPort
{
    // Below the range from which the system takes ports for outgoing connections, so that none of those comes first.
    private const int First = 10240;
    private const int Last = 30239;

    /// <summary>A port that nobody has now.</summary>
    public static int Take()
    {
        while (true)
        {
            var port = Random.Shared.Next(First, Last);
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
            }
        }
    }
}
