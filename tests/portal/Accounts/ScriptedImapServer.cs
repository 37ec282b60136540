using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Mailkey.Portal.Tests.Accounts;

/// <summary>Serves one connection by a script: what it says, and after which line of the client.</summary>
internal sealed class ScriptedImapServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _certificate;
    private readonly Func<Stream, ScriptedImapServer, Task> _script;
    private readonly CancellationTokenSource _end = new();

    public ScriptedImapServer(X509Certificate2 certificate, Func<Stream, ScriptedImapServer, Task> script)
    {
        (_certificate, _script) = (certificate, script);
        _listener.Start();
        Done = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>What the client said, line by line.</summary>
    public List<string> Heard { get; } = [];

    public Task Done { get; }

    public static async Task SayAsync(Stream stream, string text)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes(text));
        await stream.FlushAsync();
    }

    public async Task<string> HearAsync(Stream stream)
    {
        var line = new List<byte>();
        var one = new byte[1];
        while (await stream.ReadAsync(one, _end.Token) == 1 && one[0] != '\n')
        {
            line.Add(one[0]);
        }

        Heard.Add(Encoding.UTF8.GetString([.. line]).TrimEnd('\r'));
        return Heard[^1];
    }

    public async Task<SslStream> SecureAsync(Stream stream)
    {
        var tls = new SslStream(stream);
        await tls.AuthenticateAsServerAsync(_certificate);
        return tls;
    }

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            using var client = await _listener.AcceptTcpClientAsync(_end.Token);
            await using var stream = client.GetStream();
            await _script(stream, this);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or System.Security.Authentication.AuthenticationException)
        {
            // The client went away, or the test has ended.
        }
    }
}
