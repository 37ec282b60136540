using System.Net;
using System.Net.Http.Headers;
using Mailkey.Agreements.Organizations;
using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Callbacks;

/// <summary>How a call ended.</summary>
/// <param name="Failure">One line; null when the forwarder took it.</param>
/// <param name="IsFinal">There is nobody whom another attempt could reach.</param>
public readonly record struct CallResult(string? Failure, bool IsFinal)
{
    public static CallResult Taken { get; } = new(null, false);

    public static CallResult Failed(string failure) => new(failure, false);
}

/// <summary>
/// Posts to an address that a stranger named. It goes where requests for key sets go: to public addresses, on the one port, without
/// redirects; and of the answer only the status is looked at.
/// </summary>
public sealed class CallbackClient : IDisposable
{
    private const int ConnectionsPerHost = 2;

    private readonly IDnsResolver _resolver;
    private readonly ICallbackSigner _signer;
    private readonly AgreementsCallbacksOptions _options;
    private readonly KeyHostOptions _hostOptions;
    private readonly TimeProvider _time;
    private readonly StrangersHost _hosts;

    public CallbackClient(IDnsResolver resolver, ICallbackSigner signer, IOptions<MailkeyOptions> options, TimeProvider time)
    {
        _resolver = resolver;
        _signer = signer;
        _options = options.Value.Agreements.Callbacks;
        _hostOptions = options.Value.KeyHost;
        _time = time;
        _hosts = new(_hostOptions, _options.Timeout, ConnectionsPerHost);
    }

    /// <summary>Posts a JSON document, signed.</summary>
    /// <param name="domain">The organisation that is called.</param>
    /// <param name="address">What it named. Looked at again: the ledger may hold what would not be taken today.</param>
    /// <param name="json">The document.</param>
    /// <param name="cancellationToken">Ends the attempt without a result.</param>
    public async Task<CallResult> PostAsync(string domain, string address, byte[] json, CancellationToken cancellationToken)
    {
        if (CallbackAddress.Of(address, domain) is not { } uri)
        {
            return new($"the address is none at {domain} or below it; {domain} has to make contact anew with one that is", IsFinal: true);
        }

        using var deadline = new CancellationTokenSource(_options.Timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            var found = await AddressesAsync(uri.IdnHost, either.Token);
            if (found.Count == 0)
            {
                return CallResult.Failed($"{uri.IdnHost} has no address");
            }

            var allowed = _hosts.Allowed(found);
            if (allowed.Count == 0)
            {
                return CallResult.Failed($"{uri.IdnHost} has no public address but {found[0]}");
            }

            using var request = new HttpRequestMessage(HttpMethod.Post, new UriBuilder(uri) { Port = _hostOptions.HttpsPort }.Uri)
            {
                Version = HttpVersion.Version11,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent(json) { Headers = { ContentType = new("application/json") } },
            };
            request.Headers.UserAgent.Add(new ProductInfoHeaderValue("mailkey", "1"));
            await _signer.SignAsync(request, either.Token);
            using var response = await _hosts.SendAsync(request, allowed, either.Token);
            var status = (int)response.StatusCode;
            return status is >= 200 and < 300 ? CallResult.Taken
                : new($"{uri.IdnHost} answered {status}", IsFinal: response.StatusCode == HttpStatusCode.Gone);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return CallResult.Failed($"{uri.IdnHost} did not answer in {_options.Timeout.TotalSeconds:0.#} s");
        }
        catch (HttpRequestException e)
        {
            return CallResult.Failed($"{uri.IdnHost}: {(e.InnerException ?? e).Message}");
        }
        catch (IOException e)
        {
            return CallResult.Failed($"{uri.IdnHost}: {e.Message}");
        }
    }

    public void Dispose() => _hosts.Dispose();

    private async Task<List<IPAddress>> AddressesAsync(string host, CancellationToken cancellationToken)
    {
        List<IPAddress> found = [];
        foreach (var type in (DnsRecordType[])[DnsRecordType.Aaaa, DnsRecordType.A])
        {
            var answer = await _resolver.ResolveAsync(host, type, cancellationToken);
            found.AddRange(answer.Records.Select(record => record.Address).OfType<IPAddress>());
        }

        return found;
    }
}
