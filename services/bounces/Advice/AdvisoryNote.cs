using System.Globalization;
using Mailkey.Authentication.Keys;

namespace Mailkey.Bounces.Advice;

/// <summary>
/// The note at the end of a notification: how the owner of the sender's domain keeps others from using it. All its words
/// are here.
/// </summary>
public static class AdvisoryNote
{
    /// <summary>Lines about problems; more would not be read.</summary>
    private const int MaxProblems = 8;

    /// <summary>The lines of the note, none when there is nothing to say. Lines that begin with two spaces are to be kept whole.</summary>
    /// <param name="condition">What was found out about the domain.</param>
    /// <param name="domain">Lower-case A-labels.</param>
    /// <param name="keyName">Name for a first key, such as <c>2026a</c>.</param>
    /// <param name="helpUrl">A page about this domain.</param>
    public static IReadOnlyList<string> Lines(DomainCondition condition, string domain, string keyName, string helpUrl)
    {
        IReadOnlyList<string> advice = condition.Kind switch
        {
            AdvisoryKind.NoHost =>
            [
                $"Anybody can send mail in the name of {domain}, because it has no mailkey. If you did not send the message above, somebody else did. To stop that:",
                "",
                .. Steps(PublishingGuide.Steps(domain, keyName, condition.RecordsToPublish)),
                "",
                "From then on receivers refuse mail that only claims to be yours.",
            ],
            AdvisoryKind.HostBroken =>
            [
                $"{domain} has a mailkey, but something is wrong with it:",
                .. Problems(condition),
                "As long as that is so, mail of yours is refused. To see what receivers see:",
                $"  mailkey check {domain}",
            ],
            AdvisoryKind.HostUnknown =>
            [
                $"It can't be found out whether {domain} has a mailkey:",
                .. Problems(condition),
                "As long as that is so, receivers may put your mail off. To see what they see:",
                $"  mailkey check {domain}",
            ],
            _ => [],
        };
        return advice.Count == 0 ? [] : ["", $"-- For the owner of {domain}", "", .. advice, $"More about it: {helpUrl}"];
    }

    private static IEnumerable<string> Steps(IReadOnlyList<IReadOnlyList<GuideLine>> steps) =>
        steps.SelectMany((lines, step) => lines.Select((line, index) =>
            line.IsLiteral ? $"  {line.Text}" : index == 0 ? string.Create(CultureInfo.InvariantCulture, $"{step + 1}. {line.Text}") : $"   {line.Text}"));

    private static IEnumerable<string> Problems(DomainCondition condition) =>
        ["", .. condition.Problems.Take(MaxProblems).Select(problem => $"  {problem}"), ""];
}
