using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Reconciliation;
using Mailkey.Agreements.Tests.Organizations;

namespace Mailkey.Agreements.Tests;

/// <summary>The example that the whole idea was explained with.</summary>
public sealed class One_list_and_two_newsletters_of_A_with_two_subscribers_at_B_are_six_agreements
{
    private static readonly DateTimeOffset Now = new(2026, 11, 2, 8, 0, 0, TimeSpan.Zero);
    private static readonly Actor System = new(ActorKind.System, "negotiation");

    private readonly Dictionary<AgreementId, List<AgreementEvent>> _ledger = [];
    private readonly Dictionary<string, AgreementId> _byKey = new(StringComparer.Ordinal);
    private readonly Dictionary<SubscriptionKey, Recipe> _recipesAtA = [];

    public One_list_and_two_newsletters_of_A_with_two_subscribers_at_B_are_six_agreements()
    {
        var organization = OrganizationStory.At(OrganizationStatus.Verified);
        (string Category, string Subscription)[] subscriptions = [("mailing-list", "dev.lists.a.example"), ("newsletter", "weekly.a.example"), ("newsletter", "offers.a.example")];
        foreach (var user in new[] { "alice@b.example", "bob@b.example" })
        {
            foreach (var (category, subscription) in subscriptions)
            {
                Negotiate(organization, user, category, subscription);

                // A asks again, as after a lost answer: it remains one.
                Negotiate(organization, user, category, subscription);
            }
        }
    }

    private IReadOnlyList<AgreementState> StatesAtB => [.. _ledger.Values.Select(StateOf)];

    private IEnumerable<Recipe> AgreementsAtB => _ledger
        .Select(stream => (Id: stream.Key, State: StateOf(stream.Value)))
        .Where(agreement => agreement.State.Phase == AgreementPhase.InForce)
        .Select(agreement => new Recipe(KeyOf(agreement.State.Forwarder, agreement.State.Recipient, agreement.State.Subscription), agreement.Id));

    [Fact]
    public void There_are_exactly_six_on_each_side_and_they_correspond()
    {
        Assert.Equal(6, _ledger.Count);
        Assert.All(StatesAtB, state => Assert.Equal(AgreementStatus.ActiveProbation, state.Status));
        Assert.Equal(3, StatesAtB.Count(state => state.Account == "alice@b.example"));
        Assert.Equal(2, StatesAtB.Count(state => state.Category == "mailing-list"));
        Assert.Equal(6, _recipesAtA.Count);

        var report = ReconciliationReport.Compare(_recipesAtA.Values, AgreementsAtB);
        Assert.Equal((6, 6), (report.Recipes, report.Agreements));
        Assert.True(report.IsOneToOne);
        Assert.Equal(RecipeDigest.Of(_recipesAtA.Values), RecipeDigest.Of(AgreementsAtB));
    }

    [Fact]
    public void A_recipe_that_is_deleted_leaves_its_agreement_named()
    {
        var deleted = _recipesAtA.Values.Single(recipe => recipe.Key.Recipient == "bob@b.example" && recipe.Key.Subscription == "weekly.a.example");
        _recipesAtA.Remove(deleted.Key);

        var report = ReconciliationReport.Compare(_recipesAtA.Values, AgreementsAtB);
        Assert.Equal((5, 6), (report.Recipes, report.Agreements));
        Assert.Equal([deleted], report.AgreementsWithoutRecipe);
        Assert.Empty(report.RecipesWithoutAgreement);
        Assert.Equal([RecipeDigest.BucketOf(deleted.Key)], RecipeDigest.Of(_recipesAtA.Values).DifferingBuckets(RecipeDigest.Of(AgreementsAtB)));
    }

    [Fact]
    public void An_agreement_that_is_ended_leaves_its_recipe_named()
    {
        var ended = _recipesAtA.Values.Single(recipe => recipe.Key.Recipient == "alice@b.example" && recipe.Key.Subscription == "offers.a.example");
        Do(ended.AgreementId!.Value, new End(new(ActorKind.User, "alice@b.example"), null));

        var report = ReconciliationReport.Compare(_recipesAtA.Values, AgreementsAtB);
        Assert.Equal((6, 5), (report.Recipes, report.Agreements));
        Assert.Equal([ended], report.RecipesWithoutAgreement);
        Assert.Empty(report.AgreementsWithoutRecipe);
        Assert.Equal(6, _ledger.Count);
    }

    [Fact]
    public void A_recipe_that_names_another_agreement_is_named_too()
    {
        var recipe = _recipesAtA.Values.First();
        _recipesAtA[recipe.Key] = recipe with { AgreementId = null };
        var report = ReconciliationReport.Compare(_recipesAtA.Values, AgreementsAtB);
        Assert.Equal([recipe.Key], report.DifferentAgreement.Select(different => different.Key));
        Assert.False(report.IsOneToOne);
    }

    private static SubscriptionKey KeyOf(string forwarder, string recipient, string subscription) =>
        SubscriptionKey.TryCreate(forwarder, recipient, subscription, out var key, out _) ? key : throw new InvalidOperationException();

    private static AgreementState StateOf(IEnumerable<AgreementEvent> events) => events.Aggregate(AgreementState.None, Agreement.Evolve);

    private void Negotiate(OrganizationStory organization, string user, string category, string subscription)
    {
        // Who has the key's stream has the key: a second proposal finds the first.
        var key = KeyOf("a.example", user, subscription);
        if (!_byKey.TryGetValue(key.StreamId, out var id))
        {
            _byKey[key.StreamId] = id = AgreementId.Mint();
        }

        Assert.Null(organization.Try(new AdmitProposal(OrganizationStory.Forwarder, id.ToString(), "192.0.2.0/24", new(0, new(0, 0)))).Refusal);
        Do(id, Tests.Agreements.Story.Proposal with { Recipient = user, Account = user, Category = category, Subscription = subscription });
        Do(id, new AcceptProof(System, [ProofKind.Organization, ProofKind.RequestSignature]));
        Do(id, new GiveConsent(new(ActorKind.User, user), 1, Tests.Agreements.Story.Answer, 0));
        _recipesAtA[key] = new(key, id);
    }

    private void Do(AgreementId id, AgreementCommand command)
    {
        var stream = _ledger.TryGetValue(id, out var known) ? known : _ledger[id] = [];
        var decision = Agreement.Decide(StateOf(stream), command, AgreementPolicy.Default, Now);
        Assert.Null(decision.Refusal);
        stream.AddRange(decision.Events);
    }
}
