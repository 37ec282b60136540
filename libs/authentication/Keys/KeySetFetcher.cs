using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mailkey.Hosting.Options;

namespace Mailkey.Authentication.Keys;

/// <summary>
/// Fetches a key set over HTTPS from a host that a stranger named: only to public addresses, one fixed path, no redirects, no
/// credentials, no proxy, little, and quickly.
/// </summary>
public sealed class KeySetFetcher : IDisposable
{
    /// <summary>The path of version 1 (RFC 8615).</summary>
    public const string Path = "/.well-known/mailkey";

    // Addresses of one host that are tried.
    private const int MaxAddresses = 4;
    private const int MaxConnectionsPerHost = 4;
    private const int MaxHeaderKilobytes = 8;

    // Of the discoveries that may be under way, those that may be at a fetch: hosts that answer slowly leave room for the rest.
    private const int FetchShare = 4;

    // Long enough for the domains of one operator that come together, short enough that strangers don't hold sockets.
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(2);
    private static readonly HttpRequestOptionsKey<IReadOnlyList<IPAddress>> Addresses = new("mailkey.addresses");
    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");

    private readonly KeyHostOptions _options;
    private readonly TimeProvider _time;
    private readonly X509Certificate2Collection _authorities = [];
    private readonly HttpMessageInvoker _client;
    private readonly SemaphoreSlim _turns;

    /// <exception cref="CryptographicException">The file of certificate authorities can't be read.</exception>
    /// <exception cref="IOException">The file of certificate authorities can't be read.</exception>
    public KeySetFetcher(KeyHostOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _turns = new(Math.Max(1, options.MaxConcurrent / FetchShare));
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
            ConnectTimeout = options.FetchTimeout,
            ConnectCallback = ConnectAsync,
            MaxConnectionsPerServer = MaxConnectionsPerHost,
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

    /// <summary>Fetches and reads the document.</summary>
    /// <param name="host">The mailkey host: name in the URL, and name in the certificate.</param>
    /// <param name="domain">The domain whose keys are wanted.</param>
    /// <param name="addresses">Addresses of the host.</param>
    public async Task<FetchedKeySet> FetchAsync(string host, string domain, IReadOnlyList<IPAddress> addresses, CancellationToken cancellationToken)
    {
        var allowed = addresses.Where(IsAllowed).Take(MaxAddresses).ToList();
        if (allowed.Count == 0)
        {
            return new(null, KeyHostFault.NotPublic, $"{host} has no public address but {addresses[0]}");
        }

        if (!await _turns.WaitAsync(TimeSpan.Zero, cancellationToken).ConfigureAwait(false))
        {
            return new(null, KeyHostFault.Busy, "too many key sets are being fetched");
        }

        using var deadline = new CancellationTokenSource(_options.FetchTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(Uri.UriSchemeHttps, host, _options.HttpsPort, Path, "?domain=" + domain).Uri)
            {
                Version = HttpVersion.Version11,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            request.Headers.Accept.Add(new("application/json"));
            request.Headers.UserAgent.Add(new("mailkey", "1"));
            request.Options.Set(Addresses, allowed);
            using var response = await _client.SendAsync(request, either.Token).ConfigureAwait(false);
            return await ReadAsync(response, host, domain, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new(null, KeyHostFault.Connection, $"{host} did not answer in {_options.FetchTimeout.TotalSeconds:0.#} s");
        }
        catch (HttpRequestException e)
        {
            var reason = (e.InnerException ?? e).Message;
            return e.HttpRequestError == HttpRequestError.SecureConnectionError
                ? new(null, KeyHostFault.Tls, $"TLS with {host}: {reason}")
                : new(null, KeyHostFault.Connection, $"{host}: {reason}");
        }
        catch (IOException e)
        {
            return new(null, KeyHostFault.Connection, $"{host}: {e.Message}");
        }
        finally
        {
            _turns.Release();
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        _turns.Dispose();
    }

    private static async Task<FetchedKeySet> ReadAsync(HttpResponseMessage response, string host, string domain, CancellationToken cancellationToken)
    {
        if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone)
        {
            return new(null, KeyHostFault.NotFound, $"{host} answered {(int)response.StatusCode}");
        }

        if (response.StatusCode != HttpStatusCode.OK)
        {
            return new(null, KeyHostFault.Status, $"{host} answered {(int)response.StatusCode}");
        }

        if (!string.Equals(response.Content.Headers.ContentType?.MediaType, "application/json", StringComparison.OrdinalIgnoreCase))
        {
            return new(null, KeyHostFault.Content, $"{host} did not answer with application/json");
        }

        if (response.Content.Headers.ContentEncoding.Count > 0)
        {
            return new(null, KeyHostFault.Content, $"{host} answered with an encoding that was not asked for");
        }

        var buffer = new byte[HostDocument.MaxLength + 1];
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        if (length > HostDocument.MaxLength)
        {
            return new(null, KeyHostFault.Content, $"{host} answered with more than 32 KiB");
        }

        var json = buffer.AsSpan(0, length);
        if (HostDocument.TryParse(json, domain, out var document, out var error))
        {
            return new(document, KeyHostFault.None, "");
        }

        var fault = HostDocument.DomainOf(json) is { } other && other != domain ? KeyHostFault.OtherDomain : KeyHostFault.Document;
        return new(null, fault, $"{host}: {error}");
    }

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

/// <summary>A key set, or what went wrong on the way to it.</summary>
public readonly record struct FetchedKeySet(HostDocument? Document, KeyHostFault Fault, string Detail);
