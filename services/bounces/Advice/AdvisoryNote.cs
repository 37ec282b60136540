namespace Mailkey.Bounces.Advice;

/// <summary>
/// The note at the end of a notification: how the owner of the sender's domain keeps others from using it. All its words
/// are here.
/// </summary>
public static class AdvisoryNote
{
    /// <summary>Problems that are listed; more would not be read.</summary>
    private const int MaxProblems = 5;

    /// <summary>The lines of the note, none when there is nothing to say. Lines that begin with two spaces are to be kept whole.</summary>
    /// <param name="domain">Lower-case A-labels.</param>
    /// <param name="keyName">Name for a first key, such as <c>2026a</c>.</param>
    /// <param name="helpUrl">A page about this domain.</param>
    public static IReadOnlyList<string> Lines(DomainCondition condition, string domain, string keyName, string helpUrl) => condition.Kind switch
    {
        AdvisoryKind.NoHost =>
        [
            "",
            $"-- For the owner of {domain}",
            "",
            $"Anybody can send mail in the name of {domain}, because it has no mailkey. If you did not send the message above, somebody else did. To stop that:",
            "",
            "1. Make a key. This prints the record for step 3:",
            $"  mailkey keygen {domain}",
            "2. Have your outgoing mail server sign with it.",
            "3. Publish the record in DNS:",
            $"  mailkey.{domain}. 3600 IN TXT \"v=MAILKEY1; k=ed25519; s={keyName}; p=<public key from step 1>\"",
            "4. Look at it as receivers do:",
            $"  mailkey check {domain}",
            "",
            "From then on receivers refuse mail that only claims to be yours.",
            $"More about it: {helpUrl}",
        ],
        AdvisoryKind.HostBroken =>
        [
            "",
            $"-- For the owner of {domain}",
            "",
            $"{domain} has a mailkey host, but receivers can't use it:",
            "",
            .. condition.Problems.Take(MaxProblems).Select(problem => $"  {problem}"),
            "",
            "As long as that is so, your mail may be delayed or refused. To see what receivers see:",
            $"  mailkey check {domain}",
            $"More about it: {helpUrl}",
        ],
        _ => [],
    };
}
