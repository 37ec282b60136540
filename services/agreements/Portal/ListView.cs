using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Portal.Words;

namespace Mailkey.Agreements.Portal;

/// <summary>In which order a list of agreements is shown.</summary>
public enum ListOrder
{
    Newest,
    Oldest,
    Changed,
}

/// <summary>What a list of agreements shows.</summary>
/// <param name="ByCategory">Whether it is grouped.</param>
/// <param name="Category">Only this one; null for all.</param>
/// <param name="All">Agreements of all categories, in order, of which the list shows those that were chosen.</param>
/// <param name="Next">Where it goes on; null: that is all.</param>
public sealed record ListView(ListOrder Order, bool ByCategory, string? Category, IReadOnlyList<RegisteredAgreement> All, string? Next)
{
    /// <summary>What is shown.</summary>
    public IEnumerable<RegisteredAgreement> Rows => All.Where(row => Category is null || row.State.Category == Category);

    /// <summary>What waits for the user's answer.</summary>
    public IEnumerable<RegisteredAgreement> Waiting => All.Where(row => AgreementWords.AwaitsUser(row.State));

    /// <summary>Groups with their names; one without a name where nothing is grouped.</summary>
    public IEnumerable<(string? Name, IReadOnlyList<RegisteredAgreement> Rows)> Groups => ByCategory
        ? Rows.GroupBy(row => row.State.Category).OrderBy(group => Rank(group.Key)).ThenBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => ((string?)AgreementWords.Category(group.Key), (IReadOnlyList<RegisteredAgreement>)[.. group]))
        : [(null, [.. Rows])];

    /// <summary>The address of a list like this one with something else chosen.</summary>
    public string With(ListOrder? order = null, bool? byCategory = null, string? category = null, bool anyCategory = false)
    {
        List<string> query = [];
        if ((order ?? Order) != ListOrder.Newest)
        {
            query.Add($"order={TermsForm.Word(order ?? Order)}");
        }

        if (byCategory ?? ByCategory)
        {
            query.Add("group=category");
        }

        if ((anyCategory ? null : category ?? Category) is { } only)
        {
            query.Add($"category={Uri.EscapeDataString(only)}");
        }

        return query.Count == 0 ? "/portal" : $"/portal?{string.Join('&', query)}";
    }

    private static int Rank(string category) => Agreement.KnownCategories.Index().Where(known => known.Item == category).Select(known => known.Index).FirstOrDefault(int.MaxValue);
}
