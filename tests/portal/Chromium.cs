using Microsoft.Playwright;

namespace Mailkey.Portal.Tests;

/// <summary>Debian's Chromium, driven by Playwright; one for all tests of a class.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private const string Program = "/usr/bin/chromium";

    // On a busy machine a page may take its time.
    private const float Limit = 30_000;

    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.True(File.Exists(Program), $"{Program} is missing: ./test installs it (apt-get install chromium)");
        _playwright = await Playwright.CreateAsync();
        Assertions.SetDefaultExpectTimeout(Limit);

        // Root has no sandbox, and a container little shared memory.
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Program, Headless = true, Timeout = Limit * 2, Args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
    }

    /// <summary>A window of its own, without cookies.</summary>
    public async Task<Window> OpenAsync(PortalWorld world, int width = 1100, int height = 900, bool script = true, bool dark = false)
    {
        var context = await _browser.NewContextAsync(new()
        {
            BaseURL = world.Address.ToString(),
            ViewportSize = new() { Width = width, Height = height },
            JavaScriptEnabled = script,
            HasTouch = width < 500,
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
        });
        context.SetDefaultTimeout(Limit);
        return new(context, await context.NewPageAsync(), world.Address);
    }
}

/// <summary>A window of the browser. What the security policy of a page forbade, and what it asked of others, is kept.</summary>
public sealed class Window : IAsyncDisposable
{
    private static readonly string? Screenshots = Environment.GetEnvironmentVariable("MAILKEY_TEST_SCREENSHOTS");

    private readonly IBrowserContext _context;

    public Window(IBrowserContext context, IPage page, Uri own)
    {
        (_context, Page) = (context, page);
        page.Console += (_, message) =>
        {
            // A page that answers 4xx is told there as well.
            if (message.Type == "error" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal))
            {
                Complaints.Add(message.Text);
            }
        };
        page.PageError += (_, error) => Complaints.Add(error);
        page.Request += (_, request) =>
        {
            if (new Uri(request.Url).Authority != own.Authority)
            {
                Complaints.Add($"asked {request.Url}");
            }
        };
    }

    public IPage Page { get; }

    public List<string> Complaints { get; } = [];

    public async Task SignInAsync(string account)
    {
        await Page.GotoAsync("/portal");
        await Page.GetByLabel("Mail address").FillAsync(account);
        await Page.GetByLabel("Password").FillAsync(PortalWorld.Password);
        await Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Page.GetByRole(AriaRole.Heading, new() { Name = "My agreements" }).WaitForAsync();
    }

    /// <summary>For whoever wants to look: a picture in the folder that <c>MAILKEY_TEST_SCREENSHOTS</c> names.</summary>
    public async Task PictureAsync(string name)
    {
        if (Screenshots is not null)
        {
            await Page.ScreenshotAsync(new() { Path = Path.Combine(Screenshots, $"{name}.png"), FullPage = true });
        }
    }

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();
}
