using System.CommandLine;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mailkey.Authentication.Crypto;
using Mailkey.HttpSignatures;
using Mailkey.Tool.Configuration;
using Mailkey.Tool.Journal;
using Mailkey.Tool.Keys;

namespace Mailkey.Tool.Agreements;

/// <summary>What the API answered.</summary>
internal sealed record ApiReply(int Status, JsonNode? Json, string Text)
{
    public bool IsGood => Status is >= 200 and < 300;

    /// <summary>The text of a property; empty when it is missing.</summary>
    public string this[string property] => (Json as JsonObject)?[property]?.ToString() ?? "";
}

/// <summary>Where the API is, and as whom it is called: the options that all of <c>mailkey agreements</c> have.</summary>
internal sealed class AgreementsConnection(ToolConsole console, TimeProvider time)
{
    /// <summary>Where a password may be, so that no command line shows it.</summary>
    public const string PasswordVariable = "MAILKEY_PASSWORD";

    private const string Tag = "mailkey-agreements";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private readonly Option<string?> _url = new("--url") { Description = "Address of the API, without /v1. Default: Mailkey:Agreements:PublicUrl, else this host's port." };
    private readonly Option<string?> _account = new("--account", "-a") { Description = $"Call as this mail account; the password is read from {PasswordVariable}, else asked for." };
    private readonly Option<string?> _key = new("--key", "-k") { Description = "Call as an organisation that forwards: file of its private key." };
    private readonly Option<string?> _as = new("--as") { Description = "The organisation and the name of the key: lists.example.net/2026a." };
    private readonly Option<bool> _json = new("--json") { Description = "Print the JSON that was answered." };

    private string? _password;

    /// <summary>A command with these options.</summary>
    public T With<T>(T command)
        where T : Command
    {
        foreach (var option in (Option[])[_url, _account, _key, _as, _json])
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetValue(_account) is not null == (result.GetValue(_key) is not null || result.GetValue(_as) is not null))
            {
                result.AddError("give --account, or --key with --as.");
            }
            else if (result.GetValue(_key) is null != result.GetValue(_as) is null || (result.GetValue(_as) is { } id && !SignatureKeyId.TryParse(id, out _)))
            {
                result.AddError("--key goes with --as domain/key.");
            }
        });
        return command;
    }

    public bool WantsJson(ParseResult result) => result.GetValue(_json);

    /// <summary>The domain of <c>--as</c>; null for an account.</summary>
    public string? DomainOf(ParseResult result) => SignatureKeyId.TryParse(result.GetValue(_as), out var id) ? id.Domain : null;

    /// <summary>Calls the API. What went wrong on the way is told here, and null is the answer then.</summary>
    public async Task<ApiReply?> SendAsync(
        ParseResult result, HttpMethod method, string path, JsonNode? body, CancellationToken cancellationToken, string? idempotencyKey = null)
    {
        if (!Uri.TryCreate(UrlOf(result) + path, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            console.Fail($"--url is no http or https address: {LifeOfMessage.Text(UrlOf(result))}");
            return null;
        }

        using var client = new HttpClient { Timeout = Timeout };
        using var request = new HttpRequestMessage(method, address);
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        }

        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        if (!await AuthenticateAsync(result, request, cancellationToken))
        {
            return null;
        }

        try
        {
            using var response = await client.SendAsync(request, cancellationToken);
            var text = await response.Content.ReadAsStringAsync(cancellationToken);
            return new((int)response.StatusCode, Parse(text), text);
        }
        catch (HttpRequestException e)
        {
            console.Fail($"{address.GetLeftPart(UriPartial.Authority)} does not answer: {e.Message} Is the service agreements running? --url says where.");
            return null;
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            console.Fail($"{address.GetLeftPart(UriPartial.Authority)} did not answer within {Timeout.TotalSeconds:0} s.");
            return null;
        }
    }

    /// <summary>Says why an answer is no.</summary>
    public int Refused(ApiReply reply)
    {
        var (title, detail) = (reply["title"], reply["detail"]);
        return console.Fail(
            title.Length == 0
                ? $"the answer is {reply.Status}: this does not look like the API of agreements."
                : $"{LifeOfMessage.Text(title)}{(detail.Length > 0 ? $" ({LifeOfMessage.Text(detail)})" : "")} [{LifeOfMessage.Text(reply["code"])}]",
            reply.Status >= 500 ? ExitCode.NotDone : ExitCode.No);
    }

    private static JsonNode? Parse(string text)
    {
        try
        {
            return text.Length == 0 ? null : JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            // Not from our service; the status is told then.
            return null;
        }
    }

    private string UrlOf(ParseResult result)
    {
        if (result.GetValue(_url) is { } given)
        {
            return given.TrimEnd('/');
        }

        var agreements = ServiceOptions.Read().Agreements;
        return agreements.PublicUrl.Length > 0 ? agreements.PublicUrl : $"http://{(agreements.Listen == "0.0.0.0" ? "127.0.0.1" : agreements.Listen)}:{agreements.Port}";
    }

    private async Task<bool> AuthenticateAsync(ParseResult result, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (result.GetValue(_key) is { } file)
        {
            if (!KeyFile.TryRead(file, out var key, out var error))
            {
                console.Fail(error);
                return false;
            }

            using (key)
            {
                await RequestSigner.SignAsync(request, key, result.GetValue(_as)!, Tag, time.GetUtcNow(), cancellationToken);
            }

            return true;
        }

        var account = result.GetValue(_account)!;
        _password ??= Environment.GetEnvironmentVariable(PasswordVariable) ?? await console.ReadSecretAsync($"password of {account}: ", cancellationToken);
        if (string.IsNullOrEmpty(_password))
        {
            console.Fail($"a password is needed, in {PasswordVariable} or on standard input.");
            return false;
        }

        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{account}:{_password}")));
        return true;
    }
}
