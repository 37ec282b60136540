using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Configuration;

namespace Mailkey.Hosting.Tests;

public sealed class MailkeyOptionsValidatorTests
{
    private static IReadOnlyList<string> Failures(params (string Key, string? Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create($"Mailkey:{setting.Key}", setting.Value))).Build();
        var options = new MailkeyOptions();
        MailkeyConfiguration.Bind(configuration, options);
        return [.. new MailkeyOptionsValidator().Validate(null, options).Failures ?? []];
    }

    [Theory]
    [InlineData("Hostname", "")]
    [InlineData("Hostname", "mx_.-x")]
    [InlineData("Hostname", "mx..example.org")]
    [InlineData("Hostname", null)]
    [InlineData("DataFolder", "data")]
    [InlineData("NextHop", "mailbox")]
    [InlineData("NextHop", "lmtp://host")]
    [InlineData("NextHop", "lmtp://host:25")]
    [InlineData("NextHop", "http://host:80")]
    [InlineData("NextHop", "smtp://user@host:25")]
    [InlineData("Domains:0:Name", "not a domain")]
    [InlineData("Domains:0:Name", "-x.example")]
    [InlineData("Smtp:Port", "65536")]
    [InlineData("Smtp:Listen:0", "everywhere")]
    [InlineData("Smtp:BareLineEnds", "keep")]
    [InlineData("Smtp:CommandTimeout", "00:00:00")]
    [InlineData("Dns:Resolvers:0", "127.0.0.1:0")]
    [InlineData("Dns:Resolvers:0", "127.0.0.1:dns")]
    [InlineData("Dns:Resolvers:0", "[::1")]
    [InlineData("Policy:Stage", "strict")]
    [InlineData("Policy:RequiredDomains:0", "a b")]
    [InlineData("Policy:HelpUrl", "help")]
    [InlineData("Agreements:Accounts:Source", "ldap")]
    [InlineData("Agreements:Accounts:ImapName", "login")]
    [InlineData("Agreements:Accounts:SubaddressDelimiter", "@")]
    [InlineData("Agreements:Accounts:SubaddressDelimiter", "--")]
    [InlineData("Agreements:Accounts:FailuresPerAccount", "0")]
    [InlineData("Agreements:Accounts:FailureWindow", "00:00:00")]
    [InlineData("Agreements:Portal:SessionIdle", "-01:00:00")]
    [InlineData("StatusPage:PublicUrl", "mx.example.org")]
    [InlineData("StatusPage:PublicUrl", "https://mx.example.org/?domain=")]
    [InlineData("StatusPage:Listen", "localhost")]
    [InlineData("StatusPage:Port", "65536")]
    [InlineData("StatusPage:ChecksPerClient", "0")]
    [InlineData("StatusPage:CheckInterval", "00:00:00")]
    [InlineData("Spf:Timeout", "00:00:00")]
    [InlineData("Blocklists:Timeout", "-00:00:01")]
    [InlineData("Delivery:Retries:0", "-00:01:00")]
    [InlineData("KeyHost:MinAge", "02:00:00")]
    [InlineData("Storage:OrphanAge", "5.00:00:00")]
    [InlineData("Http:Listen", "localhost")]
    [InlineData("RabbitMq:Uri", "http://localhost")]
    [InlineData("Postgres:ConnectionString", "Hosts=x")]
    [InlineData("Postgres:ConnectionString", "Database=x")]
    public void Validator_names_the_key_of_a_wrong_value(string key, string? value)
    {
        var list = key.EndsWith(":0", StringComparison.Ordinal) ? key[..^2] : key;
        var failure = Assert.Single(Failures((key, value)));
        Assert.StartsWith($"Mailkey:{list}: ", failure, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("KeyHost:Timeout", "00:00:12.9")]
    [InlineData("Verdict:Timeout", "00:00:10.1")]
    [InlineData("Hostname", "mx.b\u00fccher.example")]
    [InlineData("NextHop", "lmtp://[::1]:24")]
    [InlineData("NextHop", "smtp://host")]
    [InlineData("Domains:0:Name", "example.org")]
    [InlineData("Dns:Resolvers:0", "127.0.0.1:5353")]
    [InlineData("Dns:Resolvers:0", "::1")]
    [InlineData("Dns:Resolvers:0", "[::1]:53")]
    [InlineData("Dns:Resolvers:0", "resolver.example:53")]
    [InlineData("Policy:Stage", "observe")]
    [InlineData("Smtp:Listen:0", "192.0.2.1")]
    [InlineData("Postgres:ConnectionString", "Host=/run/postgresql;Database=mailkey")]
    public void Validator_takes_what_is_right(string key, string value) => Assert.Empty(Failures((key, value)));

    [Theory]
    [InlineData("", 1)]
    [InlineData("mailhost.example", 1)]
    [InlineData("smtp://mailhost.example", 1)]
    [InlineData("imaps://user@mailhost.example", 1)]
    [InlineData("imaps://mailhost.example", 0)]
    [InlineData("imap://mailhost.example:143", 0)]
    public void Validator_wants_a_mailbox_host_where_it_checks_passwords(string host, int failures) =>
        Assert.Equal(failures, Failures(("Agreements:Accounts:Source", "imap"), ("Agreements:Accounts:Imap", host)).Count(failure => failure.StartsWith("Mailkey:Agreements:Accounts:Imap: ", StringComparison.Ordinal)));

    [Fact]
    public void Validator_keeps_the_page_for_the_world_off_the_port_of_health_checks() =>
        Assert.StartsWith("Mailkey:StatusPage:Port: ", Assert.Single(Failures(("StatusPage:Port", "8080"), ("Http:Port", "8080"))), StringComparison.Ordinal);

    [Theory]
    [InlineData("10.0.0.0/8", true)]
    [InlineData("::1", true)]
    [InlineData("proxy.example", false)]
    [InlineData("10.0.0.0/33", false)]
    public void Validator_takes_addresses_and_networks_of_proxies(string proxy, bool right) =>
        Assert.Equal(right ? 0 : 1, Failures(("StatusPage:TrustedProxies:0", proxy)).Count);

    [Theory]
    [InlineData("https://mx.example.org/mailkey/", null, "true", "https://mx.example.org/mailkey/domain/")]
    [InlineData("http://127.0.0.1:8025", null, "true", "http://127.0.0.1:8025/domain/")]
    [InlineData("https://mx.example.org", "https://help.example/?d=", "true", "https://help.example/?d=")]
    [InlineData("https://mx.example.org", null, "false", PolicyOptions.NoHelpUrl)]
    [InlineData("", null, "true", PolicyOptions.NoHelpUrl)]
    public void Configuration_links_refusals_to_the_page_unless_told_otherwise(string page, string? help, string enabled, string link)
    {
        var options = new MailkeyOptions();
        MailkeyConfiguration.Bind(
            new ConfigurationBuilder().AddInMemoryCollection([
                new("Mailkey:StatusPage:PublicUrl", page), new("Mailkey:StatusPage:Enabled", enabled), .. help is null ? [] : new KeyValuePair<string, string?>[] { new("Mailkey:Policy:HelpUrl", help) }]).Build(),
            options);
        Assert.Equal(link, options.Policy.HelpUrl);
    }

    [Theory]
    [InlineData("KeyHost:Timeout", "00:00:13", "KeyHost:Timeout")]
    [InlineData("Dkim:Timeout", "00:00:15", "Dkim:Timeout")]
    [InlineData("Spf:Timeout", "00:00:20", "Spf:Timeout")]
    [InlineData("Blocklists:Timeout", "00:01:00", "Blocklists:Timeout")]
    [InlineData("Verdict:Timeout", "00:00:10", "KeyHost:Timeout")]
    [InlineData("Policy:StateTimeout", "00:00:04", "KeyHost:Timeout")]
    [InlineData("KeyHost:FetchTimeout", "00:00:09", "KeyHost:FetchTimeout")]
    [InlineData("Dns:AttemptTimeout", "00:00:06", "Dns:AttemptTimeout")]
    [InlineData("Dkim:MaxConcurrent", "1000", "Dkim:MaxConcurrent")]
    public void Validator_has_a_verdict_wait_for_nothing_longer_than_clients_wait_for_it(string key, string value, string named) =>
        Assert.StartsWith($"Mailkey:{named}: ", Assert.Single(Failures((key, value))), StringComparison.Ordinal);

    [Fact]
    public void Validator_names_every_mistake_at_once()
    {
        var failures = Failures(
            ("Hostname", "a b"), ("Policy:Stage", "require-listed"), ("Smtp:Certificate", "/etc/cert.pem"),
            ("Domains:0:Name", "example.org"), ("Domains:1:Name", "EXAMPLE.org"), ("Domains:0:CallOut", "true"), ("Domains:0:Recipients:0", "ann@example.org"));
        Assert.Equal(
            ["Mailkey:Hostname", "Mailkey:Domains:0:CallOut", "Mailkey:Domains:0:Recipients", "Mailkey:Domains:1:Name", "Mailkey:Smtp:CertificateKey", "Mailkey:Policy:RequiredDomains"],
            failures.Select(failure => failure[..failure.IndexOf(": ", StringComparison.Ordinal)]));
    }

    [Fact]
    public void Validator_repeats_no_secret()
    {
        var failures = Failures(("RabbitMq:Uri", "http://user:hunter2@host"), ("Postgres:ConnectionString", "Password=hunter2"));
        Assert.Equal(2, failures.Count);
        Assert.All(failures, failure => Assert.DoesNotContain("hunter2", failure, StringComparison.Ordinal));
    }
}
