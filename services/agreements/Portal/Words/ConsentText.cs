using System.Text;
using Mailkey.Agreements.Agreements;

namespace Mailkey.Agreements.Portal.Words;

/// <summary>The words that a user consents to in the portal: shown as they are, and kept with the consent.</summary>
internal static class ConsentText
{
    /// <summary>What is asked about a version of the terms that is on offer.</summary>
    public static string Of(AgreementState state, int version) => Of(state, state.Versions[version - 1].Terms);

    /// <summary>What is asked about terms.</summary>
    public static string Of(AgreementState state, Terms terms)
    {
        var text = new StringBuilder(
            $"""
            {AgreementWords.Category(state.Category)} "{AgreementWords.NameOf(state)}" ({Shown.Line(state.Subscription)}),
            forwarded by {Shown.Line(state.Forwarder)} to {Shown.Line(state.Recipient)}.
            I want this mail, under these terms:

            """.ReplaceLineEndings("\n"));
        foreach (var (term, value) in AgreementWords.Terms(terms))
        {
            text.Append("- ").Append(term).Append(": ").Append(value).Append('\n');
        }

        return text.Append("I can change, pause or end this at any time.").ToString();
    }
}
