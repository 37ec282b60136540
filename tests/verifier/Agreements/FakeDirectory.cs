using Mailkey.Contracts.Agreements;
using Mailkey.Messaging.Agreements;

namespace Mailkey.Verifier.Tests.Agreements;

/// <summary>Agreements, as a directory tells of them.</summary>
internal sealed class FakeDirectory : IAgreementDirectory
{
    private readonly List<AgreementInForce> agreements = [];
    private readonly HashSet<string> noForwarders = new(StringComparer.Ordinal);

    public int Questions { get; private set; }

    public bool IsAway { get; set; }

    public AgreementInForce Add(
        string forwarder, string subscription = "dev.lists.a.example", string category = "mailing-list", Func<AgreementTerms, AgreementTerms>? terms = null,
        string recipient = "alice@b.example")
    {
        AgreementTerms agreed = new() { Dnsbl = "check", Spf = "enforce", Mailkey = "ignore-recipient-binding", Rate = 10, Size = 1 << 20 };
        agreements.Add(new()
        {
            Id = Guid.NewGuid().ToString("N"),
            Forwarder = forwarder,
            Recipient = recipient,
            Category = category,
            Subscription = subscription,
            Methods = ["auth", "reference", "address"],
            Trust = "established",
            Version = 1,
            Terms = terms?.Invoke(agreed) ?? agreed,
        });
        return agreements[^1];
    }

    public void End(AgreementInForce agreement) => agreements.Remove(agreement);

    public AgreementFound? Recall(string key) => noForwarders.Contains(key) ? new() { Key = key } : null;

    public async ValueTask<AgreementFound?> FindAsync(string key, CancellationToken cancellationToken) => (await FindAsync([key], cancellationToken))?[0];

    public ValueTask<IReadOnlyList<AgreementFound>?> FindAsync(IReadOnlyList<string> keys, CancellationToken cancellationToken)
    {
        Questions++;
        return new(IsAway ? null : [.. keys.Select(Find)]);
    }

    private AgreementFound Find(string key)
    {
        var kind = AgreementKey.Read(key, out var name);
        if (kind == AgreementKey.Kind.Forwarder)
        {
            var isForwarder = agreements.Exists(agreement => agreement.Forwarder == name);
            _ = isForwarder || noForwarders.Add(key);
            return new() { Key = key, IsForwarder = isForwarder };
        }

        return new()
        {
            Key = key,
            Agreement = agreements.Find(agreement => kind == AgreementKey.Kind.Id
                ? agreement.Id == name
                : $"{agreement.Forwarder}\t{agreement.Recipient}\t{agreement.Subscription}" == name),
        };
    }
}
