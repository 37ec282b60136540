using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Mailkey.HttpSignatures;

/// <summary>Part of a message that a signature covers (RFC 9421 §2).</summary>
/// <param name="Name">A field's name in lower case, or a derived component such as <c>@method</c>.</param>
/// <param name="Parameters">How it enters the signature; none is the only way that is understood here.</param>
public sealed record Component(string Name, IReadOnlyList<Parameter> Parameters)
{
    public Component(string name)
        : this(name, [])
    {
    }

    /// <summary>As it is written: <c>"content-digest"</c>.</summary>
    public override string ToString() => $"{SignatureInput.Quote(Name)}{string.Concat(Parameters.Select(SignatureInput.Write))}";
}

/// <summary>What a signature covers, and what it says about itself (RFC 9421 §2.3).</summary>
public sealed record SignatureInput
{
    /// <summary>Parts that one signature covers at most.</summary>
    public const int MaxComponents = 32;

    public required IReadOnlyList<Component> Components { get; init; }

    /// <summary>In the order in which they are written, which enters the signature.</summary>
    public required IReadOnlyList<Parameter> Parameters { get; init; }

    /// <summary>Seconds since 1970; null when it does not say, or says something else.</summary>
    public long? Created => Number("created");

    /// <summary>Seconds since 1970.</summary>
    public long? Expires => Number("expires");

    public string? KeyId => Text("keyid");

    public string? Nonce => Text("nonce");

    public string? Algorithm => Text("alg");

    public string? Tag => Text("tag");

    /// <summary>Whether a part is covered, without parameters.</summary>
    public bool Covers(string name) => Components.Any(component => component.Parameters.Count == 0 && component.Name == name);

    /// <summary>An input to sign with.</summary>
    /// <param name="components">Names in lower case.</param>
    public static SignatureInput Of(
        IEnumerable<string> components, DateTimeOffset created, string keyId, string? nonce = null, string? tag = null, DateTimeOffset? expires = null, string? algorithm = null)
    {
        List<Parameter> parameters = [NumberOf("created", created.ToUnixTimeSeconds())];
        if (expires is { } end)
        {
            parameters.Add(NumberOf("expires", end.ToUnixTimeSeconds()));
        }

        Add("alg", algorithm);
        Add("keyid", keyId);
        Add("nonce", nonce);
        Add("tag", tag);
        return new() { Components = [.. components.Select(name => new Component(name))], Parameters = parameters };

        void Add(string key, string? value)
        {
            if (value is not null)
            {
                parameters.Add(new(key, new(BareItemKind.String, Quote(value), value)));
            }
        }
    }

    /// <summary>In its one canonical form, which is also the last line of the signature base.</summary>
    public override string ToString() => $"({string.Join(' ', Components)}){string.Concat(Parameters.Select(Write))}";

    /// <exception cref="ArgumentException">A character that a structured field's string has no room for.</exception>
    internal static string Quote(string value)
    {
        if (value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            throw new ArgumentException("Only visible ASCII and blanks.", nameof(value));
        }

        return $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
    }

    // RFC 9651 §4.1.1.2: true is written as the key alone.
    internal static string Write(Parameter parameter) => parameter.Value is { Kind: BareItemKind.Boolean, Value: "1" } ? $";{parameter.Key}" : $";{parameter.Key}={parameter.Value.Text}";

    private static Parameter NumberOf(string key, long value) =>
        new(key, new(BareItemKind.Integer, value.ToString(CultureInfo.InvariantCulture), value.ToString(CultureInfo.InvariantCulture)));

    private long? Number(string key) =>
        Parameters.FirstOrDefault(parameter => parameter.Key == key)?.Value is { Kind: BareItemKind.Integer } value && long.TryParse(value.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    private string? Text(string key) => Parameters.FirstOrDefault(parameter => parameter.Key == key)?.Value is { Kind: BareItemKind.String } value ? value.Value : null;
}

/// <summary>Why signature fields cannot be read.</summary>
/// <param name="Position">Octet of the field at which it goes wrong.</param>
/// <param name="Message">One ASCII line.</param>
public readonly record struct SignatureFieldError(int Position, string Message);

/// <summary>A signature of a message: what stands in <c>Signature-Input</c> and <c>Signature</c> under one label.</summary>
public sealed record MessageSignature(string Label, SignatureInput Input, ReadOnlyMemory<byte> Value)
{
    /// <summary>Signatures of a message that are read; with more, none is.</summary>
    public const int MaxSignatures = 4;

    /// <summary>Octets of each of the two fields.</summary>
    public const int MaxFieldLength = 8 * 1024;

    /// <summary>The value of the field Signature-Input.</summary>
    public string InputField => $"{Label}={Input}";

    /// <summary>The value of the field Signature.</summary>
    public string SignatureField => $"{Label}=:{Convert.ToBase64String(Value.Span)}:";

    /// <summary>Reads both fields, as they are with all their lines joined by commas. Never throws.</summary>
    /// <param name="signatures">In the order of Signature-Input; each has its value.</param>
    public static bool TryParse(
        ReadOnlySpan<byte> signatureInput, ReadOnlySpan<byte> signature, [NotNullWhen(true)] out IReadOnlyList<MessageSignature>? signatures, out SignatureFieldError error)
    {
        signatures = null;
        error = default;
        if (signatureInput.Length > MaxFieldLength || signature.Length > MaxFieldLength)
        {
            error = new(MaxFieldLength, "the field is too long");
            return false;
        }

        if (!TryParseInputs(signatureInput, out var inputs, out error) || !TryParseValues(signature, out var values, out error))
        {
            return false;
        }

        List<MessageSignature> read = [];
        foreach (var (label, input) in inputs)
        {
            if (!values.TryGetValue(label, out var value))
            {
                error = new(0, "a label of Signature-Input has no Signature");
                return false;
            }

            read.Add(new(label, input, value));
        }

        signatures = read;
        return true;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, ReadOnlySpan{byte}, out IReadOnlyList{MessageSignature}?, out SignatureFieldError)"/>
    public static bool TryParse(string signatureInput, string signature, [NotNullWhen(true)] out IReadOnlyList<MessageSignature>? signatures, out SignatureFieldError error)
    {
        if (!Ascii.IsValid(signatureInput) || !Ascii.IsValid(signature))
        {
            signatures = null;
            error = new(0, "the fields have to be ASCII");
            return false;
        }

        return TryParse(Encoding.ASCII.GetBytes(signatureInput), Encoding.ASCII.GetBytes(signature), out signatures, out error);
    }

    private static bool TryParseInputs(ReadOnlySpan<byte> field, out List<(string Label, SignatureInput Input)> inputs, out SignatureFieldError error)
    {
        inputs = [];
        error = default;
        var reader = new StructuredReader(field);
        reader.SkipSpaces();
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadKey(out var label) || !reader.TryTake((byte)'=') || !TryReadInput(ref reader, out var input))
            {
                error = new(reader.Position, "Signature-Input: a label, =, and an inner list of strings are expected");
                return false;
            }

            if (inputs.Exists(known => known.Label == label) || inputs.Count >= MaxSignatures)
            {
                error = new(reader.Position, "Signature-Input: a label twice, or too many");
                return false;
            }

            inputs.Add((label, input));
            if (!reader.TryNextMember(out var isEnd) && !isEnd)
            {
                error = new(reader.Position, "Signature-Input: a comma and a member are expected");
                return false;
            }
        }

        return true;
    }

    private static bool TryReadInput(ref StructuredReader reader, [NotNullWhen(true)] out SignatureInput? input)
    {
        input = null;
        if (!reader.TryTake((byte)'('))
        {
            return false;
        }

        List<Component> components = [];
        HashSet<string> known = new(StringComparer.Ordinal);
        while (true)
        {
            var before = reader.Position;
            reader.SkipSpaces();
            if (reader.TryTake((byte)')'))
            {
                break;
            }

            // RFC 9651 §4.2.1.2: items have a blank between them; RFC 9421 §2: names are in lower case, and none comes twice.
            if ((components.Count > 0 && reader.Position == before) || components.Count >= SignatureInput.MaxComponents
                || !reader.TryReadString(out var name) || name.Value.Length == 0 || name.Value.Any(char.IsAsciiLetterUpper)
                || !reader.TryReadParameters(out var parameters))
            {
                return false;
            }

            var component = new Component(name.Value, parameters);
            if (!known.Add(component.ToString()))
            {
                return false;
            }

            components.Add(component);
        }

        if (!reader.TryReadParameters(out var about))
        {
            return false;
        }

        input = new() { Components = components, Parameters = about };
        return true;
    }

    private static bool TryParseValues(ReadOnlySpan<byte> field, out Dictionary<string, byte[]> values, out SignatureFieldError error)
    {
        values = new(StringComparer.Ordinal);
        error = default;
        var reader = new StructuredReader(field);
        reader.SkipSpaces();
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadKey(out var label) || !reader.TryTake((byte)'=') || !reader.TryReadBytes(out _, out var value) || !reader.TryReadParameters(out _))
            {
                error = new(reader.Position, "Signature: a label, =, and a byte sequence are expected");
                return false;
            }

            if (!values.TryAdd(label, value) || values.Count > MaxSignatures)
            {
                error = new(reader.Position, "Signature: a label twice, or too many");
                return false;
            }

            if (!reader.TryNextMember(out var isEnd) && !isEnd)
            {
                error = new(reader.Position, "Signature: a comma and a member are expected");
                return false;
            }
        }

        return true;
    }
}
