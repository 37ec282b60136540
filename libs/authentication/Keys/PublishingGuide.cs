namespace Mailkey.Authentication.Keys;

/// <summary>A line of a guide.</summary>
/// <param name="IsLiteral">To be typed or published as it stands, in one piece.</param>
public sealed record GuideLine(string Text, bool IsLiteral = false);

/// <summary>How the owner of a domain comes to a mailkey: the same words in notifications and on the page of a domain.</summary>
public static class PublishingGuide
{
    /// <summary>The steps in order, each of some lines.</summary>
    /// <param name="domain">In normal form.</param>
    /// <param name="keyName">Name for a first key, such as <c>2026a</c>.</param>
    /// <param name="records">Lines for the zone file.</param>
    public static IReadOnlyList<IReadOnlyList<GuideLine>> Steps(string domain, string keyName, IEnumerable<string> records) =>
    [
        [new("Make a key:"), new($"mailkey keygen {keyName}.pem", true)],
        [new("Have your outgoing mail server sign with it.")],
        [
            new("Publish it in DNS:"),
            .. records.Select(record => new GuideLine(record, true)),
            new("This prints the record with your key in it:"),
            new($"mailkey records {domain} --key {keyName}={keyName}.pem", true),
        ],
        [new("See it as receivers do:"), new($"mailkey check {domain}", true)],
    ];
}
