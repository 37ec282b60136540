namespace Mailkey.Ingress.Smtp;

/// <summary>How far a session is. The columns of <see cref="CommandTable"/>.</summary>
internal enum SessionState
{
    /// <summary>Greeted, and nothing said yet; also right after TLS began (RFC 3207 §4.2).</summary>
    Connected,

    /// <summary>EHLO or HELO was said; no transaction.</summary>
    Ready,

    /// <summary>MAIL was accepted, no recipient yet.</summary>
    Mail,

    /// <summary>At least one recipient was accepted.</summary>
    Recipients,

    /// <summary>At least one chunk of BDAT was accepted, not the last.</summary>
    Chunks,
}

/// <summary>What a session does after a command.</summary>
internal enum NextStep
{
    /// <summary>Reads the next command.</summary>
    Command,

    /// <summary>Waits for octets: no whole command is there.</summary>
    Input,

    /// <summary>Reads the content that follows DATA.</summary>
    Data,

    /// <summary>Reads the chunk that follows BDAT.</summary>
    Chunk,

    /// <summary>Goes on with an authentication.</summary>
    Authentication,

    /// <summary>Negotiates TLS.</summary>
    Tls,

    /// <summary>Closes the connection when the replies are out.</summary>
    Close,
}
