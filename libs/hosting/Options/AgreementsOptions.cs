namespace Mailkey.Hosting.Options;

/// <summary>Forwarding agreements: who may use the service, and how.</summary>
public sealed class AgreementsOptions
{
    public AccountsOptions Accounts { get; set; } = new();
}
