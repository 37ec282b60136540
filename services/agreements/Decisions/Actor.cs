using System.Text.Json.Serialization;

namespace Mailkey.Agreements.Decisions;

/// <summary>In what role somebody acts.</summary>
[JsonConverter(typeof(KebabCase<ActorKind>))]
public enum ActorKind
{
    /// <summary>The account whose mail it is.</summary>
    User,

    /// <summary>The organisation that forwards; its id is its domain.</summary>
    Forwarder,

    /// <summary>A person who runs this system.</summary>
    Operator,

    /// <summary>This system itself: a timer, a saga, a counter.</summary>
    System,
}

/// <summary>Who gives a command. Whoever builds one has authenticated it; the deciders check what it may do.</summary>
/// <param name="Id">The account, the domain in its normal form, the operator's account, or the part of the system.</param>
public sealed record Actor(ActorKind Kind, string Id)
{
    /// <summary>As it is written into the envelope of an event: <c>user:alice@example.org</c>.</summary>
    public override string ToString() => Kind switch
    {
        ActorKind.User => $"user:{Id}",
        ActorKind.Forwarder => $"forwarder:{Id}",
        ActorKind.Operator => $"operator:{Id}",
        _ => $"system:{Id}",
    };
}
