namespace Mailkey.Policy;

/// <summary>How far the receiver goes on the way from watching to requiring.</summary>
public enum PolicyStage
{
    /// <summary>Nothing is refused for mailkey reasons; the verdict only says what was found.</summary>
    Observe,

    /// <summary>Forged mail of domains that publish is refused; who does not publish is untouched.</summary>
    EnforcePublished,

    /// <summary>In addition the listed domains must sign.</summary>
    RequireListed,

    /// <summary>Everybody must sign.</summary>
    RequireAll,
}
