using System.Diagnostics.CodeAnalysis;

namespace Mailkey.Agreements.Keys;

/// <summary>
/// Names an agreement towards everybody: in the API, and as <c>XFWDAGREE=&lt;id&gt;</c> in SMTP. It is no secret, but nobody finds one by trying.
/// </summary>
public readonly record struct AgreementId
{
    private const string StreamPrefix = "agreement-";

    private readonly OpaqueToken _token;

    private AgreementId(OpaqueToken token) => _token = token;

    /// <summary>The stream of its events.</summary>
    public string StreamId => StreamPrefix + _token;

    public static AgreementId Mint() => new(OpaqueToken.Mint(TokenPurpose.Agreement));

    /// <summary>Reads an id in any case.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out AgreementId id)
    {
        var parsed = OpaqueToken.TryParse(text, TokenPurpose.Agreement, out var token);
        id = new(token);
        return parsed;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out AgreementId)"/>
    public static bool TryParse([NotNullWhen(true)] string? text, out AgreementId id)
    {
        var parsed = OpaqueToken.TryParse(text, TokenPurpose.Agreement, out var token);
        id = new(token);
        return parsed;
    }

    /// <summary>Finds the id in the name of a stream.</summary>
    public static bool TryParseStreamId(string streamId, out AgreementId id)
    {
        id = default;
        return streamId.StartsWith(StreamPrefix, StringComparison.Ordinal) && TryParse(streamId[StreamPrefix.Length..], out id);
    }

    public override string ToString() => _token.ToString();
}
