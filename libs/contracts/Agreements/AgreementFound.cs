namespace Mailkey.Contracts.Agreements;

/// <summary>What there is for one key.</summary>
public sealed record AgreementFound
{
    public required string Key { get; init; }

    /// <summary>The agreement, if it holds for a transaction that begins now; null in every other case, whatever the reason.</summary>
    public AgreementInForce? Agreement { get; init; }

    /// <summary>
    /// Asked for by <c>credential:</c>: what a client that logs in has to prove. Never null then: for a name that nobody has it is made up, always in
    /// the same way, so that no client can tell the two apart.
    /// </summary>
    public ScramCredential? Credential { get; init; }

    /// <summary>Asked for by <c>forwarder:</c>: whether it ever had an agreement here.</summary>
    public bool IsForwarder { get; init; }
}
