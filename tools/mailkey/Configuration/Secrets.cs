using Mailkey.Hosting.Options;
using Npgsql;

namespace Mailkey.Tool.Configuration;

/// <summary>Keeps passwords and keys out of what is printed.</summary>
internal static class Secrets
{
    private const string Hidden = "***";

    public static void Hide(MailkeyOptions options)
    {
        // Who has it can consent in the name of any user.
        if (options.Agreements.Negotiation.ConsentKey.Length > 0)
        {
            options.Agreements.Negotiation.ConsentKey = Hidden;
        }

        if (Uri.TryCreate(options.RabbitMq.Uri, UriKind.Absolute, out var uri))
        {
            if (uri.UserInfo.Contains(':', StringComparison.Ordinal))
            {
                options.RabbitMq.Uri = new UriBuilder(uri) { Password = Hidden }.Uri.ToString();
            }
        }
        else
        {
            options.RabbitMq.Uri = Hidden;
        }

        try
        {
            var connection = new NpgsqlConnectionStringBuilder(options.Postgres.ConnectionString);
            if (!string.IsNullOrEmpty(connection.Password))
            {
                connection.Password = Hidden;
                options.Postgres.ConnectionString = connection.ConnectionString;
            }
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException)
        {
            // Who knows where in it the password is.
            options.Postgres.ConnectionString = Hidden;
        }
    }
}
