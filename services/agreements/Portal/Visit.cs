using System.Net;
using Mailkey.Agreements.Accounts;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Portal.Sessions;

namespace Mailkey.Agreements.Portal;

/// <summary>One request to the portal: who makes it, and from where.</summary>
/// <param name="Account">Who is signed in; null when nobody is.</param>
/// <param name="Secret">What the cookie has that its forms are bound to.</param>
/// <param name="Client">The client's address.</param>
/// <param name="Host">Name of this mail system.</param>
public sealed record Visit(Account? Account, string Secret, IPAddress Client, string Host, DateTimeOffset Now)
{
    /// <summary>Value of the hidden field of every form.</summary>
    public string FormToken => FormTokens.Of(Secret);

    /// <summary>The signed-in account as the user whose mail it is.</summary>
    public Actor User => new(ActorKind.User, Account!.Address);

    /// <summary>The signed-in account as an operator.</summary>
    public Actor Operator => new(ActorKind.Operator, Account!.Address);

    public bool IsOperator => Account is { IsOperator: true };
}
