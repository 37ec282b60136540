using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;

namespace Mailkey.Authentication.Tests.Signatures;

public sealed class MailkeySignatureTests
{
    private static readonly SignedMessage Signed = new SignedMessage().SignedWith(TestKeys.Ed25519);
    private static readonly KeySet Keys = SignedMessage.KeySet(SignedMessage.Published(TestKeys.Ed25519));


    public static MatrixTheoryData<KeyType, Canonicalization, Canonicalization> Forms { get; } =
        new([KeyType.Ed25519, KeyType.Rsa], [Canonicalization.Simple, Canonicalization.Relaxed], [Canonicalization.Simple, Canonicalization.Relaxed]);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Mailkey_signature_verifies_in_every_form(KeyType type, Canonicalization header, Canonicalization body)
    {
        var key = TestKeys.Of(type);
        var verdict = new SignedMessage().SignedWith(key, header, body).Verify(SignedMessage.KeySet(SignedMessage.Published(key)));

        Assert.Equal(("pass", "mailkey", "2026a", "example.org"), (verdict.Result, verdict.Kind, verdict.KeyName, verdict.Domain));
        Assert.True(verdict.IsPass);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Mailkey_signature_fails_when_any_octet_of_the_body_changes(KeyType type, Canonicalization header, Canonicalization body)
    {
        var key = TestKeys.Of(type);
        var keys = SignedMessage.KeySet(SignedMessage.Published(key));
        var signed = new SignedMessage { Body = "Hello Bob, here is text.\r\nAnd more.\r\n" }.SignedWith(key, header, body);
        for (var i = 0; i < signed.Body.Length - 2; i++)
        {
            var changed = signed.Body.ToCharArray();
            changed[i] ^= (char)1;
            Assert.Equal("fail", (signed with { Body = new string(changed) }).Verify(keys).Result);
        }

        Assert.Equal("fail", (signed with { Body = signed.Body + "x" }).Verify(keys).Result);
        Assert.Equal("fail", (signed with { Body = "" }).Verify(keys).Result);
    }

    [Fact]
    public void Mailkey_signature_fails_when_any_octet_of_the_header_changes()
    {
        // Simple keeps every octet, so that every change shows; b= is what signs and is not signed itself.
        var message = new SignedMessage { Header = "From: Ann <ann@example.org>\r\nTo: bob@example.net,\r\n\tcarol@example.net\r\nSubject: Dinner\r\nDate: Sun, 22 Nov 2026 02:43:05 +0000\r\n" };
        var signed = message.SignedWith(TestKeys.Ed25519, Canonicalization.Simple, Canonicalization.Simple);
        var b = signed.Header.IndexOf("\tb=", StringComparison.Ordinal);
        var end = signed.Header.IndexOf("From: Ann", StringComparison.Ordinal);
        var change = from at in Gen.Choose(0, signed.Header.Length - 1)
                     from bits in Gen.Choose(1, 255)
                     where at <= b || at >= end
                     select (At: at, Bits: bits);
        Assert.True(signed.Verify(Keys).IsPass);
        Prop.ForAll(change.ToArbitrary(), flip =>
        {
            var octets = signed.Header.ToCharArray();
            octets[flip.At] ^= (char)flip.Bits;
            return !(signed with { Header = new string(octets) }).Verify(Keys).IsPass;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    [Fact]
    public void Mailkey_signature_survives_what_relaxed_allows()
    {
        var refolded = Signed.Header
            .Replace("To: bob@example.net,\r\n\t carol@example.net", "TO:bob@example.net, \t carol@example.net  ", StringComparison.Ordinal)
            .Replace("Dinner  at eight", "Dinner\r\n  at eight", StringComparison.Ordinal);
        Assert.NotEqual(Signed.Header, refolded);

        var later = Signed with { Header = "Received: from b by c; Sun, 22 Nov 2026 02:43:06 +0000\r\n" + refolded, Body = Signed.Body.Replace("here  is", "here is", StringComparison.Ordinal) };
        Assert.True(later.Verify(Keys).IsPass);
    }

    [Theory]
    [InlineData("Subject: another\r\n", "more than one Subject field")]
    [InlineData("Cc: everybody@example.com\r\n", "Cc is not over-signed in h=")]
    [InlineData("Reply-To: mallory@example.com\r\n", "Reply-To is not over-signed in h=")]
    [InlineData("Content-Type: text/html\r\n", "Content-Type is not over-signed in h=")]
    [InlineData("Sender: mallory@example.com\r\n", "did not make this signature")]
    [InlineData("List-Unsubscribe: <https://example.com/>\r\n", "List-Unsubscribe is not over-signed in h=")]
    [InlineData("From : mallory@example.com\r\n", "malformed")]
    public void Mailkey_signature_lets_no_field_be_added(string added, string reason)
    {
        foreach (var header in new[] { added + Signed.Header, Signed.Header + added })
        {
            var verdict = (Signed with { Header = header }).Verify(Keys);
            Assert.Equal("fail", verdict.Result);
            Assert.Contains(reason, verdict.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Mailkey_signature_covers_list_fields_that_are_there()
    {
        var list = new SignedMessage();
        var signed = (list with { Header = list.Header + "List-Id: <l.example.org>\r\nlist-post: <mailto:l@example.org>\r\n" }).SignedWith(TestKeys.Ed25519);
        Assert.True(signed.Verify(Keys).IsPass);
        Assert.False((signed with { Header = signed.Header.Replace("<l.example.org>", "<m.example.org>", StringComparison.Ordinal) }).Verify(Keys).IsPass);
    }

    [Fact]
    public void Mailkey_signature_is_refused_for_another_recipient()
    {
        var verdict = (Signed with { ForwardPaths = ["victim@example.net"] }).Verify(Keys);
        Assert.Equal(("fail", "made for other recipients"), (verdict.Result, verdict.Reason));

        Assert.Equal("fail", (Signed with { ForwardPaths = ["bob@example.net", "carol@example.net", "victim@example.net"] }).Verify(Keys).Result);
        Assert.Equal("fail", (Signed with { ForwardPaths = ["Bob@example.net"] }).Verify(Keys).Result);
    }

    [Fact]
    public void Mailkey_signature_is_good_for_some_of_its_recipients()
    {
        // A relay splits a transaction by destination after it was signed.
        Assert.True((Signed with { ForwardPaths = ["carol@EXAMPLE.net"] }).Verify(Keys).IsPass);
    }

    [Theory]
    [InlineData("ann@EXAMPLE.ORG", true)]
    [InlineData("Ann@example.org", false)]
    [InlineData("ann@example.org.", false)]
    [InlineData("mallory@example.org", false)]
    [InlineData("", false)]
    public void Mailkey_signature_fits_one_reverse_path(string reversePath, bool good)
    {
        var verdict = (Signed with { ReversePath = reversePath }).Verify(Keys);
        Assert.Equal(good ? "pass" : "fail", verdict.Result);
        Assert.True(good || verdict.Reason == "made for another reverse-path");
    }

    [Fact]
    public void Mailkey_signature_of_a_null_reverse_path_binds_it()
    {
        var signed = (Signed with { Header = new SignedMessage().Header, ReversePath = "" }).SignedWith(TestKeys.Ed25519);
        Assert.Contains("mf=;", signed.Header, StringComparison.Ordinal);
        Assert.True(signed.Verify(Keys).IsPass);
        Assert.False((signed with { ReversePath = "ann@example.org" }).Verify(Keys).IsPass);
    }

    [Fact]
    public void Mailkey_signature_takes_U_labels_and_A_labels_as_one()
    {
        var signed = (new SignedMessage() with { ForwardPaths = ["j\u00f6rg@b\u00fccher.example"] }).SignedWith(TestKeys.Ed25519);
        Assert.True((signed with { ForwardPaths = ["j\u00f6rg@xn--bcher-kva.example"] }).Verify(Keys).IsPass);
        Assert.False((signed with { ForwardPaths = ["jorg@xn--bcher-kva.example"] }).Verify(Keys).IsPass);
    }

    [Theory]
    [InlineData(-300, true, null)]
    [InlineData(-301, false, "signed in the future; check the clock of the signer")]
    [InlineData(7 * 86400, true, null)]
    [InlineData((7 * 86400) + 1, false, "the signature has expired")]
    public void Mailkey_signature_has_its_time(int seconds, bool good, string? reason)
    {
        var verdict = (Signed with { VerifiedAt = SignedMessage.Now.AddSeconds(seconds) }).Verify(Keys);
        Assert.Equal(good, verdict.IsPass);
        Assert.True(good || verdict.Reason == reason);
    }

    [Fact]
    public void Mailkey_signature_may_live_fourteen_days_and_no_longer()
    {
        var signed = new SignedMessage().SignedWith(TestKeys.Ed25519, lifetime: TimeSpan.FromDays(14));
        Assert.True((signed with { VerifiedAt = SignedMessage.Now.AddDays(14) }).Verify(Keys).IsPass);

        var t = SignedMessage.Now.ToUnixTimeSeconds();
        var longer = signed.Header.Replace($"x={t + (14 * 86400)}", $"x={t + (14 * 86400) + 1}", StringComparison.Ordinal);
        Assert.Equal("x= is more than 14 days after t=", (signed with { Header = longer }).Verify(Keys).Reason);
    }

    [Theory]
    [InlineData("v=1;", "v=2;", "permerror", "v= is not 1")]
    [InlineData("v=1;", "v=1; v=1;", "permerror", "duplicate tag at octet 6")]
    [InlineData("v=1;", "v=1; l=3;", "permerror", "l= is not allowed")]
    [InlineData("a=ed25519-sha256;", "a=rsa-sha1;", "permerror", "rsa-sha1 is not accepted (RFC 8301)")]
    [InlineData("a=ed25519-sha256;", "a=rsa-sha256;", "fail", "key 2026a is not of the type that a= names")]
    [InlineData("a=ed25519-sha256;", "", "permerror", "a= is missing")]
    [InlineData("c=relaxed/relaxed;", "c=relaxed/strict;", "permerror", "c= is neither simple nor relaxed")]
    [InlineData("s=2026a;", "s=2026A;", "permerror", "s= is not a key name")]
    [InlineData("s=2026a;", "s=2025a;", "fail", "key 2025a is not in the key set")]
    [InlineData("d=example.org;", "d=sub.example.org;", "fail", "no signature for this domain")]
    [InlineData("h=From:", "h=From::", "permerror", "h= holds what is no field name")]
    [InlineData("h=From:From:", "h=From:", "fail", "From is not over-signed in h=")]
    [InlineData("h=From:From:", "h=X:", "fail", "From is not signed")]
    [InlineData(":Message-ID:Message-ID:", ":Message-ID:", "fail", "Message-ID is not over-signed in h=")]
    [InlineData("t=1800000000;", "t=18000000000000;", "permerror", "t= is not a time")]
    [InlineData("t=1800000000;", "", "permerror", "t= is missing")]
    [InlineData("x=1800604800;", "x=1800000000;", "permerror", "x= is not later than t=")]
    [InlineData("mf=", "mf=!", "permerror", "mf= is not base64")]
    [InlineData("mf=", "nf=", "permerror", "mf= is missing")]
    [InlineData("rt=", "rt=AAAA,", "permerror", "rt= is not a list of SHA-256 in base64")]
    [InlineData("rt=", "qt=", "permerror", "rt= is missing")]
    [InlineData("bh=", "bh=AAAA", "permerror", "bh= is not a SHA-256 in base64")]
    [InlineData("\tb=", "\tb=====", "permerror", "b= is not a signature in base64")]
    [InlineData("\tb=", "\tbb=", "permerror", "b= is missing")]
    [InlineData("v=1;", "\u0001;", "permerror", "expected the name of a tag at octet 1")]
    public void Mailkey_signature_says_what_is_wrong(string part, string replacement, string result, string reason)
    {
        Assert.Contains(part, Signed.Header, StringComparison.Ordinal);
        var verdict = (Signed with { Header = Signed.Header.Replace(part, replacement, StringComparison.Ordinal) }).Verify(Keys);

        Assert.Equal((result, reason), (verdict.Result, verdict.Reason));
        Assert.True(verdict.IsRefusal);
    }

    [Fact]
    public void Mailkey_signature_of_another_domain_says_nothing_about_this_one()
    {
        var verdict = (Signed with { JudgedDomain = "example.net" }).Verify(Keys);
        Assert.Equal(("fail", null), (verdict.Result, verdict.Kind));
        Assert.True((Signed with { JudgedDomain = "EXAMPLE.org" }).Verify(Keys).IsPass);
    }

    [Fact]
    public void Mailkey_signature_is_missing()
    {
        var verdict = new SignedMessage().Verify(Keys);
        Assert.Equal(("fail", "no signature", null), (verdict.Result, verdict.Reason, verdict.Kind));
    }

    [Fact]
    public void Mailkey_signature_of_a_revoked_key_fails_even_for_a_tester()
    {
        var revoked = SignedMessage.Published(TestKeys.Ed25519, test: true, status: KeyStatus.Revoked);
        var verdict = Signed.Verify(SignedMessage.KeySet(revoked with { Material = default }));
        Assert.Equal(("fail", "key 2026a is revoked"), (verdict.Result, verdict.Reason));
    }

    [Fact]
    public void Mailkey_signature_of_a_test_key_earns_neither_credit_nor_refusal()
    {
        var test = SignedMessage.Published(TestKeys.Ed25519, test: true);
        Assert.Equal("neutral", Signed.Verify(SignedMessage.KeySet(test)).Result);
        Assert.Equal("neutral", (Signed with { Body = "changed" }).Verify(SignedMessage.KeySet(test)).Result);
    }

    [Theory]
    [InlineData("", "no signature")]
    [InlineData("From: Mallory <m@example.org>\r\n", "more than one From field")]
    [InlineData("From : x\r\n", "the header block is malformed: MalformedField at octet 4")]
    [InlineData("Mailkey-Signature: v=1\r\n", "b= is missing")]
    [InlineData("Mailkey-Signature: v=1; a=ed25519-sha256; d=example.net; s=a; t=1; mf=; rt=; h=from; bh=AA==; b=AA==\r\n", "no signature for this domain")]
    [InlineData("Mailkey-Signature: v=1; a=ed25519-sha256; d=example.org; s=none; t=1; mf=; rt=; h=from; bh=AA==; b=AA==\r\n", "key none is not in the key set")]
    public void Mailkey_of_a_domain_with_test_keys_only_loses_no_message(string added, string reason)
    {
        var message = new SignedMessage { Header = added + new SignedMessage().Header };
        var verdict = message.Verify(SignedMessage.KeySet(SignedMessage.Published(TestKeys.Ed25519, test: true)));
        Assert.Equal(("neutral", $"test keys only: {reason}"), (verdict.Result, verdict.Reason));
        Assert.NotEqual("neutral", message.Verify(Keys).Result);
    }

    [Fact]
    public void Mailkey_signature_of_a_message_without_From_fails()
    {
        var unnamed = new SignedMessage { Header = "To: bob@example.net\r\n" }.SignedWith(TestKeys.Ed25519).Verify(Keys);
        Assert.Equal(("fail", "no From field"), (unnamed.Result, unnamed.Reason));
    }

    [Fact]
    public void Mailkey_signature_of_a_test_key_opens_no_door_beside_a_key_in_earnest()
    {
        using var other = SigningKey.GenerateEd25519();
        var keys = SignedMessage.KeySet(SignedMessage.Published(TestKeys.Ed25519, test: true), SignedMessage.Published(other, "2026b"));
        Assert.Equal("fail", (Signed with { Body = "forged" }).Verify(keys).Result);
    }

    [Fact]
    public void Mailkey_signature_of_a_stolen_name_fails()
    {
        using var forger = SigningKey.GenerateEd25519();
        var verdict = new SignedMessage().SignedWith(forger).Verify(Keys);
        Assert.Equal(("fail", "mailkey", "2026a"), (verdict.Result, verdict.Kind, verdict.KeyName));
    }

    [Fact]
    public void Mailkey_signature_is_found_below_others_up_to_the_fifth()
    {
        var foreign = Signed.Header[..Signed.Header.IndexOf("Received:", StringComparison.Ordinal)].Replace("d=example.org", "d=example.com", StringComparison.Ordinal);
        Assert.True((Signed with { Header = string.Concat(Enumerable.Repeat(foreign, 4)) + Signed.Header }).Verify(Keys).IsPass);
        Assert.Equal("fail", (Signed with { Header = string.Concat(Enumerable.Repeat(foreign, 5)) + Signed.Header }).Verify(Keys).Result);
    }

    [Fact]
    public void Mailkey_signature_fields_ask_for_the_bodies_of_five_at_most()
    {
        var simple = new SignedMessage().SignedWith(TestKeys.Ed25519, body: Canonicalization.Simple);
        Assert.Equal(Canonicalizations.Simple, Asked(simple.Header));
        Assert.Equal(Canonicalizations.Relaxed, Asked(Signed.Header));
        Assert.Equal(Canonicalizations.Simple | Canonicalizations.Relaxed, Asked("DKIM-Signature: a=rsa-sha256\r\n" + Signed.Header));
        Assert.Equal(Canonicalizations.Simple | Canonicalizations.Relaxed, Asked("DKIM-Signature: a=rsa-sha256; c=simple/relaxed\r\ndkim-signature: a=ed25519-sha256; c=relaxed\r\n"));
        Assert.Equal(Canonicalizations.None, Asked("DKIM-Signature: a=rsa-sha1; c=simple/simple\r\nDKIM-Signature: broken\r\n"));
        Assert.Equal(Canonicalizations.None, Asked(string.Concat(Enumerable.Repeat("DKIM-Signature: broken\r\n", 5)) + "DKIM-Signature: a=rsa-sha256\r\n"));
        Assert.Equal(Canonicalizations.None, Asked(new SignedMessage().Header));

        static Canonicalizations Asked(string header) => SignatureFields.CanonicalizationsAskedFor(Mime.HeaderBlock.Parse(Encoding.Latin1.GetBytes(header)));
    }

    [Fact]
    public void Mailkey_signature_with_a_huge_list_of_names_is_not_worked_on()
    {
        var names = string.Join(':', Enumerable.Repeat("From", 20_000));
        var verdict = (Signed with { Header = Signed.Header.Replace("h=From:", $"h={names}:", StringComparison.Ordinal) }).Verify(Keys);
        Assert.Equal(("permerror", "h= has too many names"), (verdict.Result, verdict.Reason));
    }

    [Fact]
    public void Mailkey_signature_binds_a_thousand_recipients()
    {
        var signed = (new SignedMessage() with { ForwardPaths = [.. Enumerable.Range(0, 1000).Select(i => $"user{i}@example.net")] }).SignedWith(TestKeys.Ed25519);
        Assert.True(signed.Verify(Keys).IsPass);
        Assert.False((signed with { ForwardPaths = [.. signed.ForwardPaths, "user1000@example.net"] }).Verify(Keys).IsPass);
    }

    [Fact]
    public void Mailkey_signature_names_of_the_network_come_back_printable()
    {
        var verdict = new SignedMessage { Header = "Mailkey-Signature: v=1; d=ex\u009bmple.org; s=2026\u0084; b=x\r\n" + new SignedMessage().Header }.Verify(Keys);
        Assert.Equal("permerror", verdict.Result);
        Assert.All(verdict.Domain + verdict.KeyName + verdict.Reason, c => Assert.InRange(c, ' ', '~'));
    }

    [Fact]
    public void Signature_verifier_is_total_over_any_tags()
    {
        var parts = Gen.Elements(
            "v=1;", "a=ed25519-sha256;", "a=rsa-sha256;", "c=relaxed/relaxed;", "c=/;", "d=example.org;", "s=2026a;", "t=1800000000;", "x=1800000001;", "mf=YW5uQGV4YW1wbGUub3Jn;",
            "rt=;", "rt=,,;", "h=From;", "h=:;", "bh=;", "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;", "b=;", "b=AAAA;", "b=AAAA", ";", "=", "\r\n ", "l=0;", "i=@;", "q=;", "z");
        Prop.ForAll(Gen.ArrayOf(parts).ToArbitrary(), Gen.Elements("Mailkey-Signature", "DKIM-Signature").ToArbitrary(), (tags, name) =>
        {
            var verdict = new SignedMessage { Header = $"{name}: {string.Concat(tags)}\r\nFrom: a@example.org\r\n", Body = "" }.Verify(Keys);
            return verdict.IsRefusal && verdict.Reason.Length > 0;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    [Fact]
    public async Task Signature_verifier_serves_many_threads()
    {
        var keys = SignedMessage.KeySet(SignedMessage.Published(TestKeys.Ed25519), SignedMessage.Published(TestKeys.Rsa, "2026r"));
        var rsa = new SignedMessage().SignedWith(TestKeys.Rsa, name: "2026r");
        var verifier = new SignatureVerifier();
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Enumerable.Range(0, 200).All(i =>
            (i % 2 == 0 ? Signed : rsa).Verify(keys, verifier).IsPass && !((i % 2 == 0 ? Signed : rsa) with { Body = "x" }).Verify(keys, verifier).IsPass))));
        Assert.All(results, Assert.True);
    }
}
