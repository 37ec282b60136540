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
}
