using System.Globalization;
using System.Net;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Consents;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Portal;
using Mailkey.Agreements.Portal.Words;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Mailkey.Portal.Tests;

/// <summary>What a user does with agreements, form by form.</summary>
[Collection(nameof(PortalWorld))]
public sealed class UserFlowTests(PortalWorld world)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Consent_is_kept_with_the_text_that_was_shown()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice, consented: false);
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        Assert.Contains($"/portal/agreements/{id}", browser.Page, StringComparison.Ordinal);
        await browser.GetAsync($"/portal/agreements/{id}");
        using var response = await browser.PostAsync($"/portal/agreements/{id}/consent", ("version", browser.Hidden("version")), ("text", browser.Hidden("text")));
        Assert.Equal($"/portal/agreements/{id}?done=consent", response.Headers.Location!.OriginalString);
        var state = await world.StateAsync(id);
        Assert.Equal(AgreementStatus.ActiveProbation, state.Status);

        await browser.GetAsync(response.Headers.Location.OriginalString);
        Assert.Contains("You consented.", browser.Page, StringComparison.Ordinal);
        Assert.Contains("The text that was shown", browser.Page, StringComparison.Ordinal);
        Assert.Contains("a.example wants to forward mail to alice@b.example.", browser.Page, StringComparison.Ordinal);
        Assert.Contains(Assert.Single(state.Consents).TextHash, browser.Page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Consent_to_terms_that_changed_meanwhile_is_none()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice, consented: false);
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        await browser.GetAsync($"/portal/agreements/{id}");
        var (version, text) = (browser.Hidden("version"), browser.Hidden("text"));
        await world.DecideAsync(id, new ProposeTerms(new(ActorKind.Forwarder, "a.example"), PortalWorld.Terms with { Rate = 9000 }, null));
        foreach (var asked in (string[])[version, "2"])
        {
            using var response = await browser.PostAsync($"/portal/agreements/{id}/consent", ("version", asked), ("text", text));
            Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
            Assert.Equal(AgreementStatus.AwaitingConsent, (await world.StateAsync(id)).Status);
        }

        // What is shown now can be consented to.
        Assert.Contains("9000 messages", browser.Page, StringComparison.Ordinal);
        using var good = await browser.PostAsync($"/portal/agreements/{id}/consent", ("version", browser.Hidden("version")), ("text", browser.Hidden("text")));
        Assert.Equal(HttpStatusCode.SeeOther, good.StatusCode);
    }

    [Fact]
    public async Task Agreement_is_refused_paused_resumed_and_ended()
    {
        var (refused, ended) = (await world.NewAgreementAsync(PortalWorld.Alice, consented: false), await world.NewAgreementAsync(PortalWorld.Alice));
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        await PressAsync(browser, refused, "refuse");
        Assert.Equal(AgreementStatus.Refused, (await world.StateAsync(refused)).Status);

        await PressAsync(browser, ended, "pause");
        Assert.Contains("Paused by you", browser.Page, StringComparison.Ordinal);
        await PressAsync(browser, ended, "resume");
        Assert.Equal(AgreementStatus.ActiveProbation, (await world.StateAsync(ended)).Status);
        Assert.Contains("Ending is final.", browser.Page, StringComparison.Ordinal);
        await PressAsync(browser, ended, "end");
        Assert.Equal(AgreementStatus.Revoked, (await world.StateAsync(ended)).Status);

        // What is over stays readable, and offers nothing more to do.
        Assert.DoesNotContain($"/portal/agreements/{ended}/pause", browser.Page, StringComparison.Ordinal);
        Assert.Contains("ended it", browser.Page, StringComparison.Ordinal);
        await browser.GetAsync("/portal");
        Assert.Contains($"/portal/agreements/{ended}", browser.Page, StringComparison.Ordinal);
        await browser.GetAsync($"/portal/agreements/{ended}");
        using var late = await browser.PostAsync($"/portal/agreements/{ended}/resume");
        Assert.Equal(HttpStatusCode.Conflict, late.StatusCode);
    }

    [Theory]
    [InlineData(ComplaintScope.Message, ComplaintClass.Content, "<42@a.example>")]
    [InlineData(ComplaintScope.Message, ComplaintClass.ForgedIdentity, "Monday, \"You have won\"")]
    [InlineData(ComplaintScope.Series, ComplaintClass.UnsubscribeIgnored, "")]
    [InlineData(ComplaintScope.Series, ComplaintClass.NoOptIn, "")]
    public async Task Report_is_of_a_message_or_of_the_series_and_has_a_class(ComplaintScope scope, ComplaintClass kind, string reference)
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        await PressAsync(browser, id, "report", ("scope", KebabCase<ComplaintScope>.Word(scope)), ("class", KebabCase<ComplaintClass>.Word(kind)), ("reference", reference));
        Assert.Contains(WebUtility.HtmlEncode(AgreementWords.Class(kind)).Replace("&#39;", "&#x27;", StringComparison.Ordinal), browser.Page, StringComparison.Ordinal);
        Assert.Contains($"reported {(scope == ComplaintScope.Message ? "a message" : "the whole series")}", browser.Page, StringComparison.Ordinal);
        Assert.NotEmpty((await world.StateAsync(id)).Reports);
    }

    [Theory]
    [InlineData("message", "content", "")]
    [InlineData("message", "content", "two\nlines")]
    [InlineData("message", "nonsense", "<42@a.example>")]
    [InlineData("3", "content", "<42@a.example>")]
    public async Task Report_that_says_too_little_is_asked_for_again(string scope, string kind, string reference)
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        await browser.GetAsync($"/portal/agreements/{id}");
        using var response = await browser.PostAsync($"/portal/agreements/{id}/report", ("scope", scope), ("class", kind), ("reference", reference));
        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
        Assert.Contains("role=\"alert\"", browser.Page, StringComparison.Ordinal);
        Assert.Empty((await world.StateAsync(id)).Reports);
    }

    [Fact]
    public async Task Terms_that_allow_less_bind_at_once_and_every_version_stays_readable()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        await PressAsync(browser, id, "terms", Fields(PortalWorld.Terms with { Rate = 7, Spf = SpfTerm.Enforce, Feedback = Feedback.Off, Expires = new(2031, 2, 1, 0, 0, 0, TimeSpan.Zero) }));
        var state = await world.StateAsync(id);
        Assert.Equal((2, 7, SpfTerm.Enforce, Feedback.Off), (state.Version, state.Terms!.Rate, state.Terms.Spf, state.Terms.Feedback));
        Assert.Equal(new DateTimeOffset(2031, 2, 1, 0, 0, 0, TimeSpan.Zero), state.Terms.Expires);
        Assert.Equal(PortalWorld.Terms.Size, state.Terms.Size);
        Assert.Contains("Version 1", browser.Page, StringComparison.Ordinal);
        Assert.Contains("up to 200", browser.Page, StringComparison.Ordinal);
        Assert.Contains("up to 7", browser.Page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Terms_that_allow_more_need_consent_to_what_is_shown()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        await browser.GetAsync($"/portal/agreements/{id}");
        var wanted = Fields(PortalWorld.Terms with { Rate = 500 });
        using var question = await browser.PostAsync($"/portal/agreements/{id}/terms", wanted);
        Assert.Equal(HttpStatusCode.OK, question.StatusCode);
        Assert.Contains("These terms allow more", browser.Page, StringComparison.Ordinal);
        Assert.Single((await world.StateAsync(id)).Versions);
        await PressHereAsync(browser, id, "terms", [.. wanted, ("text", browser.Hidden("text"))]);
        var state = await world.StateAsync(id);
        Assert.Equal((AgreementStatus.Renegotiating, 2), (state.Status, state.Pending!.Version));

        // The forwarder has not answered: it can be taken back.
        await PressAsync(browser, id, "withdraw", ("version", "2"));
        Assert.Null((await world.StateAsync(id)).Pending);
    }

    [Fact]
    public async Task Terms_that_the_forwarder_asks_for_are_accepted_or_declined()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        var forwarder = new Actor(ActorKind.Forwarder, "a.example");
        await world.DecideAsync(id, new ProposeTerms(forwarder, PortalWorld.Terms with { Rate = 300 }, null));
        await browser.GetAsync($"/portal/agreements/{id}");
        Assert.Contains("Do you accept these terms?", browser.Page, StringComparison.Ordinal);
        await PressHereAsync(browser, id, "refuse", ("version", browser.Hidden("version")));
        Assert.Equal(1, (await world.StateAsync(id)).Version);

        await world.DecideAsync(id, new ProposeTerms(forwarder, PortalWorld.Terms with { Rate = 400 }, null));
        await browser.GetAsync($"/portal/agreements/{id}");
        await PressHereAsync(browser, id, "consent", ("version", browser.Hidden("version")), ("text", browser.Hidden("text")));
        var state = await world.StateAsync(id);
        Assert.Equal((3, 400), (state.Version, state.Terms!.Rate));
    }

    [Theory]
    [InlineData("rate", "0")]
    [InlineData("rate", "many")]
    [InlineData("rate", "999999999999")]
    [InlineData("size", "-1")]
    [InlineData("size", "1e9")]
    [InlineData("size", "NaN")]
    [InlineData("expires", "tomorrow")]
    [InlineData("expires", "9999-12-31")]
    [InlineData("dnsbl", "2")]
    [InlineData("spf", "")]
    public async Task Terms_that_are_none_are_asked_for_again(string field, string value)
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        await browser.GetAsync($"/portal/agreements/{id}");
        using var response = await browser.PostAsync(
            $"/portal/agreements/{id}/terms", [.. Fields(PortalWorld.Terms).Select(pair => pair.Name == field ? (field, value) : pair)]);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("role=\"alert\"", browser.Page, StringComparison.Ordinal);
        Assert.Single((await world.StateAsync(id)).Versions);
    }

    [Fact]
    public async Task Leaked_address_stops_nothing_and_is_replaced_by_one_button()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        var system = new Actor(ActorKind.System, "ingress");
        Assert.Null((await world.Desk.AssignAddressAsync(id, null, system, "test", Stop)).Refusal);
        await world.DecideAsync(id, new ReportMisuse(system, MisuseKind.AddressUsedByAnother, "session-1"));
        var before = (await world.StateAsync(id)).Address;
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        await browser.GetAsync($"/portal/agreements/{id}");
        Assert.Contains("New address", browser.Page, StringComparison.Ordinal);
        Assert.Contains("Somebody else used the secret address", browser.Page, StringComparison.Ordinal);
        Assert.Equal(AgreementStatus.ActiveProbation, (await world.StateAsync(id)).Status);
        await PressHereAsync(browser, id, "address");
        var state = await world.StateAsync(id);
        Assert.NotEqual(before, state.Address);
        Assert.DoesNotContain("New address", browser.Page, StringComparison.Ordinal);
        Assert.Equal(AgreementStatus.ActiveProbation, state.Status);
    }

    [Fact]
    public async Task Several_are_paused_resumed_and_after_a_question_ended()
    {
        var (one, two) = (await world.NewAgreementAsync(PortalWorld.Bob), await world.NewAgreementAsync(PortalWorld.Bob));
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Bob);
        (string, string)[] both = [("id", one.ToString()), ("id", two.ToString())];
        Assert.Equal("/portal?done=pause", await BulkAsync(browser, [.. both, ("do", "pause")]));
        Assert.Equal([Hold.Pause], (await world.StateAsync(one)).Holds);
        Assert.Equal([Hold.Pause], (await world.StateAsync(two)).Holds);
        await browser.GetAsync("/portal");
        Assert.Contains("Paused by you", browser.Page, StringComparison.Ordinal);
        Assert.Equal("/portal?done=resume", await BulkAsync(browser, [.. both, ("do", "resume")]));
        Assert.Equal("/portal?done=none", await BulkAsync(browser, [("do", "pause")]));
        Assert.Null(await BulkAsync(browser, [.. both, ("do", "end")]));
        Assert.Contains("End these 2 agreements?", browser.Page, StringComparison.Ordinal);
        Assert.Equal(AgreementStatus.ActiveProbation, (await world.StateAsync(two)).Status);
        Assert.Equal("/portal?done=end", await BulkAsync(browser, [.. both, ("do", "end"), ("sure", "yes")]));
        Assert.Equal(AgreementStatus.Revoked, (await world.StateAsync(two)).Status);
        await browser.GetAsync("/portal");
        Assert.Equal("/portal?done=partly", await BulkAsync(browser, [("id", one.ToString()), ("do", "pause")]));
    }

    [Fact]
    public async Task List_is_in_historical_order_and_by_category()
    {
        const string Eve = "eve@b.example";
        world.Accounts.Write([.. world.Accounts.Read().Values, PortalWorld.Entry(Eve)]);
        await world.NewAgreementAsync(Eve, category: "newsletter", name: "First of all");
        var second = await world.NewAgreementAsync(Eve, category: "mailing-list", name: "Second of all", forwarder: "other.example");
        await world.NewAgreementAsync(Eve, category: "newsletter", name: "Third of all");
        using var browser = await world.NewBrowser().SignInAsync(Eve);
        string[] names = ["First of all", "Second of all", "Third of all"];
        Assert.Equal([2, 1, 0], Order(browser.Page));
        await browser.GetAsync("/portal?order=oldest");
        Assert.Equal([0, 1, 2], Order(browser.Page));
        await browser.GetAsync("/portal?order=oldest&group=category");
        Assert.Equal([1, 0, 2], Order(browser.Page));
        await browser.GetAsync("/portal?order=newest&group=category");
        Assert.Equal([1, 2, 0], Order(browser.Page));
        await browser.GetAsync("/portal?category=newsletter");
        Assert.Equal([2, 0], Order(browser.Page));
        await PressAsync(browser, second, "pause");
        await browser.GetAsync("/portal?order=changed");
        Assert.Equal(1, Order(browser.Page)[0]);
        await browser.GetAsync("/portal?order=nonsense&group=x&after=nonsense");
        Assert.Equal(3, Order(browser.Page).Length);

        int[] Order(string page) => [.. names.Select((name, i) => (At: page.IndexOf($"<bdi>{name}</bdi>", StringComparison.Ordinal), i)).Where(pair => pair.At >= 0).OrderBy(pair => pair.At).Select(pair => pair.i)];
    }

    [Fact]
    public async Task Link_of_a_mail_shows_on_GET_and_answers_on_POST_for_whoever_has_it()
    {
        var (wanted, unwanted) = (await world.NewAgreementAsync(PortalWorld.Alice, consented: false), await world.NewAgreementAsync(PortalWorld.Alice, consented: false));
        var system = new Actor(ActorKind.System, "negotiation");
        foreach (var (id, token) in ((AgreementId, string)[])[(wanted, "token-wanted"), (unwanted, "token-unwanted")])
        {
            var text = $"Do you want this list?\n{id}";
            Assert.Null((await world.Desk.RequestConsentAsync(id, 1, text, system, "test", Stop)).Refusal);
            world.Links[token] = new(id, 1, text);
        }

        using var browser = world.NewBrowser();
        for (var i = 0; i < 2; i++)
        {
            using var shown = await browser.GetAsync("/consent/token-wanted");
            Assert.Equal(HttpStatusCode.OK, shown.StatusCode);
            Assert.Equal(AgreementStatus.AwaitingConsent, (await world.StateAsync(wanted)).Status);
        }

        Assert.Contains("Opening this page has decided nothing.", browser.Page, StringComparison.Ordinal);
        using var scanner = await browser.PostAsync("/consent/token-wanted", [("Origin", "https://scanner.example")], [("answer", "yes")]);
        Assert.Equal(HttpStatusCode.Forbidden, scanner.StatusCode);
        Assert.Equal(AgreementStatus.AwaitingConsent, (await world.StateAsync(wanted)).Status);

        await browser.GetAsync("/consent/token-wanted");
        using var yes = await browser.PostAsync("/consent/token-wanted", ("answer", "yes"));
        Assert.Equal(HttpStatusCode.OK, yes.StatusCode);
        Assert.Contains("You said yes", browser.Page, StringComparison.Ordinal);
        Assert.Equal(AgreementStatus.ActiveProbation, (await world.StateAsync(wanted)).Status);

        // Once answered it asks no more; the same answer again, from a page that was left open, does no harm.
        using var answered = await browser.GetAsync("/consent/token-wanted");
        Assert.Equal(HttpStatusCode.NotFound, answered.StatusCode);
        await browser.GetAsync("/consent/token-unwanted");
        using var again = await browser.PostAsync("/consent/token-wanted", ("answer", "yes"));
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        using var late = await browser.PostAsync("/consent/token-wanted", [("Origin", world.Address.GetLeftPart(UriPartial.Authority))], [("form", "x"), ("answer", "no")]);
        Assert.Equal(HttpStatusCode.Forbidden, late.StatusCode);
        Assert.Equal(AgreementStatus.ActiveProbation, (await world.StateAsync(wanted)).Status);

        await browser.GetAsync("/consent/token-unwanted");
        using var no = await browser.PostAsync("/consent/token-unwanted", ("answer", "no"));
        Assert.Contains("You said no", browser.Page, StringComparison.Ordinal);
        Assert.Equal(AgreementStatus.Refused, (await world.StateAsync(unwanted)).Status);
        Assert.Null(browser.Session);
        using var nothing = await browser.GetAsync("/consent/token-of-nobody");
        Assert.Equal(HttpStatusCode.NotFound, nothing.StatusCode);
    }

    [Fact]
    public async Task Link_of_a_question_that_was_answered_takes_no_consent_back()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice, category: "backup-mx");
        Assert.Equal(AgreementStatus.AwaitingApproval, (await world.StateAsync(id)).Status);
        world.Links["token-answered"] = new(id, 1, "Do you want this list?");
        using var browser = world.NewBrowser();
        await browser.GetAsync("/portal/sign-in");
        using var no = await browser.PostAsync("/consent/token-answered", ("answer", "no"));
        Assert.Equal(HttpStatusCode.NotFound, no.StatusCode);
        Assert.Equal(AgreementStatus.AwaitingApproval, (await world.StateAsync(id)).Status);
    }

    [Fact]
    public async Task Link_that_the_mail_of_a_question_carries_opens_that_question()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice, consented: false);
        var system = new Actor(ActorKind.System, "negotiation");
        var mailer = world.Services.GetRequiredService<ConsentMailer>();
        var bus = world.Services.GetRequiredService<IBus>();
        Assert.Equal(ConsentOutcome.Asked, await mailer.AskAsync(id, await world.StateAsync(id), 1, 0, system, "test", bus, Stop));
        await using var database = NpgsqlDataSource.Create(world.ConnectionString);
        await using var command = database.CreateCommand($"SELECT id FROM agreements.consent_questions WHERE agreement = '{id}'");
        var question = Assert.IsType<Guid>(await command.ExecuteScalarAsync(Stop));
        var tokens = world.Services.GetRequiredService<ConsentTokens>();
        var token = await tokens.IssueAsync(question, TimeProvider.System.GetUtcNow().AddDays(1), Stop);

        using var browser = world.NewBrowser();
        using var shown = await browser.GetAsync($"/consent/{token}");
        Assert.Equal(HttpStatusCode.OK, shown.StatusCode);
        Assert.Contains("a.example wants to forward mail to alice@b.example.", browser.Page, StringComparison.Ordinal);
        foreach (var wrong in (string[])[token[..^1], $"{token[..^2]}aa", await tokens.IssueAsync(question, TimeProvider.System.GetUtcNow().AddDays(-1), Stop)])
        {
            using var nothing = await browser.GetAsync($"/consent/{wrong}");
            Assert.Equal(HttpStatusCode.NotFound, nothing.StatusCode);
        }

        await browser.GetAsync($"/consent/{token}");
        using var yes = await browser.PostAsync($"/consent/{token}", ("answer", "yes"));
        Assert.Equal(HttpStatusCode.OK, yes.StatusCode);
        Assert.Equal(AgreementStatus.ActiveProbation, (await world.StateAsync(id)).Status);
    }

    private static (string Name, string Value)[] Fields(Terms terms) => [("of", "1"), .. TermsForm.FieldsOf(terms)];

    private static async Task<string?> BulkAsync(Browser browser, (string, string)[] fields)
    {
        using var response = await browser.PostAsync("/portal/agreements", fields);
        return response.Headers.Location?.OriginalString;
    }

    private static async Task PressAsync(Browser browser, AgreementId id, string action, params (string, string)[] fields)
    {
        await browser.GetAsync($"/portal/agreements/{id}");
        await PressHereAsync(browser, id, action, fields);
    }

    private static async Task PressHereAsync(Browser browser, AgreementId id, string action, params (string, string)[] fields)
    {
        using var response = await browser.PostAsync($"/portal/agreements/{id}/{action}", fields);
        Assert.True(response.StatusCode == HttpStatusCode.SeeOther, string.Create(CultureInfo.InvariantCulture, $"{response.StatusCode}\n{browser.Page}"));
        using var page = await browser.GetAsync(response.Headers.Location!.OriginalString);
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
    }
}
