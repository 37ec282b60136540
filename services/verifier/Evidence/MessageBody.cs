using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;

namespace Mailkey.Verifier.Evidence;

/// <summary>The hashes of a body as ingress sent them.</summary>
internal static class MessageBody
{
    public static BodyDigests BodyDigests(this MessageReceived message) => new(Digest(message, "simple"), Digest(message, "relaxed"));

    private static ReadOnlyMemory<byte> Digest(MessageReceived message, string canonicalization)
    {
        foreach (var hash in message.BodyHashes)
        {
            if (hash.Canonicalization == canonicalization)
            {
                return hash.Sha256;
            }
        }

        return default;
    }
}
