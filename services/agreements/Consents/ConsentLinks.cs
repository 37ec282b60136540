using Mailkey.Agreements.Portal;

namespace Mailkey.Agreements.Consents;

/// <summary>What the links in our mails ask, for the portal.</summary>
public sealed class ConsentLinks(ConsentQuestions questions) : IConsentLinks
{
    public async Task<LinkedQuestion?> ReadAsync(string token, CancellationToken cancellationToken) =>
        await questions.FindAsync(token, cancellationToken) is { } question ? new(question.Agreement, question.TermsVersion, question.Text) : null;
}
