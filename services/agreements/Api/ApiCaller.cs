using System.Net;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Api;

/// <summary>Who calls, as was proven, and with what.</summary>
/// <param name="Domain">The organisation; null when an account calls.</param>
/// <param name="Account">The account; null when an organisation calls.</param>
/// <param name="KeyId">The key that an organisation signed with.</param>
/// <param name="Client">Where the request came from.</param>
/// <param name="Request">Names the request in the ledger.</param>
/// <param name="Body">The content.</param>
public sealed record ApiCaller(string? Domain, string? Account, bool IsOperator, string? KeyId, IPAddress Client, string Request, ReadOnlyMemory<byte> Body)
{
    /// <summary>The caller as the forwarder; null when it is none.</summary>
    public Actor? Forwarder => Domain is null ? null : new(ActorKind.Forwarder, Domain);

    /// <summary>The caller as a user.</summary>
    public Actor? User => Account is null ? null : new(ActorKind.User, Account);

    /// <summary>The caller as somebody who runs this system.</summary>
    public Actor? Operator => IsOperator && Account is not null ? new(ActorKind.Operator, Account) : null;

    /// <summary>What the requests of this caller are kept under.</summary>
    public string Name => Domain is not null ? $"forwarder:{Domain}" : $"account:{Account}";
}
