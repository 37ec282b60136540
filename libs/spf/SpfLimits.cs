namespace Mailkey.Spf;

/// <summary>How much work a stranger's records may cause.</summary>
public static class SpfLimits
{
    /// <summary>Terms of one evaluation that need the DNS: include, a, mx, ptr, exists and redirect (RFC 7208 §4.6.4).</summary>
    public const int LookupTerms = 10;

    /// <summary>Terms of one evaluation whose look-up finds nothing (RFC 7208 §4.6.4).</summary>
    public const int VoidLookups = 2;

    /// <summary>Exchanges of one mx: more are a permerror (RFC 7208 §4.6.4).</summary>
    public const int MailExchanges = 10;

    /// <summary>Names of a client that are looked at: further ones are ignored (RFC 7208 §4.6.4).</summary>
    public const int ClientNames = 10;

    /// <summary>
    /// Characters of a domain-spec. What is expanded keeps at most 253 of them (RFC 7208 §7.3), so a longer one serves only to burn time;
    /// the RFC sets no limit, and none that is in use comes near.
    /// </summary>
    public const int DomainSpec = 1024;

    /// <summary>Characters of an explanation; the rest is cut off. A reply of SMTP has 512 octets with code and CRLF (RFC 5321 §4.5.3.1.5).</summary>
    public const int Explanation = 400;
}
