using Mailkey.Agreements.Keys;

namespace Mailkey.Agreements.Reconciliation;

/// <summary>What two lists that should correspond one to one do not have in common.</summary>
/// <param name="Recipes">Entries at the forwarder.</param>
/// <param name="Agreements">Entries at the receiver.</param>
/// <param name="RecipesWithoutAgreement">Orphans at the forwarder: it forwards, and the receiver knows of nothing.</param>
/// <param name="AgreementsWithoutRecipe">Orphans at the receiver: it would accept what nobody sends any more.</param>
/// <param name="DifferentAgreement">Recipes that name another agreement than the receiver has for them.</param>
public sealed record ReconciliationReport(
    int Recipes,
    int Agreements,
    IReadOnlyList<Recipe> RecipesWithoutAgreement,
    IReadOnlyList<Recipe> AgreementsWithoutRecipe,
    IReadOnlyList<Recipe> DifferentAgreement)
{
    /// <summary>Whether each recipe has its agreement and each agreement its recipe.</summary>
    public bool IsOneToOne => RecipesWithoutAgreement.Count == 0 && AgreementsWithoutRecipe.Count == 0 && DifferentAgreement.Count == 0;

    /// <summary>Compares the lists of a pair of organisations; what is listed comes in the order of keys.</summary>
    /// <exception cref="ArgumentException">A list has two entries for one subscription of a recipient.</exception>
    public static ReconciliationReport Compare(IEnumerable<Recipe> recipes, IEnumerable<Recipe> agreements)
    {
        var forwarder = recipes.ToDictionary(recipe => recipe.Key);
        var receiver = agreements.ToDictionary(agreement => agreement.Key);
        return new(
            forwarder.Count,
            receiver.Count,
            InOrder(forwarder.Values.Where(recipe => !receiver.ContainsKey(recipe.Key))),
            InOrder(receiver.Values.Where(agreement => !forwarder.ContainsKey(agreement.Key))),
            InOrder(forwarder.Values.Where(recipe => receiver.TryGetValue(recipe.Key, out var agreement) && agreement.AgreementId != recipe.AgreementId)));
    }

    private static Recipe[] InOrder(IEnumerable<Recipe> list) => [.. list.OrderBy(recipe => recipe.Key.ToString(), StringComparer.Ordinal)];
}
