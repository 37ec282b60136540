using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Accounts;

/// <summary>What signing in needs.</summary>
public static class AccountsServices
{
    public static IServiceCollection AddAccounts(this IServiceCollection services)
    {
        services.AddSchemaMigrations(SignInLimits.Migrations());
        services.AddSingleton(provider => new AccountNames(provider.GetRequiredService<IOptions<MailkeyOptions>>().Value));
        services.AddSingleton<FilePasswords>();
        services.AddSingleton<ImapPasswords>();
        services.AddSingleton<IPasswords>(provider => provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.Agreements.Accounts.Source == "imap"
            ? provider.GetRequiredService<ImapPasswords>()
            : provider.GetRequiredService<FilePasswords>());
        services.AddSingleton<SignInLimits>();
        services.AddSingleton<IAccounts, AccountDirectory>();
        return services;
    }
}
