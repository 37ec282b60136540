using System.Diagnostics.CodeAnalysis;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Signatures;
using Mailkey.Dns;
using Mailkey.Testkit.Dns;

namespace Mailkey.Authentication.Tests.Dkim;

/// <summary>
/// The signed messages of the Mail::DKIM distribution, each against the keys of its DNS as a real server gives them. They come
/// from a folder outside of the tree (<c>MAILKEY_CORPORA</c>) and are skipped without it.
/// </summary>
public sealed class MailDkimCorpusTests(MailDkimCorpusTests.CorpusDns dns) : IClassFixture<MailDkimCorpusTests.CorpusDns>
{
    private const string Absent = "(the corpus is absent)";

    /// <summary>Where our answer is deliberately another than that of Mail::DKIM.</summary>
    private static readonly Deviation[] Deviations =
    [
        new("permerror", "rsa-sha1 is not accepted (RFC 8301)", "RFC 8301 §3.1: rsa-sha1 MUST NOT be used for verifying",
        [
            "good_ietf00_1.txt", "good_ietf00_2.txt", "good_ietf00_3.txt", "good_ietf00_4.txt", "good_ietf00_5.txt", "mine_ietf01_1.txt", "mine_ietf01_2.txt", "mine_ietf05_1.txt",
            "good_ietf01_2.txt", "good_rfc4871_3.txt", "good_rfc4871_4.txt", "good_1878523.txt", "good_83176.txt", "multiple_2.txt", "good_qp_1.txt", "good_qp_2.txt", "good_qp_3.txt",
            "no_body_1.txt", "no_body_2.txt", "no_body_3.txt", "goodkey_1.txt", "goodkey_2.txt", "goodkey_3.txt", "goodkey_4.txt", "bad_1878954.txt",
        ]),
        new("permerror", "v= is not 1", "signatures of drafts before RFC 4871, without v= and with keys of 768 bits or q=dns; RFC 6376 §3.5 requires v=1, §6.1.1 calls its absence a PERMFAIL",
        [
            "mine_ietf01_3.txt", "mine_ietf01_4.txt", "good_ietf01_1.txt", "multiple_1.txt", "bad_ietf01_1.txt", "bad_ietf01_2.txt", "bad_ietf01_3.txt", "bad_1.txt",
        ]),
        new("none", "no signature", "DomainKeys (RFC 4870) is historic since RFC 4871: its field is no signature to us",
        [
            "good_dk_gmail.txt", "good_dk_yahoo.txt", "good_dk_1.txt", "good_dk_2.txt", "good_dk_3.txt", "good_dk_4.txt", "good_dk_5.txt", "good_dk_6.txt", "good_dk_7.txt",
            "dk_headers_1.txt", "dk_headers_2.txt", "dk_multiple_1.txt", "bad_dk_1.txt", "bad_dk_2.txt", "bad_dk_3.txt", "bad_dk_4.txt", "bad_dk_5.txt",
        ]),
    ];

    public static TheoryData<string, string> Files { get; } = ReadExpectations();

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Mail_DKIM_corpus(string file, string expected)
    {
        Assert.SkipWhen(file == Absent, "the corpora are not here; name their folder in MAILKEY_CORPORA");
        var octets = await File.ReadAllBytesAsync(Path.Combine(Corpora.Folder("mail-dkim")!, "corpus", file), TestContext.Current.CancellationToken);
        var findings = await DkimMessage.Parse(octets).VerifyAsync(dns.Resolver);
        var (result, reason) = Best(findings);

        if (Array.Find(Deviations, deviation => deviation.Files.Contains(file)) is { } deliberate)
        {
            Assert.Equal((deliberate.Result, deliberate.Reason), (result, reason));
        }
        else if (expected == "invalid")
        {
            Assert.True(result is ResultWord.PermError or ResultWord.TempError or ResultWord.Neutral, $"{result}: {reason}");
        }
        else
        {
            Assert.True(expected == result, $"{result}: {reason}");
        }
    }

    // Mail::DKIM says of a message what its best signature says.
    private static (string Result, string? Reason) Best(DkimFindings findings)
    {
        var best = findings.Signatures.FirstOrDefault(finding => finding.Result == ResultWord.Pass) ?? findings.Signatures.FirstOrDefault(finding => finding.Result == ResultWord.Fail);
        return findings.Signatures.Count == 0 ? (ResultWord.None, "no signature") : ((best ?? findings.Signatures[0]).Result, (best ?? findings.Signatures[0]).Reason);
    }

    private static TheoryData<string, string> ReadExpectations()
    {
        var data = new TheoryData<string, string>();
        if (Corpora.Folder("mail-dkim") is not { } folder)
        {
            data.Add(Absent, "");
            return data;
        }

        foreach (var row in File.ReadLines(Path.Combine(folder, "expected.tsv")).Where(line => line[0] != '#').Select(line => line.Split('\t')))
        {
            data.Add(row[0], row[1]);
        }

        return data;
    }

    /// <param name="Why">The reason that our answer is right for us.</param>
    private sealed record Deviation(string Result, string Reason, string Why, string[] Files);

    /// <summary>A server with the records of the corpus.</summary>
    [SuppressMessage("Design", "CA1034", Justification = "A fixture of this class alone.")]
    public sealed class CorpusDns : IAsyncLifetime
    {
        private UnboundServer? server;

        public IDnsResolver Resolver { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            if (Corpora.Folder("mail-dkim") is not { } folder)
            {
                return;
            }

            List<string> records = [];
            List<string> broken = [];
            foreach (var line in File.ReadLines(Path.Combine(folder, "FAKE_DNS.dat")).Where(line => line.Length > 0 && line[0] != '#'))
            {
                var parts = line.Split([' ', '\t'], 2, StringSplitOptions.TrimEntries);
                if (parts[1].StartsWith("~~", StringComparison.Ordinal))
                {
                    broken.Add(parts[0]);
                }
                else if (parts[1] != "NXDOMAIN")
                {
                    records.Add(DkimMessage.Record(parts[0], parts[1].Trim('"')));
                }
            }

            server = await UnboundServer.StartAsync(records, broken);
            Resolver = DkimMessage.Resolver(server.Endpoint);
        }

        public async ValueTask DisposeAsync()
        {
            if (server is not null)
            {
                await server.DisposeAsync();
            }
        }
    }
}
