using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Reconciliation;

namespace Mailkey.Agreements.Tests.Reconciliation;

public sealed class RecipeDigestTests
{
    private static Recipe Entry(int number, AgreementId? id = null) =>
        SubscriptionKey.TryCreate("a.example", $"user{number}@b.example", "dev", out var key, out _) ? new(key, id) : throw new InvalidOperationException();

    [Fact]
    public void RecipeDigest_does_not_depend_on_the_order()
    {
        Recipe[] list = [.. Enumerable.Range(0, 100).Select(i => Entry(i, AgreementId.Mint()))];
        var digest = RecipeDigest.Of(list);
        Assert.Equal(100, digest.Count);
        Assert.Equal(digest, RecipeDigest.Of(list.Reverse()));
        Assert.Equal(digest.GetHashCode(), RecipeDigest.Of(list.Reverse()).GetHashCode());
        Assert.Empty(digest.DifferingBuckets(RecipeDigest.Of(list.Reverse())));
    }

    [Fact]
    public void RecipeDigest_shows_every_difference_in_its_bucket()
    {
        Recipe[] list = [.. Enumerable.Range(0, 100).Select(i => Entry(i, AgreementId.Mint()))];
        var digest = RecipeDigest.Of(list);
        for (var i = 0; i < list.Length; i++)
        {
            int[] bucket = [RecipeDigest.BucketOf(list[i].Key)];
            Assert.Equal(bucket, digest.DifferingBuckets(RecipeDigest.Of([.. list[..i], .. list[(i + 1)..]])));
            Assert.Equal(bucket, digest.DifferingBuckets(RecipeDigest.Of([.. list[..i], list[i] with { AgreementId = AgreementId.Mint() }, .. list[(i + 1)..]])));
            Assert.Equal(bucket, digest.DifferingBuckets(RecipeDigest.Of([.. list[..i], list[i] with { AgreementId = null }, .. list[(i + 1)..]])));
        }
    }

    [Fact]
    public void RecipeDigest_is_the_one_that_is_written_down()
    {
        // sha256 of "a.example\tuser1@b.example\tdev\t\n" is the digest of its bucket; both sides have to agree on it for ever.
        var digest = RecipeDigest.Of([Entry(1)]);
        var line = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("a.example\tuser1@b.example\tdev\t\n"u8));
        Assert.Equal(line, digest.Buckets[RecipeDigest.BucketOf(Entry(1).Key)]);
        Assert.Equal(15, digest.Buckets.Count(bucket => bucket == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
        Assert.Equal(64, digest.Whole.Length);
        Assert.NotEqual(digest, RecipeDigest.Of([]));
    }

    [Fact]
    public void RecipeDigest_refuses_two_entries_for_one_subscription()
    {
        Assert.Throws<ArgumentException>(() => RecipeDigest.Of([Entry(1), Entry(1, AgreementId.Mint())]));
        Assert.Throws<ArgumentException>(() => ReconciliationReport.Compare([Entry(1), Entry(1)], []));
    }
}
