using System.Net;
using Mailkey.Contracts;
using Mailkey.Hosting.Options;
using Mailkey.Spf;
using Mailkey.Verifier.Telemetry;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Evidence;

/// <summary>Asks SPF about the client and the envelope sender.</summary>
public sealed class SpfCheck(SpfEvaluator evaluator, IOptions<MailkeyOptions> options)
{
    /// <returns>Null when SPF is switched off.</returns>
    public ValueTask<SpfEvidence?> CheckAsync(MessageReceived message, CancellationToken cancellationToken) =>
        CheckAsync(message, message.Envelope.ReversePath, cancellationToken);

    /// <summary>Whether the client may send for a forwarder, whatever the envelope sender is.</summary>
    /// <param name="forwarder">A domain.</param>
    /// <inheritdoc cref="CheckAsync(MessageReceived, CancellationToken)"/>
    public ValueTask<SpfEvidence?> CheckForwarderAsync(MessageReceived message, string forwarder, CancellationToken cancellationToken) =>
        CheckAsync(message, $"postmaster@{forwarder}", cancellationToken);

    private async ValueTask<SpfEvidence?> CheckAsync(MessageReceived message, string sender, CancellationToken cancellationToken)
    {
        if (!options.Value.Spf.Enabled || !IPAddress.TryParse(message.Connection.ClientAddress, out var client))
        {
            return null;
        }

        var result = await evaluator.EvaluateAsync(
            new()
            {
                Client = client,
                ReversePath = sender,
                ClientName = message.Connection.ClientName,
                ReceiverName = options.Value.Hostname,
            },
            cancellationToken);
        var identity = result.Identity == SpfIdentity.Helo ? "helo" : "mailfrom";
        SpfMetrics.CountResult(result.Word, identity);
        return new()
        {
            Result = result.Word,
            Identity = identity,
            Domain = result.Domain,
            Mechanism = result.Directive,
            Reason = result.Explanation ?? result.Problem,
        };
    }
}
