using Mailkey.Dns;

namespace Mailkey.Policy;

/// <summary>Domains: <c>example.org</c> is that name alone, <c>.example.org</c> every name below it. A look-up costs one hash for each label.</summary>
internal sealed class DomainPatterns
{
    private readonly HashSet<string> _exact = new(StringComparer.Ordinal);
    private readonly HashSet<string> _below = new(StringComparer.Ordinal);

    /// <summary>Adds a pattern.</summary>
    /// <returns>Null, or what is wrong.</returns>
    public string? Add(string pattern)
    {
        var isBelow = pattern is ['.', ..];
        if (!DomainName.TryNormalize(pattern.AsSpan(isBelow ? 1 : 0), out var domain))
        {
            return "is no domain; expected example.org for that domain alone, or .example.org for all below it";
        }

        (isBelow ? _below : _exact).Add(domain);
        return null;
    }

    /// <param name="domain">Lower-case A-labels; an empty one is never contained.</param>
    public bool Contains(string domain)
    {
        if (domain.Length == 0)
        {
            return false;
        }

        if (_exact.Contains(domain))
        {
            return true;
        }

        if (_below.Count > 0)
        {
            var lookup = _below.GetAlternateLookup<ReadOnlySpan<char>>();
            for (var dot = domain.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = domain.IndexOf('.', dot + 1))
            {
                if (lookup.Contains(domain.AsSpan(dot + 1)))
                {
                    return true;
                }
            }
        }

        return false;
    }
}

/// <summary>Addresses: <c>alice@example.org</c>, a local part at any domain as <c>postmaster@</c>, or <see cref="DomainPatterns"/>.</summary>
internal sealed class AddressPatterns
{
    private readonly HashSet<string> _addresses = new(StringComparer.Ordinal);
    private readonly HashSet<string> _localParts = new(StringComparer.Ordinal);
    private readonly DomainPatterns _domains = new();

    /// <summary>Adds a pattern.</summary>
    /// <returns>Null, or what is wrong.</returns>
    public string? Add(string pattern)
    {
        const string expected = "is no address; expected alice@example.org, postmaster@ for that name at any domain, example.org, or .example.org for all domains below it";
        var at = pattern.LastIndexOf('@');
        if (at < 0)
        {
            return _domains.Add(pattern) is null ? null : expected;
        }

        if (at == 0)
        {
            return expected;
        }

        if (at == pattern.Length - 1)
        {
            _localParts.Add(pattern[..at].ToLowerInvariant());
            return null;
        }

        var address = RecipientAddress.Of(pattern);
        if (address.Domain.Length == 0)
        {
            return expected;
        }

        _addresses.Add(address.Text);
        return null;
    }

    public bool Contains(in RecipientAddress address) =>
        _addresses.Contains(address.Text)
        || _domains.Contains(address.Domain)
        || (_localParts.Count > 0 && _localParts.GetAlternateLookup<ReadOnlySpan<char>>().Contains(
            address.Text.AsSpan(0, Math.Max(0, address.Text.LastIndexOf('@') is >= 0 and var at ? at : address.Text.Length))));
}
