using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Signatures;
using Mailkey.Mime;

namespace Mailkey.Scenarios.Tests;

/// <summary>A domain that publishes a mailkey and signs what it sends.</summary>
internal sealed class SenderDomain(string name, string keyName = "k1") : IDisposable
{
    private readonly SigningKey _key = SigningKey.GenerateEd25519();

    public string Name { get; } = name;

    /// <summary>The record to publish.</summary>
    public string Record => $"mailkey.{Name}. 300 IN TXT \"v=MAILKEY1; k=ed25519; s={keyName}; p={Convert.ToBase64String(_key.ExportPublicKey())}\"";

    /// <summary>A small message; its Message-ID has the given text.</summary>
    public static string Message(string from, string to, string id, string text = "Hello") =>
        $"From: <{from}>\r\nTo: <{to}>\r\nSubject: {id}\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{id}@{from.Split('@')[1]}>\r\n\r\n{text}\r\n";

    /// <summary>The message with a signature for its envelope.</summary>
    public string Sign(string message, string reversePath, IReadOnlyList<string> forwardPaths)
    {
        var octets = Encoding.Latin1.GetBytes(message);
        var headerLength = HeaderBlock.Measure(octets, out var bodyStart);
        using var hasher = new BodyHasher(Canonicalization.Relaxed);
        hasher.Append(octets.AsSpan(bodyStart));
        var hash = new byte[BodyHasher.HashLength];
        hasher.Finish(hash);
        var signer = new MailkeySigner { Key = _key, KeyName = keyName, Domain = Name };
        var field = signer.Sign(HeaderBlock.Parse(octets.AsMemory(0, headerLength)), hash, reversePath, forwardPaths, TimeProvider.System.GetUtcNow());
        return Encoding.ASCII.GetString(field) + message;
    }

    public void Dispose() => _key.Dispose();
}
