using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mailkey.Hosting.Options;

namespace Mailkey.Authentication.Keys;

/// <summary>
/// HTTPS to hosts that strangers named: only to public addresses, judged when the connection stands; no redirects, no credentials, no proxy,
/// no decompression. The caller looks the addresses up, so that the name is not asked for a second time.
/// </summary>
public sealed class StrangersHost : IDisposable
{
    // Addresses of one host that are tried.
    private const int MaxAddresses = 4;
    private const int MaxHeaderKilobytes = 8;

    // Long enough for the domains of one operator that come together, short enough that strangers don't hold sockets.
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(2);
    private static readonly HttpRequestOptionsKey<IReadOnlyList<IPAddress>> Addresses = new("mailkey.addresses");
    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");

    private readonly KeyHostOptions _options;
    private readonly X509Certificate2Collection _authorities = [];
    private readonly HttpMessageInvoker _client;

    /// <param name="options">Which addresses and authorities are good.</param>
    /// <param name="connectTimeout">Time for TCP and TLS.</param>
    /// <param name="connectionsPerHost">At the same time.</param>
    /// <exception cref="CryptographicException">The file of certificate authorities can't be read.</exception>
    /// <exception cref="IOException">The file of certificate authorities can't be read.</exception>
    public StrangersHost(KeyHostOptions options, TimeSpan connectTimeout, int connectionsPerHost)
    {
        _options = options;
        if (!string.IsNullOrEmpty(options.CertificateAuthorities))
        {
            _authorities.ImportFromPemFile(options.CertificateAuthorities);
        }

        _client = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            Credentials = null,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = connectTimeout,
            ConnectCallback = ConnectAsync,
            MaxConnectionsPerServer = connectionsPerHost,
            MaxResponseHeadersLength = MaxHeaderKilobytes,
            MaxResponseDrainSize = 0,
            PooledConnectionIdleTimeout = IdleTime,
            ActivityHeadersPropagator = null,
            SslOptions = new()
            {
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                CertificateChainPolicy = ChainPolicy(),
                RemoteCertificateValidationCallback = IsTrusted,
            },
        });
    }

    /// <summary>Of the addresses of a host, those that may be reached; empty for none.</summary>
    public IReadOnlyList<IPAddress> Allowed(IEnumerable<IPAddress> addresses) => [.. addresses.Where(IsAllowed).Take(MaxAddresses)];

    /// <summary>Sends a request to the first of these addresses that takes the connection.</summary>
    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, IReadOnlyList<IPAddress> addresses, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Options.Set(Addresses, addresses);
        return _client.SendAsync(request, cancellationToken);
    }

    public void Dispose() => _client.Dispose();

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        context.InitialRequestMessage.Options.TryGetValue(Addresses, out var addresses);
        SocketException? last = null;
        foreach (var address in addresses ?? [])
        {
            Socket? socket = null;
            try
            {
                // Where the system has no IPv6, an IPv4 address may come after this one.
                socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(new IPEndPoint(address, context.DnsEndPoint.Port), cancellationToken).ConfigureAwait(false);

                // Judged by the address that was really reached, not by what a name said a moment ago.
                if (socket.RemoteEndPoint is IPEndPoint { Address: var reached } && IsAllowed(reached))
                {
                    return new NetworkStream(socket, ownsSocket: true);
                }

                socket.Dispose();
            }
            catch (SocketException e)
            {
                socket?.Dispose();
                last = e;
            }
            catch
            {
                socket?.Dispose();
                throw;
            }
        }

        throw last ?? new SocketException((int)SocketError.AddressNotAvailable);
    }

    private bool IsAllowed(IPAddress address) => _options.AllowPrivateAddresses || PublicAddress.IsPublicUnicast(address);

    // The certificate comes from a stranger too: nothing that it names (issuers, revocation lists) is fetched.
    private static X509ChainPolicy ChainPolicy() => new()
    {
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
        ApplicationPolicy = { ServerAuthentication },
    };

    private bool IsTrusted(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || _authorities.Count == 0 || certificate is null || chain is null)
        {
            return errors == SslPolicyErrors.None;
        }

        using var own = new X509Chain { ChainPolicy = ChainPolicy() };
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.CustomTrustStore.AddRange(_authorities);
        foreach (var element in chain.ChainElements)
        {
            own.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        using var leaf = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        return own.Build(leaf);
    }
}
