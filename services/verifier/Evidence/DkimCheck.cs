using System.Buffers.Binary;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Hosting.Options;
using Mailkey.Mime;
using Mailkey.Verifier.Telemetry;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Evidence;

/// <summary>Verifies the DKIM signatures of a message with the keys that their own domains publish.</summary>
public sealed class DkimCheck(DkimVerifier verifier, SignatureSightings sightings, IOptions<MailkeyOptions> options)
{
    /// <param name="headers">The header block of the message, parsed.</param>
    /// <returns>What is told of each signature, and what was found, in the same order.</returns>
    public async ValueTask<(IReadOnlyList<DkimEvidence> Evidence, IReadOnlyList<DkimFinding> Findings)> CheckAsync(MessageReceived message, HeaderBlock headers, CancellationToken cancellationToken)
    {
        var findings = await verifier.VerifyAsync(headers, message.BodyDigests(), options.Value.Dkim.Timeout, cancellationToken);
        if (findings.Signatures.Count == 0)
        {
            return ([], []);
        }

        DkimMetrics.CountIgnored(findings.Ignored);
        var evidence = new DkimEvidence[findings.Signatures.Count];
        UInt128? recipients = null;
        for (var i = 0; i < evidence.Length; i++)
        {
            var finding = findings.Signatures[i];
            DkimMetrics.CountSignature(finding.Result);
            int? seen = null;

            // Only of good signatures: what anybody can make up would push the true ones out.
            if (finding.Fingerprint is { } fingerprint)
            {
                seen = sightings.Note(fingerprint, recipients ??= Recipients(message.Envelope));
                if (seen > 1)
                {
                    DkimMetrics.CountRepeated();
                }
            }

            evidence[i] = new()
            {
                Result = finding.Result,
                Domain = finding.Domain,
                Selector = finding.Selector,
                Algorithm = finding.Algorithm,
                Identity = finding.Identity,
                SignatureStart = finding.SignatureStart,
                KeyBits = finding.KeyBits,
                Seen = seen,
                SignsListId = finding.SignsListId ? true : null,
                Reason = finding.Reason,
            };
        }

        return (evidence, findings.Signatures);
    }

    // The set of recipients, in whatever order they were named.
    private static UInt128 Recipients(Envelope envelope)
    {
        Span<byte> hash = stackalloc byte[EnvelopeBinding.HashLength];
        UInt128 all = 0;
        foreach (var recipient in envelope.Recipients)
        {
            EnvelopeBinding.Hash(recipient.ForwardPath, hash);
            all += BinaryPrimitives.ReadUInt128BigEndian(hash);
        }

        return all;
    }
}
