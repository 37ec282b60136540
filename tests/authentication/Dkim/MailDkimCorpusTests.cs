using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Authentication.Tests.Signatures;
using Mailkey.Mime;

namespace Mailkey.Authentication.Tests.Dkim;

/// <summary>
/// The signed messages of the Mail::DKIM distribution, each against a key set made of its DNS. They come from a folder outside of
/// the tree (<c>MAILKEY_CORPORA</c>) and are skipped without it.
/// </summary>
public sealed class MailDkimCorpusTests
{
    private static readonly string? Folder = Find();

    // Where our answer differs from that of Mail::DKIM: the reason we give, and why it is right for us.
    private static readonly (string Reason, string Why, string[] Files)[] Differences =
    [
        ("v= is not 1", "drafts older than RFC 4871; v= is required since (RFC 6376 §3.5)",
        [
            "good_ietf00_4.txt", "good_ietf00_5.txt", "mine_ietf01_1.txt", "mine_ietf01_2.txt", "mine_ietf01_3.txt", "mine_ietf01_4.txt", "mine_ietf05_1.txt",
            "good_ietf01_1.txt", "good_ietf01_2.txt", "multiple_1.txt", "no_body_1.txt", "no_body_2.txt", "no_body_3.txt",
        ]),
        ("rsa-sha1 is not accepted (RFC 8301)", "RFC 8301 §3.1",
        [
            "good_rfc4871_3.txt", "good_rfc4871_4.txt", "good_1878523.txt", "good_83176.txt", "multiple_2.txt", "good_qp_1.txt", "good_qp_2.txt", "good_qp_3.txt",
            "goodkey_1.txt", "goodkey_2.txt", "goodkey_3.txt", "goodkey_4.txt",
        ]),
        ("no signature", "DomainKeys (RFC 4870) is historic",
        [
            "good_dk_gmail.txt", "good_dk_yahoo.txt", "good_dk_1.txt", "good_dk_2.txt", "good_dk_3.txt", "good_dk_4.txt", "good_dk_5.txt", "good_dk_6.txt", "good_dk_7.txt",
            "dk_headers_1.txt", "dk_headers_2.txt", "dk_multiple_1.txt",
        ]),
        ("more than one Date field", "RFC 5322 §3.6 allows one", ["good_ietf00_1.txt", "good_ietf00_2.txt", "good_ietf00_3.txt"]),
        ("good signature of key test2", "the key record forbids SHA-256 by h=, which a mailkey record does not have", ["badkey_11.txt"]),
    ];

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("MAILKEY_CORPORA") is { Length: > 0 } named)
        {
            return Path.Combine(named, "mail-dkim");
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Path.Combine(folder.FullName, "..", "shared", "corpora", "mail-dkim") is var path && Directory.Exists(path))
            {
                return path;
            }
        }

        return null;
    }

    [Fact]
    public void Mail_DKIM_corpus_is_judged_as_by_Mail_DKIM()
    {
        Assert.SkipWhen(Folder is null || !Directory.Exists(Folder), "the corpora are not here; name their folder in MAILKEY_CORPORA");
        var dns = File.ReadLines(Path.Combine(Folder, "FAKE_DNS.dat"))
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split([' ', '\t'], 2, StringSplitOptions.TrimEntries))
            .ToDictionary(parts => parts[0], parts => parts[1], StringComparer.OrdinalIgnoreCase);
        var log = new StringBuilder();
        var passed = 0;
        foreach (var row in File.ReadLines(Path.Combine(Folder, "expected.tsv")).Where(line => line[0] != '#').Select(line => line.Split('\t')))
        {
            var verdict = Verify(Encoding.Latin1.GetString(File.ReadAllBytes(Path.Combine(Folder, "corpus", row[0]))), dns);
            passed += verdict.IsPass ? 1 : 0;
            var difference = Array.Find(Differences, known => known.Files.Contains(row[0]));
            if (difference.Reason is null ? verdict.IsPass != (row[1] == "pass") : verdict.Reason != difference.Reason)
            {
                log.AppendLine($"{row[0]} {row[1]}: {verdict.Result} {verdict.Reason}");
            }
        }

        Assert.Equal(2, passed);
        Assert.True(log.Length == 0, log.ToString());
    }

    private static SignatureVerdict Verify(string text, Dictionary<string, string> dns)
    {
        text = text.ReplaceLineEndings("\r\n");
        var length = HeaderBlock.Measure(Encoding.Latin1.GetBytes(text), out var body);
        var message = new SignedMessage { Header = text[..length], Body = text[body..] };
        var block = HeaderBlock.Parse(Encoding.Latin1.GetBytes(message.Header));
        List<PublishedKey> keys = [];
        string? domain = null;
        foreach (var field in block.Fields)
        {
            if (field.HasName("DKIM-Signature"u8) && TagList.TryParse(field.Value, out var tags, out _))
            {
                var d = Encoding.Latin1.GetString(tags.ValueOf("d"u8));
                var s = Encoding.Latin1.GetString(tags.ValueOf("s"u8));
                domain ??= d;
                if (dns.TryGetValue($"{s}._domainkey.{d}", out var record) && TagList.TryParse(Encoding.Latin1.GetBytes(record), out var key, out _) &&
                    TagList.TryDecodeBase64(key.ValueOf("p"u8), out var material) && keys.TrueForAll(known => known.Name != s))
                {
                    keys.Add(new PublishedKey
                    {
                        Name = s,
                        Type = key.ValueOf("k"u8).SequenceEqual("ed25519"u8) ? KeyType.Ed25519 : KeyType.Rsa,
                        Status = material.Length == 0 ? KeyStatus.Revoked : KeyStatus.Active,
                        Material = material,
                    });
                }
            }
        }

        var input = (message with { JudgedDomain = domain ?? "none.example" }).Input();
        return new SignatureVerifier(new VerifyKeyCache(100, minRsaBits: 512)).Verify(input, new KeySet { Domain = domain ?? "none.example", Keys = keys });
    }
}
