using System.Net;
using Mailkey.Ingress.Telemetry;
using Mailkey.Networks;
using Mailkey.Smtp;
using Microsoft.AspNetCore.Connections;

namespace Mailkey.Ingress.Smtp;

/// <summary>Admits connections and runs a session on each.</summary>
internal sealed class SmtpConnectionHandler(SmtpServer server) : ConnectionHandler
{
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        var address = ((connection.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None).Unmapped();
        var session = new SmtpSession(server, connection, address);
        if (server.Sessions.IsDraining)
        {
            await RefuseAsync(connection, address, Replies.ShuttingDown);
            return;
        }

        var network = ClientNetwork.Of(address);
        if (!server.Networks.TryEnter(network))
        {
            await RefuseAsync(connection, address, Replies.TooManyConnectionsFromNetwork);
            return;
        }

        try
        {
            if (!server.Sessions.TryAdd(session))
            {
                await RefuseAsync(connection, address, Replies.TooManyConnections);
                return;
            }

            IngressMetrics.ConnectionOpened();
            try
            {
                await session.RunAsync();
            }
            finally
            {
                IngressMetrics.ConnectionClosed();
                server.Sessions.Remove(session);
            }
        }
        finally
        {
            server.Networks.Leave(network);
        }
    }

    private async ValueTask RefuseAsync(ConnectionContext connection, IPAddress address, SmtpReply reply)
    {
        IngressMetrics.ConnectionTurnedAway();
        SmtpLog.NotAdmitted(server.Logger, address.ToString(), reply.ToString());
        reply.WriteTo(connection.Transport.Output);
        await connection.Transport.Output.FlushAsync();
    }
}
