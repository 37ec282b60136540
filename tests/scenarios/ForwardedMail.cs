using Mailkey.Agreements.Credentials;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Processes;
using Npgsql;

namespace Mailkey.Scenarios.Tests;

/// <summary>
/// Alice signs a message to Carol's old address. Its host passes it on to Carol here, with Alice as the envelope sender still: what that is
/// worth depends on an agreement with the host.
/// </summary>
internal sealed class ForwardedMail : IAsyncDisposable
{
    public const string From = "alice@published.test";
    public const string Forwarder = "relay.test";
    public const string Forwarded = $"carol@{Forwarder}";
    public const string To = "carol@example.test";

    private readonly SenderDomain _published;
    private readonly OwnSystem _own;
    private readonly NpgsqlDataSource _database;

    private ForwardedMail(SenderDomain published, OwnSystem own)
    {
        (_published, _own) = (published, own);
        _database = NpgsqlDataSource.Create(own.Postgres);
        Ledger = new(_database);
        Credentials = new(_database, TimeProvider.System);
    }

    public UnboundServer Dns => _own.Dns;

    public MailkeySystem System => _own.System;

    public LedgerOfAgreements Ledger { get; }

    public CredentialStore Credentials { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Starts a system that knows agreements over SMTP.</summary>
    /// <param name="settings">Besides those that switch them on.</param>
    /// <param name="records">What is in the DNS besides Alice's mailkey, the forwarder's SPF and the domain that is hosted here.</param>
    public static async Task<ForwardedMail> StartAsync(IReadOnlyDictionary<string, string> settings, params IReadOnlyList<string> records)
    {
        var published = new SenderDomain("published.test");
        var own = await OwnSystem.PrepareAsync(
            [published.Record, $"{Forwarder}. 300 IN TXT \"v=spf1 ip4:127.0.0.1 -all\"", .. records],
            new Dictionary<string, string>(settings, StringComparer.Ordinal)
            {
                ["MAILKEY_AGREEMENTS_SMTP_ENABLED"] = "true",
                ["MAILKEY_AGREEMENTS_SMTP_URL"] = "https://agreements.example.test/v1",
            });
        var mail = new ForwardedMail(published, own);
        try
        {
            await mail.System.StartAsync(["agreements", "delivery", "verifier-1", "ingress"], Cancellation);
            return mail;
        }
        catch
        {
            await mail.DisposeAsync();
            throw;
        }
    }

    /// <summary>Connects as the forwarder's server, or under another name.</summary>
    public Task<Client> ConnectAsync(string name = $"mx.{Forwarder}") => Client.ConnectAsync(System.SmtpPort, Cancellation, name);

    /// <summary>Passes a message of Alice on.</summary>
    /// <param name="id">Of its Message-ID.</param>
    /// <param name="parameters">Of MAIL, each with a space before it.</param>
    /// <param name="change">What happens to the signed message on the way.</param>
    public Task<string> SendAsync(Client client, string id, string to = To, string parameters = "", Func<string, string>? change = null)
    {
        var signed = _published.Sign(SenderDomain.Message(From, Forwarded, id), From, [Forwarded]);
        return client.SendAsync(From, [to], change?.Invoke(signed) ?? signed, Cancellation, parameters);
    }

    /// <summary>The delivered message of which something holds, when it comes.</summary>
    public async Task<string> DeliveredAsync(Predicate<string> isIt) =>
        (await EventuallyAsync(() => Task.FromResult(System.DeliveredMessages().FirstOrDefault(text => isIt(text))), text => text is not null))!;

    /// <inheritdoc cref="DeliveredAsync(Predicate{string})"/>
    public Task<string> DeliveredAsync(string id) => DeliveredAsync(text => text.Contains($"<{id}@", StringComparison.Ordinal));

    /// <inheritdoc cref="OwnSystem.EventuallyAsync"/>
    public Task<T> EventuallyAsync<T>(Func<Task<T>> get, Func<T, bool> until) => _own.EventuallyAsync(get, until);

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        await _own.DisposeAsync();
        _published.Dispose();
    }
}
