using System.Text.RegularExpressions;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Microsoft.Playwright;

namespace Mailkey.Portal.Tests;

/// <summary>The portal as people use it: in a real browser, at a desk and on a phone, with the keyboard alone, and without JavaScript.</summary>
[Collection(nameof(PortalWorld))]
public sealed class PortalBrowserTests(PortalWorld world, Chromium chromium) : IClassFixture<Chromium>
{
    private const int PhoneWidth = 390;

    [Fact]
    public async Task User_signs_in_reads_sorts_consents_pauses_and_ends()
    {
        var (asked, news) = await NewLifeAsync("frida@b.example");
        await using var window = await chromium.OpenAsync(world);
        var page = window.Page;
        await page.GotoAsync("/portal");
        await window.PictureAsync("sign-in");
        await window.SignInAsync("frida@b.example");
        await window.PictureAsync("list");

        // The last one asked for stands first; by category, lists come before newsletters.
        await NamesAreAsync(page, ["Rowing club Basel", "Garden weekly", "Developers of A"]);
        await page.GetByRole(AriaRole.Link, new() { Name = "Oldest first" }).ClickAsync();
        await Assertions.Expect(page).ToHaveURLAsync(new Regex("order=oldest"));
        await NamesAreAsync(page, ["Developers of A", "Garden weekly", "Rowing club Basel"]);
        await page.GetByRole(AriaRole.Link, new() { Name = "By category" }).ClickAsync();
        await Assertions.Expect(page).ToHaveURLAsync(new Regex("group=category"));
        await NamesAreAsync(page, ["Developers of A", "Rowing club Basel", "Garden weekly"]);
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Mailing list" })).ToBeVisibleAsync();
        await window.PictureAsync("list-by-category");

        await page.GetByRole(AriaRole.Heading, new() { Name = "Rowing club Basel" }).GetByRole(AriaRole.Link).ClickAsync();
        await Assertions.Expect(page.GetByText("Do you want this mail?")).ToBeVisibleAsync();
        await window.PictureAsync("consent");
        await page.GetByRole(AriaRole.Button, new() { Name = "Yes, I want it" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("You consented.");
        Assert.Equal(AgreementStatus.ActiveProbation, (await world.StateAsync(asked)).Status);

        // What was shown can be read again.
        await page.GetByText("The text that was shown").ClickAsync();
        await Assertions.Expect(page.GetByText("rudern.example wants to forward mail to frida@b.example.")).ToBeVisibleAsync();

        await page.GotoAsync($"/portal/agreements/{news}");
        await page.GetByRole(AriaRole.Button, new() { Name = "Pause" }).ClickAsync();
        await Assertions.Expect(page.GetByText("Paused by you")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Resume" }).ClickAsync();
        await Assertions.Expect(page.GetByText("Active, on trial")).ToBeVisibleAsync();
        await page.GetByText("Change the terms").ClickAsync();
        await window.PictureAsync("agreement");
        await page.GetByRole(AriaRole.Button, new() { Name = "End it" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("Ended.");
        Assert.Equal(AgreementStatus.Revoked, (await world.StateAsync(news)).Status);

        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await page.GetByLabel("Password").WaitForAsync();
        Assert.Empty(window.Complaints);
    }

    [Fact]
    public async Task All_of_it_works_on_a_phone_and_without_JavaScript()
    {
        var (asked, news) = await NewLifeAsync("gustav@b.example");
        await using var window = await chromium.OpenAsync(world, PhoneWidth, 844, script: false);
        var page = window.Page;
        await window.SignInAsync("gustav@b.example");
        await FitsAsync(page);
        await window.PictureAsync("phone-list");
        await page.GetByRole(AriaRole.Link, new() { Name = "By category" }).ClickAsync();
        await Assertions.Expect(page).ToHaveURLAsync(new Regex("group=category"));
        await NamesAreAsync(page, ["Rowing club Basel", "Developers of A", "Garden weekly"]);

        await page.GetByRole(AriaRole.Heading, new() { Name = "Rowing club Basel" }).GetByRole(AriaRole.Link).ClickAsync();
        await Assertions.Expect(page.GetByText("Do you want this mail?")).ToBeVisibleAsync();
        await FitsAsync(page);
        await window.PictureAsync("phone-consent");
        await page.GetByRole(AriaRole.Button, new() { Name = "No, refuse it" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("You refused.");
        Assert.Equal(AgreementStatus.Refused, (await world.StateAsync(asked)).Status);

        await page.GotoAsync($"/portal/agreements/{news}");
        await page.GetByText("One message, or all that comes under it").ClickAsync();
        await page.GetByLabel("All of it").CheckAsync();
        await page.GetByLabel("I unsubscribed, and it still comes").CheckAsync();
        await FitsAsync(page);
        await window.PictureAsync("phone-agreement");
        await page.GetByRole(AriaRole.Button, new() { Name = "Report" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("Reported.");
        await page.GetByRole(AriaRole.Button, new() { Name = "End it" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("Ended.");
        Assert.Equal(AgreementStatus.Revoked, (await world.StateAsync(news)).Status);
        Assert.Empty(window.Complaints);
    }

    [Fact]
    public async Task All_of_it_works_with_the_keyboard_alone()
    {
        var (_, news) = await NewLifeAsync("hanna@b.example");
        await using var window = await chromium.OpenAsync(world);
        var page = window.Page;
        await page.GotoAsync("/portal");
        await TabToAsync(page, "input#name");
        await page.Keyboard.TypeAsync("hanna@b.example");
        await TabToAsync(page, "input#password");
        await page.Keyboard.TypeAsync(PortalWorld.Password);
        await page.Keyboard.PressAsync("Enter");
        await page.GetByRole(AriaRole.Heading, new() { Name = "My agreements" }).WaitForAsync();

        // Past the bar with one key.
        await page.Keyboard.PressAsync("Tab");
        await Assertions.Expect(page.Locator("a.skip")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("main")).ToBeFocusedAsync();

        await TabToAsync(page, $"h3 a[href='/portal/agreements/{news}']");
        await window.PictureAsync("keyboard-focus");
        await page.Keyboard.PressAsync("Enter");
        await page.GetByRole(AriaRole.Heading, new() { Name = "Garden weekly", Level = 1 }).WaitForAsync();
        await TabToAsync(page, "form[action$='/pause'] button");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.GetByText("Paused by you")).ToBeVisibleAsync();

        await TabToAsync(page, "details.choice:has(form[action$='/report']) > summary");
        await page.Keyboard.PressAsync("Enter");
        await TabToAsync(page, "input[name=scope]");
        await page.Keyboard.PressAsync("ArrowDown");
        await Assertions.Expect(page.GetByLabel("All of it")).ToBeCheckedAsync();
        await TabToAsync(page, "form[action$='/report'] button");
        await page.Keyboard.PressAsync("Space");
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("Reported.");
        await TabToAsync(page, "form[action$='/end'] button");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("Ended.");
        Assert.Equal(AgreementStatus.Revoked, (await world.StateAsync(news)).Status);
    }

    [Fact]
    public async Task Every_field_has_a_label_and_every_text_contrast_in_light_and_dark()
    {
        var (asked, news) = await NewLifeAsync("ida@b.example");
        await world.NewOrganizationAsync("waits.example");
        var approval = await world.NewAgreementAsync(PortalWorld.Bob, category: "backup-mx", name: "Second mail host");
        world.Accounts.Write([.. world.Accounts.Read().Values.Where(entry => entry.Address != "ida@b.example"), PortalWorld.Entry("ida@b.example", isOperator: true)]);
        foreach (var dark in (bool[])[false, true])
        {
            await using var window = await chromium.OpenAsync(world, dark: dark);
            await window.Page.GotoAsync("/portal/sign-in");
            await JudgeAsync(window.Page);
            await window.SignInAsync("ida@b.example");
            foreach (var (name, path) in ((string, string)[])
                [("list", "/portal"), ("consent", $"/portal/agreements/{asked}"), ("agreement", $"/portal/agreements/{news}"), ("operator", "/portal/operator"),
                 ("approval", $"/portal/operator/agreements/{approval}"), ("organisation", "/portal/operator/organizations/waits.example"), ("nothing", "/portal/nothing")])
            {
                await window.Page.GotoAsync(path);
                await JudgeAsync(window.Page);
                await window.PictureAsync($"{(dark ? "dark" : "light")}-{name}");
            }

            Assert.Empty(window.Complaints);
        }
    }

    // The agreements of the list, in this order.
    private static Task NamesAreAsync(IPage page, string[] names) => Assertions.Expect(page.Locator(".cards h3")).ToHaveTextAsync(names);

    // Nothing makes a page wider than the screen.
    private static async Task FitsAsync(IPage page) =>
        Assert.True(await page.EvaluateAsync<int>("document.documentElement.scrollWidth") <= PhoneWidth, "the page is wider than a phone");

    /// <summary>Presses Tab until something has the focus, and looks whether one sees that it has.</summary>
    private static async Task TabToAsync(IPage page, string selector)
    {
        for (var i = 0; i < 60; i++)
        {
            await page.Keyboard.PressAsync("Tab");
            if (await page.EvaluateAsync<bool>("selector => document.activeElement.matches(selector)", selector))
            {
                Assert.Equal("solid 3px", await page.EvaluateAsync<string>("(s => s.outlineStyle + ' ' + s.outlineWidth)(getComputedStyle(document.activeElement))"));
                return;
            }
        }

        Assert.Fail($"{selector} is not reached with the Tab key");
    }

    // WCAG 2.2: names of fields (4.1.2), contrast (1.4.3), language (3.1.1), one heading of the first level, size of targets (2.5.8).
    private static async Task JudgeAsync(IPage page)
    {
        var problems = await page.EvaluateAsync<string[]>(
            """
            () => {
              const problems = [];
              for (const e of document.querySelectorAll('input:not([type=hidden]),select'))
                if (!e.labels.length && !e.getAttribute('aria-label')) problems.push('no label: ' + e.outerHTML);
              if (!document.documentElement.lang) problems.push('no language');
              if (document.querySelectorAll('h1').length !== 1) problems.push('not one h1');
              for (const e of document.querySelectorAll('button,.button,select,input:not([type=hidden],[type=checkbox],[type=radio])')) {
                const box = e.getBoundingClientRect();
                if (box.width && box.height < 24) problems.push('small target: ' + e.outerHTML);
              }
              const rgb = c => { const n = c.match(/[\d.]+/g).map(Number); return { c: n.slice(0, 3), a: n.length > 3 ? n[3] : 1 }; };
              const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
              const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
              for (let node; node = walk.nextNode();) {
                const e = node.parentElement;
                if (!node.data.trim() || !e.checkVisibility() || e.matches('option')) continue;
                let b = e, back = null;
                while (b && !back) { const c = rgb(getComputedStyle(b).backgroundColor); if (c.a === 1) back = c.c; b = b.parentElement; }
                const [x, y] = [light(rgb(getComputedStyle(e).color).c), light(back || [255, 255, 255])].sort((p, q) => q - p);
                const ratio = (x + .05) / (y + .05);
                if (ratio < 4.5) problems.push('contrast ' + ratio.toFixed(2) + ': ' + node.data.trim());
              }
              return problems;
            }
            """);
        Assert.Empty(problems);
    }

    /// <summary>An account with three agreements: an established list, a newsletter in force, and a list that asks.</summary>
    private async Task<(AgreementId Asked, AgreementId News)> NewLifeAsync(string account)
    {
        world.Accounts.Write([.. world.Accounts.Read().Values, PortalWorld.Entry(account)]);
        var list = await world.NewAgreementAsync(account, name: "Developers of A", forwarder: "lists.a.example");
        var system = new Actor(ActorKind.System, "journal");
        for (var day = 1; day <= 9; day++)
        {
            await world.DecideAsync(list, new RecordTraffic(system, new DateOnly(2026, 11, day), 3 + day));
        }

        var news = await world.NewAgreementAsync(account, category: "newsletter", name: "Garden weekly", forwarder: "xn--grten-kva.example");
        await world.DecideAsync(news, new ProposeTerms(new(ActorKind.User, account), PortalWorld.Terms with { Rate = 5 }, null));
        var asked = await world.NewAgreementAsync(account, consented: false, name: "Rowing club Basel", forwarder: "rudern.example",
            evidence: new(new(2026, 10, 3, 9, 0, 0, TimeSpan.Zero), "198.51.100.4", "I want the mail of the club."));
        return (asked, news);
    }
}
