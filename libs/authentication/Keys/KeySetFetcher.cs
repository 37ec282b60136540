using System.Net;
using System.Security.Cryptography;
using Mailkey.Dns;
using Mailkey.Hosting.Options;

namespace Mailkey.Authentication.Keys;

/// <summary>
/// Fetches a key set over HTTPS from a host that a stranger named (see <see cref="StrangersHost"/>): one fixed path, little, and quickly.
/// </summary>
public sealed class KeySetFetcher : IDisposable
{
    /// <summary>The path of version 1 (RFC 8615).</summary>
    public const string Path = "/.well-known/mailkey";

    private const int MaxConnectionsPerHost = 4;

    // Of the discoveries that may be under way, those that may be at a fetch: hosts that answer slowly leave room for the rest.
    private const int FetchShare = 4;

    private readonly KeyHostOptions _options;
    private readonly TimeProvider _time;
    private readonly StrangersHost _hosts;
    private readonly SemaphoreSlim _turns;
    private readonly NetworkShare _shares;

    /// <exception cref="CryptographicException">The file of certificate authorities can't be read.</exception>
    /// <exception cref="IOException">The file of certificate authorities can't be read.</exception>
    public KeySetFetcher(KeyHostOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        var turns = Math.Max(1, options.MaxConcurrent / FetchShare);
        _turns = new(turns);

        // And of these, half for the mail of one client network.
        _shares = new(Math.Max(1, turns / 2));
        _hosts = new(options, options.FetchTimeout, MaxConnectionsPerHost);
    }

    /// <summary>Fetches and reads the document.</summary>
    /// <param name="host">The mailkey host: name in the URL, and name in the certificate.</param>
    /// <param name="domain">The domain whose keys are wanted.</param>
    /// <param name="addresses">Addresses of the host.</param>
    public async Task<FetchedKeySet> FetchAsync(string host, string domain, IReadOnlyList<IPAddress> addresses, CancellationToken cancellationToken)
    {
        var allowed = _hosts.Allowed(addresses);
        if (allowed.Count == 0)
        {
            return new(null, KeyHostFault.NotPublic, $"{host} has no public address but {addresses[0]}");
        }

        var network = AskingNetwork.Current;
        if (!_shares.TryEnter(network))
        {
            return new(null, KeyHostFault.Busy, "too many key sets are being fetched for mail of your network");
        }

        if (!_turns.Wait(TimeSpan.Zero, CancellationToken.None))
        {
            _shares.Leave(network);
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
            using var response = await _hosts.SendAsync(request, allowed, either.Token).ConfigureAwait(false);
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
            _shares.Leave(network);
        }
    }

    public void Dispose()
    {
        _hosts.Dispose();
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
}

/// <summary>A key set, or what went wrong on the way to it.</summary>
public readonly record struct FetchedKeySet(HostDocument? Document, KeyHostFault Fault, string Detail);
