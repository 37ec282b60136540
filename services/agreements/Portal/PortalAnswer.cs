using Microsoft.AspNetCore.Components;

namespace Mailkey.Agreements.Portal;

/// <summary>What the portal answers: a page, or the way to one.</summary>
internal sealed record PortalAnswer
{
    private PortalAnswer()
    {
    }

    public int Status { get; private init; }

    /// <summary>The component that makes the page; null for a redirect.</summary>
    public Type? Page { get; private init; }

    public Dictionary<string, object?> Parameters { get; private init; } = [];

    public string? Location { get; private init; }

    /// <summary>When to try again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The session that begins with this answer.</summary>
    public string? NewSession { get; init; }

    /// <summary>Whether the session is over.</summary>
    public bool SignsOut { get; init; }

    public static PortalAnswer Of<TPage>(int status, params (string Name, object? Value)[] parameters)
        where TPage : IComponent =>
        new() { Status = status, Page = typeof(TPage), Parameters = parameters.ToDictionary(pair => pair.Name, pair => pair.Value) };

    /// <summary>After a form: the browser gets the page anew, so that going back does not send the form again.</summary>
    /// <param name="location">A path of this host.</param>
    public static PortalAnswer SeeOther(string location) => new() { Status = StatusCodes.Status303SeeOther, Location = location };

    /// <summary>A page that says one thing.</summary>
    public static PortalAnswer Says(Visit visit, int status, string title, string text) =>
        Of<Pages.MessagePage>(status, ("Visit", visit), ("Title", title), ("Text", text));

    /// <summary>What is not there, or not for the one who asks: nobody can tell which.</summary>
    public static PortalAnswer NotFound(Visit visit) =>
        Says(visit, StatusCodes.Status404NotFound, "There is no such page", "It may have been another address, or another account.");
}
