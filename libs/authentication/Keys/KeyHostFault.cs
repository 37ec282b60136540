namespace Mailkey.Authentication.Keys;

/// <summary>Why a search ended in the state unknown.</summary>
public enum KeyHostFault
{
    None,

    /// <summary>The DNS failed or gave an answer that proves nothing.</summary>
    Dns,

    /// <summary>No end within the time for a discovery.</summary>
    Timeout,

    /// <summary>The host has only addresses to which no request is made on a stranger's word.</summary>
    NotPublic,

    /// <summary>No connection, or one that broke.</summary>
    Connection,

    /// <summary>TLS failed; most often the certificate is not for this name or of an unknown authority.</summary>
    Tls,

    /// <summary>404 or 410: a host that serves no key set.</summary>
    NotFound,

    /// <summary>Any other status than 200, redirects included.</summary>
    Status,

    /// <summary>Not <c>application/json</c>, encoded, or more than 32 KiB.</summary>
    Content,

    /// <summary>JSON that is no key set of version 1.</summary>
    Document,

    /// <summary>A key set of another domain.</summary>
    OtherDomain,

    /// <summary>Too many key sets are being fetched.</summary>
    Busy,
}
