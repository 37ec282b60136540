using Mailkey.Authentication.Crypto;
using Mailkey.Hosting.Options;
using Mailkey.HttpSignatures;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Callbacks;

/// <summary>Signs with the key of the configuration: method, whole address, and digest of the body.</summary>
public sealed class CallbackSigner : ICallbackSigner, IDisposable
{
    /// <summary>What the signatures are for: no other request of ours has one with this tag.</summary>
    public const string Tag = "mailkey-callback";

    // A key is no thing for two threads at once.
    private readonly SemaphoreSlim _turn = new(1);
    private readonly SigningKey? _key;
    private readonly string _keyId;
    private readonly TimeProvider _time;

    /// <exception cref="InvalidOperationException">The key of the configuration can't be used.</exception>
    public CallbackSigner(IOptions<MailkeyOptions> options, TimeProvider time, ILogger<CallbackSigner> logger)
    {
        var callbacks = options.Value.Agreements.Callbacks;
        _time = time;
        _keyId = callbacks.KeyId;
        if (callbacks.SigningKey.Length == 0)
        {
            logger.LogInformation("No key for call-backs: forwarders are not called, and have to ask what became of their agreements");
            return;
        }

        if (!SigningKey.TryImportPem(File.ReadAllText(callbacks.SigningKey), out _key, out var error))
        {
            throw new InvalidOperationException($"Mailkey:Agreements:Callbacks:SigningKey: {error}");
        }
    }

    public bool IsConfigured => _key is not null;

    public async Task SignAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var key = _key ?? throw new InvalidOperationException("There is no key for call-backs.");
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await RequestSigner.SignAsync(request, key, _keyId, Tag, _time.GetUtcNow(), cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _key?.Dispose();
        _turn.Dispose();
    }
}
