using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Mailkey.HttpSignatures;

/// <summary>A request, as far as signatures are concerned.</summary>
/// <param name="Method">As it was sent: case matters.</param>
/// <param name="Scheme"><c>https</c>, in lower case.</param>
/// <param name="Authority">Host in lower case, and a port that is not the scheme's own.</param>
/// <param name="Target">Path and query as they were sent, percent-encoded; begins with a slash.</param>
/// <param name="Fields">The lines of a field by its name in lower case, in order; null when there is none.</param>
public sealed record SignedRequest(string Method, string Scheme, string Authority, string Target, Func<string, IReadOnlyList<string>?> Fields)
{
    /// <summary>RFC 9421 §2.2.6: of an empty path nothing but a slash is left.</summary>
    internal string Path => Target.IndexOf('?', StringComparison.Ordinal) is var mark and >= 0 ? Target[..mark] is { Length: > 0 } path ? path : "/" : Target.Length > 0 ? Target : "/";

    /// <summary>RFC 9421 §2.2.7: with its question mark, which also stands alone.</summary>
    internal string Query => Target.IndexOf('?', StringComparison.Ordinal) is var mark and >= 0 ? Target[mark..] : "?";

    /// <summary>A request to an address.</summary>
    public static SignedRequest To(string method, Uri address, Func<string, IReadOnlyList<string>?> fields)
    {
        ArgumentNullException.ThrowIfNull(address);
        return new(method, address.Scheme, address.IsDefaultPort ? address.IdnHost.ToLowerInvariant() : $"{address.IdnHost.ToLowerInvariant()}:{address.Port}", address.PathAndQuery, fields);
    }
}

/// <summary>The text that is signed (RFC 9421 §2.5).</summary>
public static class SignatureBase
{
    /// <summary>Writes it.</summary>
    /// <param name="error">Which part cannot be covered; one ASCII line.</param>
    public static bool TryWrite(SignedRequest request, SignatureInput input, [NotNullWhen(true)] out byte[]? text, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(input);
        text = null;
        var lines = new StringBuilder();
        foreach (var component in input.Components)
        {
            if (ValueOf(request, component, out error) is not { } value)
            {
                error ??= "a part that is covered is not there";
                return false;
            }

            lines.Append(component).Append(": ").Append(value).Append('\n');
        }

        lines.Append("\"@signature-params\": ").Append(input);
        var written = lines.ToString();
        if (!Ascii.IsValid(written))
        {
            error = "a part that is covered is not ASCII";
            return false;
        }

        error = null;
        text = Encoding.ASCII.GetBytes(written);
        return true;
    }

    private static string? ValueOf(SignedRequest request, Component component, out string? error)
    {
        error = null;
        if (component.Parameters.Count > 0)
        {
            error = "a part is covered in a way that is not supported: its parameters";
            return null;
        }

        switch (component.Name)
        {
            case "@method":
                return request.Method;
            case "@target-uri":
                return $"{request.Scheme}://{request.Authority}{request.Target}";
            case "@authority":
                return request.Authority;
            case "@scheme":
                return request.Scheme;
            case "@request-target":
                return request.Target;
            case "@path":
                return request.Path;
            case "@query":
                return request.Query;
            case ['@', ..]:
                error = "a derived component is covered that is not supported";
                return null;
        }

        // RFC 9421 §2.1: the lines of a field without blanks around each, joined.
        if (request.Fields(component.Name) is not { Count: > 0 } values)
        {
            return null;
        }

        var joined = string.Join(", ", values.Select(value => value.Trim(' ', '\t')));
        if (joined.AsSpan().ContainsAny('\r', '\n'))
        {
            error = "a field that is covered has more than one line";
            return null;
        }

        return joined;
    }
}
