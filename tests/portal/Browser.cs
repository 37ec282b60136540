using System.Net;
using System.Text.RegularExpressions;

namespace Mailkey.Portal.Tests;

/// <summary>What a browser does, as far as HTTP is concerned: it keeps cookies, and sends forms with the fields that were hidden in them.</summary>
public sealed partial class Browser : IDisposable
{
    private readonly HttpClient _http;
    private readonly Uri _address;

    public Browser(Uri address)
    {
        _address = address;
        _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = Cookies }) { BaseAddress = address };
    }

    public CookieContainer Cookies { get; } = new();

    /// <summary>The page that was shown last.</summary>
    public string Page { get; private set; } = "";

    /// <summary>The secret of the session.</summary>
    public string? Session => Cookies.GetCookies(_address)["mailkey-session"]?.Value;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Signs in, and stands on the page of all agreements.</summary>
    public async Task<Browser> SignInAsync(string account, string password = PortalWorld.Password)
    {
        await GetAsync("/portal/sign-in");
        using var response = await PostAsync("/portal/sign-in", ("name", account), ("password", password), ("to", "/portal"));
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        await GetAsync(response.Headers.Location!.OriginalString);
        return this;
    }

    /// <summary>Somebody else signs in with the same browser, from a page that was left open.</summary>
    public async Task SignInAgainAsync(string account)
    {
        using var response = await PostAsync("/portal/sign-in", ("name", account), ("password", PortalWorld.Password));
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        await GetAsync(response.Headers.Location!.OriginalString);
    }

    public async Task<HttpResponseMessage> GetAsync(string path, params (string Name, string Value)[] headers) => await SendAsync(Request(HttpMethod.Get, path, headers));

    /// <summary>Sends a form as the last page had it.</summary>
    public Task<HttpResponseMessage> PostAsync(string path, params (string Name, string Value)[] fields) =>
        PostAsync(path, [("Origin", _address.GetLeftPart(UriPartial.Authority))], [("form", TokenOf(Page)), .. fields]);

    /// <summary>Sends whatever somebody makes up.</summary>
    public async Task<HttpResponseMessage> PostAsync(string path, (string Name, string Value)[] headers, (string Name, string Value)[] fields)
    {
        using var request = Request(HttpMethod.Post, path, headers);
        request.Content = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));
        return await SendAsync(request);
    }

    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request)
    {
        var response = await _http.SendAsync(request, Stop);
        if (response.Content.Headers.ContentType?.MediaType == "text/html")
        {
            Page = await response.Content.ReadAsStringAsync(Stop);
        }

        return response;
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The token of the forms on a page; empty when it has none.</summary>
    public static string TokenOf(string page) => TokenPattern().Match(page).Groups[1].Value;

    /// <summary>The value of a hidden field.</summary>
    public string Hidden(string name) => Regex.Match(Page, $"""type="hidden" name="{name}" value="([^"]*)" """.TrimEnd()).Groups[1].Value;

    private static HttpRequestMessage Request(HttpMethod method, string path, (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return request;
    }

    [GeneratedRegex("name=\"form\" value=\"([^\"]*)\"")]
    private static partial Regex TokenPattern();
}
