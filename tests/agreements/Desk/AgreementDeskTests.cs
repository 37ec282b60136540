using System.Net;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Tests.Agreements;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Agreements.Tests.Desk;

/// <summary>Commands over a real database: what the pure deciders are told, and what happens when many speak at once.</summary>
public sealed class AgreementDeskTests(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ten_proposals_of_the_same_at_once_become_one_agreement()
    {
        await using var host = await DeskHost.StartAsync(postgres);
        var forwarder = await host.VerifiedAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => host.ProposeAsync(forwarder)));
        Assert.All(answers, answer => Assert.Null(answer.Refusal));
        Assert.Single(answers.Select(answer => answer.Id).Distinct());
        Assert.Single(answers, answer => answer.HasChanged);
        Assert.Single((await host.Organizations.LoadAsync(forwarder, Stop)).State.Admitted);
    }

    [Fact]
    public async Task Another_content_for_the_same_subscription_names_the_agreement_in_the_way()
    {
        await using var host = await DeskHost.StartAsync(postgres);
        var forwarder = await host.VerifiedAsync();
        var first = await host.ProposeAsync(forwarder);
        var other = await host.Agreements.ProposeAsync(
            DeskHost.Proposal(forwarder) with { Category = "newsletter" }, new(ActorKind.Forwarder, forwarder), DeskHost.Client, null, Stop);
        Assert.Equal((first.Id, AgreementRefusals.Exists.Code), (other.Id, other.Refusal?.Code));
    }

    [Fact]
    public async Task A_subscription_that_ended_can_be_proposed_anew_and_the_old_one_stays_ended()
    {
        await using var host = await DeskHost.StartAsync(postgres);
        var forwarder = await host.VerifiedAsync();
        var user = new Actor(ActorKind.User, "alice@b.example");
        var first = (await host.ProposeAsync(forwarder)).Id!.Value;
        Assert.Null((await host.Agreements.DecideAsync(first, new End(user, null), null, Stop)).Refusal);
        var second = await host.ProposeAsync(forwarder);
        Assert.Null(second.Refusal);
        Assert.NotEqual(first, second.Id);
        Assert.Equal(AgreementStatus.Refused, (await host.Agreements.LoadAsync(first, null, Stop)).State.Status);
        Assert.Equal(second.Id, (await host.ProposeAsync(forwarder)).Id);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_comes_into_force_with_an_organization_that_may_not_forward(bool isBanned)
    {
        await using var host = await DeskHost.StartAsync(postgres);
        var forwarder = await host.VerifiedAsync();
        var user = new Actor(ActorKind.User, "alice@b.example");
        var id = (await host.ProposeAsync(forwarder)).Id!.Value;
        Assert.Null((await host.Agreements.DecideAsync(id, new AcceptProof(DeskHost.Saga, [ProofKind.Organization]), null, Stop)).Refusal);
        OrganizationCommand stop = isBanned ? new BanOrganization(DeskHost.Operator, "spam") : new SuspendOrganization(DeskHost.Operator, "spam");
        Assert.Null((await host.Organizations.DecideAsync(forwarder, stop, null, Stop)).Refusal);

        var consent = new GiveConsent(user, 1, Story.Answer, 0);
        var refused = await host.Agreements.DecideAsync(id, consent, null, Stop);

        Assert.Equal((isBanned ? OrganizationRefusals.Banned.Code : OrganizationRefusals.Suspended.Code, AgreementStatus.AwaitingConsent), (refused.Refusal?.Code, refused.State.Status));
        if (!isBanned)
        {
            Assert.Null((await host.Organizations.DecideAsync(forwarder, new LiftOrganizationSuspension(DeskHost.Operator, OrganizationHold.Operator), null, Stop)).Refusal);
            Assert.Equal(AgreementStatus.ActiveProbation, (await host.Agreements.DecideAsync(id, consent, null, Stop)).State.Status);
        }
    }

    [Fact]
    public async Task Recipients_that_do_not_exist_count_like_those_that_do()
    {
        await using var host = await DeskHost.StartAsync(postgres, "--Mailkey:Agreements:Policy:ProposalsInProbation=3");
        var forwarder = await host.VerifiedAsync();
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(DeskRefusals.UnknownRecipient.Code, (await host.ProposeAsync(forwarder, $"nobody{i}@listed.example")).Refusal?.Code);
        }

        Assert.Equal(OrganizationRefusals.ProposalsReached.Code, (await host.ProposeAsync(forwarder, "nobody@listed.example")).Refusal?.Code);
        Assert.Equal(OrganizationRefusals.ProposalsReached.Code, (await host.ProposeAsync(forwarder, "alice@listed.example")).Refusal?.Code);
    }

    [Fact]
    public async Task An_organization_that_was_banned_before_it_made_contact_has_a_name_all_the_same()
    {
        await using var host = await DeskHost.StartAsync(postgres);
        var domain = $"a{Guid.NewGuid():N}.example";
        var banned = await host.Organizations.DecideAsync(domain, new BanOrganization(DeskHost.Operator, "known elsewhere"), null, Stop);
        Assert.Equal((null, domain), (banned.Refusal, banned.State.Domain));

        // Page by page, each organisation once.
        var domains = await Eventually.GetAsync(() => BannedAsync(host), found => found.Contains(domain), TimeSpan.FromSeconds(30));
        Assert.Distinct(domains);
        Assert.DoesNotContain("", domains);
    }

    private static async Task<List<string>> BannedAsync(DeskHost host)
    {
        List<string> domains = [];
        RegisterCursor? after = null;
        do
        {
            var page = await host.Register.ListOrganizationsAsync([OrganizationStatus.Banned], after, 1, Stop);
            domains.AddRange(page.Items.Select(row => row.State.Domain));
            after = page.Next;
        }
        while (after is not null);
        return domains;
    }

    [Fact]
    public async Task An_organization_that_is_not_verified_proposes_nothing_and_learns_nothing_about_recipients()
    {
        await using var host = await DeskHost.StartAsync(postgres);
        var unknown = await host.ProposeAsync("never.example", "nobody@listed.example");
        Assert.Equal((null, OrganizationRefusals.Unknown.Code), (unknown.Id, unknown.Refusal?.Code));
        Assert.Equal(OrganizationRefusals.Unknown.Code, (await host.ProposeAsync("never.example")).Refusal?.Code);

        var forwarder = await host.VerifiedAsync();
        Assert.Equal(DeskRefusals.UnknownRecipient, (await host.ProposeAsync(forwarder, "nobody@listed.example")).Refusal);
        Assert.Equal(DeskRefusals.UnknownRecipient, (await host.ProposeAsync(forwarder, "alice@elsewhere.example")).Refusal);
        Assert.Equal(DeskRefusals.UnknownRecipient, (await host.ProposeAsync(forwarder, "alice%far.example@b.example")).Refusal);
        Assert.Equal("alice@listed.example", (await host.ProposeAsync(forwarder, "Alice+Lists@listed.example")).State.Account);
    }

    [Fact]
    public async Task A_forwarder_cannot_propose_for_another()
    {
        await using var host = await DeskHost.StartAsync(postgres);
        var (one, other) = (await host.VerifiedAsync(), await host.VerifiedAsync());
        var answer = await host.Agreements.ProposeAsync(DeskHost.Proposal(other), new(ActorKind.Forwarder, one), DeskHost.Client, null, Stop);
        Assert.Equal(AgreementRefusals.NotYours, answer.Refusal);
    }

    [Fact]
    public async Task Caps_by_organization_and_by_network_hold_when_all_come_at_once()
    {
        await using var host = await DeskHost.StartAsync(postgres, "--Mailkey:Agreements:Policy:ProposalsInProbation=3", "--Mailkey:Agreements:Policy:ProposalsPerNetwork=5");
        var network = new IPAddress(Guid.NewGuid().ToByteArray());
        var organizations = new[] { await host.VerifiedAsync(), await host.VerifiedAsync(), await host.VerifiedAsync() };
        var answers = await Task.WhenAll(organizations.SelectMany(
            forwarder => Enumerable.Range(0, 5).Select(n => host.ProposeAsync(forwarder, subscription: $"list-{n}", client: network))));
        Assert.Equal(5, answers.Count(answer => answer.Refusal is null));
        Assert.All(answers.Where(answer => answer.Refusal is not null), answer => Assert.Contains(
            answer.Refusal!.Code, (string[])[OrganizationRefusals.ProposalsReached.Code, OrganizationRefusals.NetworkReached.Code]));
        foreach (var forwarder in organizations)
        {
            Assert.InRange((await host.Organizations.LoadAsync(forwarder, Stop)).State.Admitted.Count, 0, 3);
        }
    }

    [Fact]
    public async Task Caps_on_first_contacts_hold_when_all_come_at_once()
    {
        await using var host = await DeskHost.StartAsync(postgres, "--Mailkey:Agreements:Policy:ContactsPerNetwork=2");
        var network = new IPAddress(Guid.NewGuid().ToByteArray());
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(n =>
        {
            var domain = $"n{n}-{Guid.NewGuid():N}.example";
            return host.Organizations.MakeContactAsync(domain, $"postmaster@{domain}", $"https://{domain}/", network, new(ActorKind.Forwarder, domain), null, Stop);
        }));
        Assert.Equal(2, answers.Count(answer => answer.Refusal is null));
        Assert.Equal(6, answers.Count(answer => answer.Refusal == OrganizationRefusals.TooManyContacts));
    }

    [Fact]
    public async Task A_user_is_asked_so_often_a_day_and_no_more_over_all_forwarders_at_once()
    {
        await using var host = await DeskHost.StartAsync(postgres, "--Mailkey:Agreements:Policy:ConsentRequestsPerDay=3");
        var recipient = $"u{Guid.NewGuid():N}@b.example";
        List<AgreementId> ids = [];
        for (var n = 0; n < 6; n++)
        {
            var id = (await host.ProposeAsync(await host.VerifiedAsync(), recipient)).Id!.Value;
            Assert.Null((await host.Agreements.DecideAsync(id, new AcceptProof(DeskHost.Saga, [ProofKind.Organization]), null, Stop)).Refusal);
            ids.Add(id);
        }

        var answers = await Task.WhenAll(ids.Select(id => host.Agreements.RequestConsentAsync(id, 1, "Do you want it?", DeskHost.Saga, null, Stop)));
        Assert.Equal(3, answers.Count(answer => answer.Refusal is null));
        Assert.Equal(3, answers.Count(answer => answer.Refusal == AgreementRefusals.TooManyRequests));
        Assert.Equal(OrganizationRefusals.RecipientReached, (await host.ProposeAsync(await host.VerifiedAsync(), recipient)).Refusal);
    }

    [Fact]
    public async Task A_consent_does_not_pass_the_gate_of_risk_whatever_its_bearer_says()
    {
        await using var host = await DeskHost.StartAsync(postgres, "--Mailkey:Agreements:Policy:ApprovalRisk=30");
        var id = (await host.ProposeAsync(await host.VerifiedAsync())).Id!.Value;
        Assert.Null((await host.Agreements.DecideAsync(id, new AcceptProof(DeskHost.Saga, [ProofKind.Organization]), null, Stop)).Refusal);
        var consent = await host.Agreements.DecideAsync(id, new GiveConsent(new(ActorKind.User, "alice@b.example"), 1, Story.Answer, Risk: 0), null, Stop);
        Assert.Equal(AgreementStatus.AwaitingApproval, consent.State.Status);
        Assert.Equal([ApprovalGates.Risk], consent.State.Gates);
    }

    [Fact]
    public async Task An_address_is_made_once_and_replaced_only_by_name()
    {
        await using var host = await DeskHost.StartAsync(postgres);
        var id = await host.ActiveAsync(await host.VerifiedAsync());
        var first = await host.Agreements.AssignAddressAsync(id, null, DeskHost.Saga, null, Stop);
        Assert.True(UniqueAddress.TryParse(first.State.Address, out var address));
        Assert.Equal("alice", address.User);
        Assert.Equal(AgreementRefusals.AddressExists, (await host.Agreements.AssignAddressAsync(id, null, DeskHost.Saga, null, Stop)).Refusal);
        var second = await host.Agreements.AssignAddressAsync(id, first.State.Address, DeskHost.Saga, null, Stop);
        Assert.NotEqual(first.State.Address, second.State.Address);
        Assert.Equal(AgreementRefusals.Unknown, (await host.Agreements.AssignAddressAsync(AgreementId.Mint(), null, DeskHost.Saga, null, Stop)).Refusal);
    }

    [Fact]
    public async Task Register_lists_by_account_in_both_orders_and_by_forwarder_in_pages()
    {
        await using var host = await DeskHost.StartAsync(postgres);
        var recipient = $"u{Guid.NewGuid():N}@b.example";
        var forwarder = await host.VerifiedAsync();
        List<AgreementId> ids = [];
        foreach (var (subscription, category) in new[] { ("one", "newsletter"), ("two", "mailing-list"), ("three", "newsletter"), ("four", "alias") })
        {
            var answer = await host.Agreements.ProposeAsync(
                DeskHost.Proposal(forwarder, recipient, subscription) with { Category = category }, new(ActorKind.Forwarder, forwarder), DeskHost.Client, null, Stop);
            ids.Add(answer.Id!.Value);
            await host.RegisteredAsync(ids[^1], answer.Version);
        }

        var pause = await host.Agreements.DecideAsync(ids[0], new End(new(ActorKind.User, recipient), "enough"), "click", Stop);
        await host.RegisteredAsync(ids[0], pause.Version);

        Assert.Equal(["one", "two", "three", "four"], await SubscriptionsAsync(new() { Account = recipient }));
        Assert.Equal(["one", "four", "three", "two"], await SubscriptionsAsync(new() { Account = recipient, Order = RegisterOrder.Changed, Descending = true }));
        Assert.Equal(["four", "two", "one", "three"], await SubscriptionsAsync(new() { Account = recipient, ByCategory = true }));
        Assert.Equal(["one", "three"], await SubscriptionsAsync(new() { Account = recipient, Category = "newsletter" }));
        Assert.Equal(["one"], await SubscriptionsAsync(new() { Account = recipient, Statuses = [AgreementStatus.Refused, AgreementStatus.Revoked] }));
        Assert.Empty(await SubscriptionsAsync(new() { Account = recipient, Forwarder = "other.example" }));

        List<string> paged = [];
        RegisterCursor? place = null;
        do
        {
            var page = await host.Register.ListAsync(new() { Forwarder = forwarder, Limit = 3, Order = RegisterOrder.Changed, After = place }, Stop);
            paged.AddRange(page.Items.Select(item => item.State.Subscription));
            Assert.True(page.Next is null || RegisterCursor.TryParse(page.Next.ToString(), out place));
            place = page.Next is null ? null : place;
        }
        while (place is not null);
        Assert.Equal(["two", "three", "four", "one"], paged);

        var recipes = await host.Register.RecipesAsync(forwarder, Stop).ToListAsync(Stop);
        Assert.Equal(ids.Skip(1).ToHashSet(), recipes.Select(recipe => recipe.AgreementId!.Value).ToHashSet());

        var history = await host.Register.HistoryAsync(ids[0], null, Stop).ToListAsync(Stop);
        Assert.Equal(["agreement-proposed", "agreement-refused"], history.Select(entry => entry.Name));
        Assert.Equal(("user:" + recipient, "click"), (history[1].Actor, history[1].Cause));
        Assert.IsType<AgreementRefused>(history[1].Value);
        Assert.Contains(
            (await host.Register.ListOrganizationsAsync([OrganizationStatus.Verified], null, 500, Stop)).Items, organization => organization.State.Domain == forwarder);

        async Task<IEnumerable<string>> SubscriptionsAsync(RegisterQuery query) =>
            (await host.Register.ListAsync(query, Stop)).Items.Select(item => item.State.Subscription);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("!")]
    [InlineData("AAAA")]
    [InlineData("OTk5OTk5OTk5OTk5OTk5OTk5OTk5IGE")]
    [InlineData("MSBhAA")]
    public void Cursor_of_a_stranger_is_none(string? text) => Assert.False(RegisterCursor.TryParse(text, out _));
}
