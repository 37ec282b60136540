using System.Globalization;
using Mailkey.Authentication.Keys;
using Mailkey.Senders;
using Mailkey.Status.Domains;

namespace Mailkey.Status.Pages;

/// <summary>The pages, all words of them. What DNS, hosts and clients say gets in as text only; see <see cref="Html"/>.</summary>
internal static class DomainPage
{
    // What is shown of lists that strangers fill.
    private const int MostItems = 20;
    private const int MostSteps = 60;
    private const int MostCharacters = 400;

    /// <summary>The form alone.</summary>
    public static Html Start(string root) => Frame("Domains that send mail here", root, Html.Of($"""
        <h1>Domains that send mail here</h1>
        <p>This mail host asks each sender domain for its mailkey, and refuses mail that only claims to come from a domain that has one.
        See here what it knows about yours, and why mail of it was not taken.</p>
        {Form(root, "")}
        """));

    /// <summary>A page that says why there is no other one.</summary>
    public static Html Problem(string title, string text, string root, string domain = "") => Frame(title, root, Html.Of($"""
        <h1>{title}</h1>
        <p>{text}</p>
        {Form(root, domain)}
        """));

    /// <summary>All about one domain.</summary>
    /// <param name="root">The way from this page to the start page: <c>./</c> or <c>../</c>.</param>
    public static Html Of(DomainView view, string root) => Frame($"{view.Unicode ?? view.Domain}: mailkey", root, Html.Of($"""
        <h1><bdi>{view.Unicode ?? view.Domain}</bdi></h1>
        {(view.Unicode is null ? Html.Empty : Html.Of($"<p class=soft>in the DNS <code>{view.Domain}</code></p>"))}
        {State(view)}
        {Recheck(view, root)}
        {Failures(view)}
        {Keys(view)}
        {Problems(view)}
        {Guide(view)}
        {Memory(view)}
        {Others(view)}
        {Steps(view)}
        <h2>Another domain</h2>
        {Form(root, "")}
        """));

    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);

    private static Html Frame(string title, string root, Html content) => Html.Of($"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="robots" content="noindex">
        <title>{title}</title>
        <style>{Sheet}</style>
        </head>
        <body>
        <main>
        {content}
        </main>
        <footer class=soft><a href="{root}">Start</a>. Nothing here tells who gets mail, or whether a mailbox exists.</footer>
        </body>
        </html>

        """);

    // The one text that is put in as it is: it stands in the source.
    private static Html Sheet { get; } = Html.OfStyle(Style.Sheet);

    private static Html Form(string root, string domain) => Html.Of($"""
        <form method="get" action="{root}">
        <label for="domain">Domain of the sender's address</label>
        <div class=row><input id="domain" name="domain" value="{domain}" type="text" inputmode="url" autocapitalize="none" autocomplete="off" spellcheck="false" maxlength="253" placeholder="example.org" required>
        <button>Show</button></div>
        </form>
        """);

    private static Html State(DomainView view)
    {
        var (kind, words) = view.State switch
        {
            KeyHostState.Exists => ("exists", "It has a mailkey"),
            KeyHostState.Absent => ("absent", "It has no mailkey"),
            KeyHostState.Unknown => ("unknown", "It is not known now whether it has a mailkey"),
            _ => ("unseen", "Not looked at"),
        };
        var follows = view.State switch
        {
            null => "The button below does it.",
            _ when view.Stage == "observe" => "This receiver watches only: no mail is refused for that yet.",
            KeyHostState.Exists => "Mail in its name that is not signed with it is refused here.",
            KeyHostState.Absent when view.Stage == "require-all" => "Anybody can send mail in its name; this receiver takes its mail only with a mailkey.",
            KeyHostState.Absent => "Anybody can send mail in its name.",
            _ => "Its mail is put off here (451) until that is known.",
        };
        return Html.Of($"""
            <div class="state {kind}"><strong>{words}</strong><br>{Sentence(view.Reason)}<br>{follows}
            {(view.Check is null ? Html.Empty : Html.Of($"<br><span class=soft>Looked at: {Time(view.Check.At)}</span>"))}</div>
            """);
    }

    private static Html Recheck(DomainView view, string root) => Html.Of($"""
        <form method="post" action="{root}domain/{view.Domain}"><button>Look again now</button>
        <span class=soft>Asks DNS anew; all caches here forget this domain.</span></form>
        """);

    private static Html Keys(DomainView view)
    {
        if (view.Check?.Findings is not { State: KeyHostState.Exists } findings)
        {
            return Html.Empty;
        }

        return Html.Of($"""
            <h2>Keys</h2>
            <p>Found at <code>{Short(findings.Host)}</code> by {(findings.Source is "https" or "mx-https" ? "HTTPS" : "DNS")}{(findings.Serial is { } serial ? $", serial {serial.ToString(CultureInfo.InvariantCulture)}" : "")}.</p>
            <ul>
            {Html.Join(findings.Keys.Take(MostItems), key => Html.Of($"<li><code>{Short(key.Name)}</code>: {Describe(key)}</li>\n"))}</ul>
            """);
    }

    private static string Describe(InspectedKey key)
    {
        var size = key is { Type: KeyType.Rsa, Bits: > 0 } ? string.Create(CultureInfo.InvariantCulture, $" with {key.Bits} bits") : "";
        var state = key.Status == KeyStatus.Revoked ? "revoked" : key.Test ? "for tests only" : "active";
        return $"{(key.Type == KeyType.Rsa ? "RSA" : "Ed25519")}{size}, {state}{(key.Note is null ? "" : $"; note: {Short(key.Note)}")}";
    }

    // That there is none at all is no problem to mend twice: the guide says how.
    private static Html Problems(DomainView view) => view.Check?.Findings is not { Problems.Count: > 0, State: not KeyHostState.Absent } findings ? Html.Empty : Html.Of($"""
        <h2>To mend</h2>
        <ul>
        {Html.Join(findings.Problems.Take(MostItems), problem => Html.Of($"<li>{Short(problem.What)}.<br><span class=soft>{Short(problem.Fix)}</span></li>\n"))}</ul>
        """);

    private static Html Guide(DomainView view) => !view.NeedsGuide ? Html.Empty : Html.Of($"""
        <h2>How it comes to a mailkey</h2>
        <ol>
        {Html.Join(PublishingGuide.Steps(view.Domain, view.KeyName, view.RecordsToPublish), lines => Html.Of($"<li>{Html.Join(lines, Line)}</li>\n"))}</ol>
        <p>From then on receivers refuse mail that only claims to be of {view.Unicode ?? view.Domain}.</p>
        """);

    private static Html Line(GuideLine line) => line.IsLiteral ? Html.Of($"<pre>{line.Text}</pre>") : Html.Of($"<p>{line.Text}</p>");

    private static Html Failures(DomainView view) => view.Failures.Count == 0
        ? Html.Of($"<h2>Mail that was not taken</h2>\n<p>None in the last days.</p>")
        // Keyboards can scroll what is too wide for a phone only where they can go.
        : Html.Of($"""
            <h2 id=failures>Mail that was not taken</h2>
            <div class=scroll tabindex=0 role=region aria-labelledby=failures><table>
            <thead><tr><th scope=col>Hour</th><th scope=col>Reason</th><th scope=col class=n>Messages</th></tr></thead>
            <tbody>
            {Html.Join(view.Failures.Take(MostItems), Failure)}</tbody></table></div>
            <p class=soft>Anybody can claim to be this domain: they need not all be yours.</p>
            """);

    private static Html Failure(DomainFailure failure) => Html.Of($"""
        <tr><td>{Time(failure.Hour)}</td><td>{(failure.Permanent ? "Refused" : "Put off")}: {Short(failure.Cause)}.</td><td class=n>{failure.Count}</td></tr>

        """);

    private static Html Memory(DomainView view) => view.Pin is null && view.Events.Count == 0 ? Html.Empty : Html.Of($"""
        <h2>What is remembered</h2>
        {(view.Pin is not { } pin ? Html.Empty : Html.Of($"<p>A key set was last seen at {Time(pin.LastSeen)}{(pin.Serial is { } serial ? $"; its serial may not go below {serial.ToString(CultureInfo.InvariantCulture)}" : "")}.</p>"))}
        {(view.Events.Count == 0 ? Html.Empty : Html.Of($"<ul>\n{Html.Join(view.Events.Take(MostItems), e => Html.Of($"<li>{Time(e.At)}: {Words(e)}</li>\n"))}</ul>"))}
        """);

    private static string Words(DomainEvent e) => e.Kind switch
    {
        DomainEventKind.PublisherVanished => "the key set was gone",
        DomainEventKind.PublisherReturned => "the key set was back",
        DomainEventKind.PublisherForgotten => "it stayed away, and the domain counts as one without mailkey",
        DomainEventKind.KeySetRolledBack => string.Create(CultureInfo.InvariantCulture, $"the serial {e.OfferedSerial} was offered after {e.Serial}, and refused"),
        _ => e.Kind,
    };

    private static Html Others(DomainView view) => view.Check is null ? Html.Empty : Html.Of($"""
        <h2>SPF and DKIM</h2>
        <p>{(view.Check.HasSpf switch { true => "The domain publishes an SPF record.", false => "The domain publishes no SPF record; it is one line in the DNS, and many receivers ask for it.", null => "It could not be found out whether the domain publishes SPF." })}
        Signatures by DKIM count as mailkey when the key they are made with stands in the key set.</p>
        """);

    private static Html Steps(DomainView view) => view.Check?.Findings.Steps is not { Count: > 0 } steps ? Html.Empty : Html.Of($"""
        <h2>What was asked</h2>
        <details><summary>Each question and its answer</summary>
        <ul>
        {Html.Join(steps.Take(MostSteps), step => Html.Of($"<li>{Short(step)}</li>\n"))}</ul></details>
        """);

    private static string Sentence(string text) => text.Length == 0 ? "" : $"{char.ToUpperInvariant(text[0])}{Short(text)[1..]}.";

    private static string Short(string? text) => text is null ? "" : text.Length <= MostCharacters ? text : text[..MostCharacters] + " …";
}
