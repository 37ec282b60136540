using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Agreements.Keys;

namespace Mailkey.Agreements.Reconciliation;

/// <summary>
/// One side's list in a few hundred octets, so that both sides find out with one exchange that they hold the same, or in which sixteenth
/// they do not.
/// </summary>
/// <remarks>
/// Each entry is a line of forwarder, recipient, subscription and agreement id (or nothing) with tabs between, in UTF-8; its bucket is the first hexadecimal digit of
/// the SHA-256 of that line without the id, so that an entry whose id differs stays in its bucket. The digest of a bucket is the
/// SHA-256 over its lines, each with a line feed, in the order of their octets; the whole one is the SHA-256 over the number of entries
/// (four octets, most significant first) and the digests of the buckets.
/// </remarks>
public sealed class RecipeDigest : IEquatable<RecipeDigest>
{
    /// <summary>Parts that are compared on their own.</summary>
    public const int BucketCount = 16;

    private RecipeDigest(int count, string whole, IReadOnlyList<string> buckets) => (Count, Whole, Buckets) = (count, whole, buckets);

    /// <summary>Entries of the list.</summary>
    public int Count { get; }

    /// <summary>Digest of the whole list, in hexadecimal.</summary>
    public string Whole { get; }

    /// <summary>Digests of its buckets, in hexadecimal.</summary>
    public IReadOnlyList<string> Buckets { get; }

    /// <summary>Makes the digest of a list, in whatever order it is.</summary>
    /// <exception cref="ArgumentException">The list has two entries for one subscription of a recipient.</exception>
    public static RecipeDigest Of(IEnumerable<Recipe> list)
    {
        var buckets = Enumerable.Range(0, BucketCount).Select(_ => new List<byte[]>()).ToArray();
        var keys = new HashSet<SubscriptionKey>();
        foreach (var recipe in list)
        {
            if (!keys.Add(recipe.Key))
            {
                throw new ArgumentException("Two entries for one subscription of a recipient.", nameof(list));
            }

            buckets[BucketOf(recipe.Key)].Add(Encoding.UTF8.GetBytes($"{recipe.Key}\t{recipe.AgreementId}\n"));
        }

        using var whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> count = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(count, keys.Count);
        whole.AppendData(count);
        var digests = new string[BucketCount];
        for (var i = 0; i < BucketCount; i++)
        {
            buckets[i].Sort(static (left, right) => left.AsSpan().SequenceCompareTo(right));
            using var bucket = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            buckets[i].ForEach(bucket.AppendData);
            var digest = bucket.GetHashAndReset();
            whole.AppendData(digest);
            digests[i] = Convert.ToHexStringLower(digest);
        }

        return new(keys.Count, Convert.ToHexStringLower(whole.GetHashAndReset()), digests);
    }

    /// <summary>In which bucket an entry is.</summary>
    public static int BucketOf(SubscriptionKey key) => SHA256.HashData(Encoding.UTF8.GetBytes(key.ToString()))[0] >> 4;

    /// <summary>The buckets that differ: only their entries need to be compared.</summary>
    public IReadOnlyList<int> DifferingBuckets(RecipeDigest other) =>
        [.. Enumerable.Range(0, BucketCount).Where(i => Buckets[i] != other.Buckets[i])];

    public bool Equals(RecipeDigest? other) => other is not null && Whole == other.Whole;

    public override bool Equals(object? obj) => Equals(obj as RecipeDigest);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Whole);
}
