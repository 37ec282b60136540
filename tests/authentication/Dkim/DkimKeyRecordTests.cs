using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;

namespace Mailkey.Authentication.Tests.Dkim;

public sealed class DkimKeyRecordTests
{
    [Fact]
    public void DkimKeyRecord_reads_what_it_writes()
    {
        Prop.ForAll<byte[], bool, bool>((octets, ed25519, test) =>
        {
            var type = ed25519 ? KeyType.Ed25519 : KeyType.Rsa;
            var material = ed25519 ? new byte[32] : [0x05, .. octets ?? []]; // a NULL of ASN.1, so that it is not taken for an RSAPublicKey
            Assert.True(DkimKeyRecord.TryParse(Encoding.ASCII.GetBytes(DkimKeyRecord.ToTxt(type, material, test)), out var record, out var error), error);
            return record.Type == type && record.IsTest == test && record.Material.Span.SequenceEqual(material) &&
                record is { IsForEmail: true, AllowsSha256: true, ForbidsSubdomains: false, IsRevoked: false };
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void DkimKeyRecord_of_any_octets_is_a_record_or_one_printable_line()
    {
        var part = Gen.Elements("v=DKIM1", "; ", "k=ed25519", "k=rsa", "p=", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "t=y:s", "h=sha256", "s=*", "=", ":", "\r\n ", "\0", "\u00ff", "n=\u001b[2J", "MAkCAQMCAQM=");
        Prop.ForAll(part.ArrayOf().ToArbitrary(), parts =>
        {
            if (DkimKeyRecord.TryParse(Encoding.Latin1.GetBytes(string.Concat(parts)), out var record, out var error))
            {
                // Of Ed25519 there is a whole key or none.
                Assert.True(record.Type == KeyType.Rsa || record.Material.Length is 0 or 32);
            }
            else
            {
                Assert.DoesNotContain(error, c => c is < ' ' or > '~');
                Assert.NotEmpty(error);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }
}
