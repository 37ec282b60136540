using System.Text.Json.Serialization;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Organizations;

/// <summary>Where an organisation is on its way to be somebody who may propose agreements.</summary>
[JsonConverter(typeof(KebabCase<OrganizationStatus>))]
public enum OrganizationStatus
{
    /// <summary>Never heard of.</summary>
    None,

    /// <summary>It made contact; proof of its key, of its domain, or of both is missing.</summary>
    AwaitingProof,

    /// <summary>Both proofs are there. Time has to pass: haste is what throw-away domains have.</summary>
    Waiting,

    /// <summary>A person has to look at it.</summary>
    AwaitingApproval,

    /// <summary>It may propose agreements, within its caps.</summary>
    Verified,

    /// <summary>It may not for now, and its agreements rest.</summary>
    Suspended,

    /// <summary>It was not let in. It may make contact anew.</summary>
    Refused,

    /// <summary>It did not go on in time. It may make contact anew.</summary>
    Lapsed,

    /// <summary>An operator wants nothing of it, until an operator says otherwise.</summary>
    Banned,
}

/// <summary>How much an organisation is trusted.</summary>
[JsonConverter(typeof(KebabCase<OrganizationTrust>))]
public enum OrganizationTrust
{
    Probation,
    Established,
}

/// <summary>What an organisation has to prove.</summary>
[JsonConverter(typeof(KebabCase<OrganizationProof>))]
public enum OrganizationProof
{
    /// <summary>It signs requests under the keys that its mailkey host publishes.</summary>
    Key,

    /// <summary>It put a record, which we chose, into its DNS. A certificate, or somebody's machine, is not enough.</summary>
    Dns,
}

/// <summary>Why an organisation was not let in.</summary>
[JsonConverter(typeof(KebabCase<OrganizationRefusedBy>))]
public enum OrganizationRefusedBy
{
    Operator,
    Proof,
}

/// <summary>Why its trust fell.</summary>
[JsonConverter(typeof(KebabCase<OrganizationDemotion>))]
public enum OrganizationDemotion
{
    Complaints,
    AfterSuspension,
}

/// <summary>Why it is suspended.</summary>
[JsonConverter(typeof(KebabCase<OrganizationHold>))]
public enum OrganizationHold
{
    Operator,
    Complaints,

    /// <summary>A proof that it once gave does not hold any more.</summary>
    Proof,
}
