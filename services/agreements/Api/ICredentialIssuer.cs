using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;

namespace Mailkey.Agreements.Api;

/// <summary>A credential that a forwarder logs in with, shown once; or why there is none.</summary>
/// <param name="PreviousEnds">Until when the credential before this one is good.</param>
public sealed record IssuedCredential(string? Id, string? Secret, DateTimeOffset? PreviousEnds, Refusal? Refusal);

/// <summary>Issues credentials for agreements.</summary>
public interface ICredentialIssuer
{
    Task<IssuedCredential> IssueAsync(AgreementId id, Actor forwarder, string? cause, CancellationToken cancellationToken);
}
