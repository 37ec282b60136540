namespace Mailkey.Authentication.Keys;

/// <summary>The three states of a mailkey host; what is not proven is unknown.</summary>
public enum KeyHostState
{
    /// <summary>A key set was found, whether or not it holds a usable key.</summary>
    Exists,

    /// <summary>Proven by NXDOMAIN or NODATA at every place where it could be.</summary>
    Absent,

    /// <summary>DNS or the host failed, or an answer could not be trusted.</summary>
    Unknown,
}

/// <summary>What discovery found out about one domain.</summary>
public sealed record KeyHost
{
    public required string Domain { get; init; }
    public required KeyHostState State { get; init; }

    /// <summary>Set exactly when the state is <see cref="KeyHostState.Exists"/>.</summary>
    public KeySet? Keys { get; init; }

    /// <summary><c>txt</c>, <c>https</c>, <c>mx-txt</c> or <c>mx-https</c>; null unless the set exists.</summary>
    public string? Source { get; init; }

    /// <summary>One ASCII line: what was asked and what came back.</summary>
    public required string Reason { get; init; }

    /// <summary>How long this may be kept.</summary>
    public required TimeSpan MaxAge { get; init; }
}

/// <summary>The keys of one domain.</summary>
public sealed record KeySet
{
    public required string Domain { get; init; }

    /// <summary>Only the host form has one.</summary>
    public long? Serial { get; init; }

    public required IReadOnlyList<PublishedKey> Keys { get; init; }

    /// <summary>Where the domain wants reports; an https URL or null.</summary>
    public string? ReportUrl { get; init; }

    /// <summary>What was wrong with records that could not be used; a line each.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];
}

/// <summary>The state of one published key.</summary>
public enum KeyStatus
{
    Active,
    Revoked,
}

/// <summary>The algorithms of version 1.</summary>
public enum KeyType
{
    Ed25519,
    Rsa,
}

/// <summary>One key of a set.</summary>
public sealed record PublishedKey
{
    /// <summary>1 to 63 of a-z 0-9 and hyphen; unique within the set.</summary>
    public required string Name { get; init; }

    public required KeyType Type { get; init; }

    public required KeyStatus Status { get; init; }

    /// <summary><c>t=y</c>: signatures made with it earn no credit and their failure no refusal.</summary>
    public bool Test { get; init; }

    public string? Note { get; init; }

    /// <summary>Ed25519: the raw 32 octets. RSA: SubjectPublicKeyInfo. Empty when revoked.</summary>
    public required ReadOnlyMemory<byte> Material { get; init; }
}
