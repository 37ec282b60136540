using System.Collections.Concurrent;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Dkim;
using Mailkey.Dns;

namespace Mailkey.Authentication.Tests.Dkim;

/// <summary>A resolver that knows some key records, and notes what it was asked.</summary>
internal sealed class FixedDns : IDnsResolver
{
    private readonly Dictionary<string, DnsAnswer> answers = new(StringComparer.Ordinal);
    private readonly HashSet<string> silent = new(StringComparer.Ordinal);

    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>Set when so many questions have come; silent names let them wait.</summary>
    public Func<int, Task>? OnAsked { get; set; }

    public static FixedDns With(string selector, string domain, params string[] texts) => new FixedDns().Add(selector, domain, texts);

    public static FixedDns With(SigningKey key, string selector = "2026a", string domain = "example.org") =>
        With(selector, domain, DkimKeyRecord.ToTxt(key.Type, key.ExportPublicKey()));

    public FixedDns Add(string selector, string domain, params string[] texts)
    {
        var name = DkimKeyRecord.NameOf(selector, domain);
        answers[name] = new()
        {
            Status = DnsStatus.Success,
            Records = [.. texts.Select(text => new DnsRecord { Name = name, Type = DnsRecordType.Txt, TimeToLive = TimeSpan.FromMinutes(5), Text = text })],
        };
        return this;
    }

    public FixedDns Fail(string selector, string domain, DnsStatus status)
    {
        answers[DkimKeyRecord.NameOf(selector, domain)] = new() { Status = status, Detail = "192.0.2.53:53: in the words of a resolver" };
        return this;
    }

    public FixedDns Silence(string selector, string domain)
    {
        silent.Add(DkimKeyRecord.NameOf(selector, domain));
        return this;
    }

    public async ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken)
    {
        Assert.Equal(DnsRecordType.Txt, type);
        Asked.Enqueue(name);
        if (OnAsked is not null)
        {
            await OnAsked(Asked.Count).WaitAsync(cancellationToken);
        }

        if (silent.Contains(name))
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        return answers.GetValueOrDefault(name) ?? new() { Status = DnsStatus.NameError };
    }
}
