namespace Mailkey.Ingress.Agreements;

/// <summary>Tells the agreements service what became of its agreements. Nothing here waits.</summary>
internal interface IAgreementReports
{
    /// <summary>A message was accepted under an agreement.</summary>
    void Used(string agreementId, string forwarder, string clientAddress);

    /// <summary>Something was done that an agreement does not cover.</summary>
    /// <param name="agreementId">The one that answers for it.</param>
    /// <param name="kind"><c>foreign-reference</c>, <c>wrong-reference</c> or <c>address-used-by-another</c>.</param>
    /// <param name="forwarder">Who did it; null for somebody unknown.</param>
    void Misused(string agreementId, string kind, string queueId, string clientAddress, string? forwarder);
}
