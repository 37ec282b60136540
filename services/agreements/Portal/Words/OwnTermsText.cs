using System.Text;
using Mailkey.Agreements.Agreements;

namespace Mailkey.Agreements.Portal.Words;

/// <summary>The words that a user consents to who asks for terms that allow more: shown as they are, and kept with the consent.</summary>
internal static class OwnTermsText
{
    /// <summary>What is consented to.</summary>
    public static string Of(AgreementState state, Terms terms)
    {
        var text = new StringBuilder(
            $"""
            {AgreementWords.Category(state.Category)} "{AgreementWords.NameOf(state)}" ({Shown.Line(state.Subscription)}),
            forwarded by {Shown.Line(state.Forwarder)} to {Shown.Line(state.Recipient)}.
            I want this mail under other terms:

            """.ReplaceLineEndings("\n"));
        foreach (var (term, value) in AgreementWords.Terms(terms))
        {
            text.Append("- ").Append(term).Append(": ").Append(value).Append('\n');
        }

        return text.Append("I can change, pause or end this at any time.").ToString();
    }
}
