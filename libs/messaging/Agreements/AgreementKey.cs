namespace Mailkey.Messaging.Agreements;

/// <summary>The keys that agreements are looked for by.</summary>
public static class AgreementKey
{
    /// <summary>Octets of a key: a credential or an address at most, or a forwarder, a recipient and a List-Id.</summary>
    public const int MaxLength = 800;

    private const string IdPrefix = "id:";
    private const string CredentialPrefix = "credential:";
    private const string AddressPrefix = "address:";
    private const string ForwarderPrefix = "forwarder:";
    private const string SubscriptionPrefix = "subscription:";

    /// <summary>What a key looks for.</summary>
    public enum Kind
    {
        None,
        Id,
        Credential,
        Address,
        Forwarder,
        Subscription,
    }

    public static string OfId(string id) => IdPrefix + id;

    /// <summary>The name that a client logs in with. Credentials tell upper case from lower.</summary>
    public static string OfCredential(string name) => CredentialPrefix + name;

    /// <summary>An address that was made for one forwarder, in lower case.</summary>
    public static string OfAddress(string address) => AddressPrefix + address;

    /// <summary>A domain in its normal form.</summary>
    public static string OfForwarder(string domain) => ForwarderPrefix + domain;

    /// <summary>What there is one agreement for; each part in its normal form, without a tab.</summary>
    public static string OfSubscription(string forwarder, string recipient, string subscription) => $"{SubscriptionPrefix}{forwarder}\t{recipient}\t{subscription}";

    /// <summary>Takes a key apart.</summary>
    /// <param name="name">What stands behind the kind.</param>
    public static Kind Read(string key, out string name)
    {
        name = "";
        if (key.Length > MaxLength)
        {
            return Kind.None;
        }

        var kind = key.IndexOf(':', StringComparison.Ordinal) switch
        {
            2 when key.StartsWith(IdPrefix, StringComparison.Ordinal) => Kind.Id,
            7 when key.StartsWith(AddressPrefix, StringComparison.Ordinal) => Kind.Address,
            9 when key.StartsWith(ForwarderPrefix, StringComparison.Ordinal) => Kind.Forwarder,
            10 when key.StartsWith(CredentialPrefix, StringComparison.Ordinal) => Kind.Credential,
            12 when key.StartsWith(SubscriptionPrefix, StringComparison.Ordinal) => Kind.Subscription,
            _ => Kind.None,
        };
        name = kind == Kind.None ? "" : key[(key.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return kind;
    }
}
