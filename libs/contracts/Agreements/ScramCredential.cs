namespace Mailkey.Contracts.Agreements;

/// <summary>What a server keeps of a secret for SCRAM-SHA-256 (RFC 5802 §3, RFC 7677). Nobody can log in with it.</summary>
public sealed record ScramCredential
{
    /// <summary>The name to log in with.</summary>
    public required string Id { get; init; }

    /// <summary>The agreement that it was issued for; null for a name that nobody has.</summary>
    public string? AgreementId { get; init; }

    public required byte[] Salt { get; init; }

    public required int Iterations { get; init; }

    public required byte[] StoredKey { get; init; }

    public required byte[] ServerKey { get; init; }

    /// <summary>When it stops being good because a newer one took its place; null: not yet.</summary>
    public DateTimeOffset? ValidUntil { get; init; }
}
