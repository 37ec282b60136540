using System.Net;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Organizations;
using Microsoft.Extensions.DependencyInjection;

namespace Mailkey.Portal.Tests;

/// <summary>What an operator decides.</summary>
[Collection(nameof(PortalWorld))]
public sealed class OperatorFlowTests(PortalWorld world)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Agreement_that_waits_is_approved_or_not()
    {
        var (good, bad) = (await world.NewAgreementAsync(PortalWorld.Alice, category: "backup-mx"), await world.NewAgreementAsync(PortalWorld.Alice, category: "backup-mx"));
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Postmaster);
        await browser.GetAsync("/portal/operator");
        Assert.Contains($"/portal/operator/agreements/{good}", browser.Page, StringComparison.Ordinal);
        await PressAsync(browser, $"/portal/operator/agreements/{good}", "approve", ("version", "1"), ("reason", ""));
        Assert.Equal(AgreementStatus.ActiveProbation, (await world.StateAsync(good)).Status);

        await browser.GetAsync($"/portal/operator/agreements/{bad}");
        using var withoutReason = await browser.PostAsync($"/portal/operator/agreements/{bad}/disapprove", ("reason", ""));
        Assert.Equal(HttpStatusCode.Conflict, withoutReason.StatusCode);
        await PressAsync(browser, $"/portal/operator/agreements/{bad}", "disapprove", ("reason", "no backup is needed"));
        Assert.Equal(AgreementStatus.Refused, (await world.StateAsync(bad)).Status);
        Assert.Contains("no backup is needed", browser.Page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Agreement_is_suspended_and_lifted()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Postmaster);
        await PressAsync(browser, $"/portal/operator/agreements/{id}", "suspend", ("reason", "looks odd"));
        Assert.Equal([Hold.Operator], (await world.StateAsync(id)).Holds);
        await browser.GetAsync("/portal/operator");
        Assert.Contains("Held back", browser.Page, StringComparison.Ordinal);
        await PressAsync(browser, $"/portal/operator/agreements/{id}", "lift", ("hold", "operator"));
        Assert.Empty((await world.StateAsync(id)).Holds);

        // The user's own answers are nobody else's.
        foreach (var action in (string[])["consent", "pause", "terms", "report"])
        {
            using var response = await browser.PostAsync($"/portal/operator/agreements/{id}/{action}", ("version", "1"));
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }
    }

    [Fact]
    public async Task Organisation_is_let_in_suspended_lifted_and_banned()
    {
        const string Domain = "forwarder.example";
        const string Path = $"/portal/operator/organizations/{Domain}";
        await world.NewOrganizationAsync(Domain);
        var desk = world.Services.GetRequiredService<OrganizationDesk>();
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Postmaster);
        await PressAsync(browser, Path, "approve", ("reason", "known for years"));
        Assert.Equal(OrganizationStatus.Verified, await StatusAsync());
        Assert.Contains("known for years", browser.Page, StringComparison.Ordinal);
        await PressAsync(browser, Path, "suspend", ("reason", "complaints"));
        Assert.Equal(OrganizationStatus.Suspended, await StatusAsync());
        await PressAsync(browser, Path, "lift", ("hold", "operator"));
        Assert.Equal(OrganizationStatus.Verified, await StatusAsync());
        await PressAsync(browser, Path, "ban", ("reason", "enough"));
        Assert.Equal(OrganizationStatus.Banned, await StatusAsync());
        await PressAsync(browser, Path, "unban");
        Assert.Equal(OrganizationStatus.Lapsed, await StatusAsync());
        using var unknown = await browser.GetAsync("/portal/operator/organizations/nobody.example");
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);

        async Task<OrganizationStatus> StatusAsync() => (await desk.LoadAsync(Domain, Stop)).State.Status;
    }

    private static async Task PressAsync(Browser browser, string path, string action, params (string, string)[] fields)
    {
        await browser.GetAsync(path);
        using var response = await browser.PostAsync($"{path}/{action}", fields);
        Assert.True(response.StatusCode == HttpStatusCode.SeeOther, $"{response.StatusCode}\n{browser.Page}");
        await browser.GetAsync(response.Headers.Location!.OriginalString);
    }
}
