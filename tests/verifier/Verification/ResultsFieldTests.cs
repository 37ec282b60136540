using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Verifier.Verification;

namespace Mailkey.Verifier.Tests.Verification;

public sealed class ResultsFieldTests
{
    private static readonly SignatureVerdict Unsigned = new() { Result = "none", Reason = "no mailkey host" };

    [Fact]
    public void ResultsField_names_the_reverse_path_that_spf_checked()
    {
        var spf = new SpfEvidence { Result = "pass", Identity = "mailfrom", Domain = "example.org" };

        Assert.Equal(
            "mailkey=none smtp.mailfrom=alice@example.org; spf=pass smtp.mailfrom=alice@example.org",
            ResultsField.Format(Message("alice@example.org"), "example.org", Unsigned, spf, []));
    }

    [Fact]
    public void ResultsField_names_the_client_when_spf_checked_that()
    {
        var spf = new SpfEvidence { Result = "softfail", Identity = "helo", Domain = "client.example.net" };

        Assert.Equal(
            "mailkey=none smtp.helo=client.example.net; spf=softfail smtp.helo=client.example.net",
            ResultsField.Format(Message(""), "client.example.net", Unsigned, spf, []));
    }

    [Fact]
    public void ResultsField_keeps_the_explanation_of_a_stranger_out()
    {
        var spf = new SpfEvidence { Result = "fail", Identity = "mailfrom", Domain = "example.org", Reason = "dkim=pass header.d=bank.example" };

        Assert.DoesNotContain("bank.example", ResultsField.Format(Message("alice@example.org"), "example.org", Unsigned, spf, []), StringComparison.Ordinal);
    }

    [Fact]
    public void ResultsField_quotes_a_client_name_that_would_end_the_result()
    {
        var spf = new SpfEvidence { Result = "none", Identity = "helo", Domain = "" };

        var field = ResultsField.Format(Message("") with { Connection = Connection("x; mailkey=pass") }, "", Unsigned, spf, []);

        Assert.EndsWith("spf=none smtp.helo=\"x; mailkey=pass\"", field, StringComparison.Ordinal);
    }

    [Fact]
    public void ResultsField_lists_each_dkim_signature()
    {
        DkimEvidence[] dkim =
        [
            new() { Result = "pass", Domain = "example.org", Selector = "s1", Algorithm = "rsa-sha256" },
            new() { Result = "permerror", Domain = "", Selector = "", Reason = "no key" },
        ];

        Assert.Contains(
            "; dkim=pass header.d=example.org header.s=s1 header.a=rsa-sha256; dkim=permerror reason=\"no key\"",
            ResultsField.Format(Message("alice@example.org"), "example.org", Unsigned, null, dkim),
            StringComparison.Ordinal);
    }

    private static MessageReceived Message(string reversePath) => new()
    {
        QueueId = "Q",
        ReceivedAt = DateTimeOffset.UnixEpoch,
        Connection = Connection("client.example.net"),
        Envelope = new() { ReversePath = reversePath, Recipients = [] },
        HeaderBlock = [],
        BodyHashes = [],
        Size = 0,
    };

    private static ConnectionFacts Connection(string name) => new() { ClientAddress = "192.0.2.1", ClientName = name, Protocol = "ESMTP", Server = "test" };
}
