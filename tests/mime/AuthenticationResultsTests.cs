using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Mime;

namespace Mailkey.Mime.Tests;

public sealed class AuthenticationResultsTests
{
    private const string Id = "mx.example.org";
    private const string FieldName = "Authentication-Results";

    private static HeaderBlock Block(string text) => HeaderBlock.Parse(Encoding.UTF8.GetBytes(text));

    private static string Written(string results, int room = int.MaxValue)
    {
        var output = new ArrayBufferWriter<byte>();
        AuthenticationResults.WriteField(output, Id, results, room);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    [Fact]
    public void AuthenticationResults_formats_and_folds_results()
    {
        var results = AuthenticationResults.Format([
            new("mailkey", "pass") { Properties = [("smtp.mailfrom", "a@example.net"), ("header.s", "2026a")] },
            new("spf", "fail") { Reason = "not \"listed\"" },
        ]);

        Assert.Equal("mailkey=pass smtp.mailfrom=a@example.net header.s=2026a; spf=fail reason=\"not \\\"listed\\\"\"", results);
        Assert.Equal(
            "Authentication-Results: mx.example.org;\r\n\tmailkey=pass smtp.mailfrom=a@example.net header.s=2026a;\r\n\tspf=fail reason=\"not \\\"listed\\\"\"\r\n",
            Written(results));
        Assert.Equal("none", AuthenticationResults.Format([]));
    }

    [Fact]
    public void AuthenticationResults_leaves_out_what_does_not_fit_result_by_result()
    {
        var results = AuthenticationResults.Format([
            new("mailkey", "pass"),
            new("dkim", "fail") { Reason = "a; b \"c", Properties = [("header.i", "@é.example")] },
            new("spf", "pass"),
        ]);
        var whole = Written(results);
        var first = "Authentication-Results: mx.example.org;\r\n\tmailkey=pass\r\n";
        Assert.EndsWith("\r\n\tspf=pass\r\n", whole, StringComparison.Ordinal);

        for (var room = 0; room <= Encoding.UTF8.GetByteCount(whole); room++)
        {
            var written = Written(results, room);
            var expected = new[] { whole, whole[..^";\r\n\tspf=pass\r\n".Length] + "\r\n", first }.FirstOrDefault(field => Encoding.UTF8.GetByteCount(field) <= room);
            Assert.Equal(expected ?? "Authentication-Results: mx.example.org; none\r\n", written);
        }
    }

    [Fact]
    public void AuthenticationResults_writes_no_line_that_is_too_long()
    {
        // Quoted pairs double what strangers wrote, other letters take three octets.
        var values = new[] { new string('"', 400), new string('\\', 400), new string('字', 400), new string('x', 400), "" };
        var results = AuthenticationResults.Format([.. Enumerable.Range(0, 5).Select(_ => new AuthenticationResult("dkim", "permerror")
        {
            Reason = values[0],
            Properties = [("header.d", values[1]), ("header.i", values[2]), ("header.s", values[3]), ("header.a", values[4])],
        })]);

        var written = Written(results);

        Assert.All(written.Split("\r\n"), line => Assert.True(Encoding.UTF8.GetByteCount(line) <= AuthenticationResults.MaxLineLength, $"{line.Length}: {line}"));
        Assert.Equal($"Authentication-Results: mx.example.org; {results}\r\n", written.Replace("\r\n\t", " ", StringComparison.Ordinal));
        Assert.InRange(Encoding.UTF8.GetByteCount(Written(results, 8192)), 4000, 8192);
    }

    [Fact]
    public void AuthenticationResults_keeps_hostile_values_inside_their_quotes()
    {
        Prop.ForAll<string>(value =>
        {
            value ??= "";
            var field = Written(AuthenticationResults.Format([new("mailkey", "fail") { Reason = value, Properties = [("smtp.mailfrom", value)] }, new("spf", "none")]));
            var block = Block(field);
            Assert.Null(block.Problem);
            Assert.Single(block.Fields.ToArray());

            // Outside of quotes nothing of the value is left: two results, no further field, no comment.
            var bare = new StringBuilder();
            var text = block.Fields[0].UnfoldedValue().Replace('\t', ' ');
            var quoted = false;
            for (var i = 0; i < text.Length; i++)
            {
                if (quoted && text[i] == '\\')
                {
                    i++;
                }
                else if (text[i] == '"')
                {
                    quoted = !quoted;
                }
                else if (!quoted)
                {
                    bare.Append(text[i]);
                }
            }

            return !quoted && bare.ToString().Count(c => c == ';') == 2 && bare.ToString().EndsWith("spf=none", StringComparison.Ordinal) && !text.Any(char.IsControl);
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("a;b\" ; spf=pass")]
    [InlineData("x\\")]
    [InlineData("a\r\nSubject: b")]
    [InlineData("(comment")]
    public void AuthenticationResults_quotes_what_is_no_token(string value)
    {
        var field = Written(AuthenticationResults.Format([new("mailkey", "fail") { Properties = [("smtp.mailfrom", value)] }]));
        Assert.Null(Block(field).Problem);
        Assert.Equal(2, field.Split("\r\n\t").Length);
    }

    [Theory]
    [InlineData("Authentication-Results: mx.example.org; spf=pass")]
    [InlineData("authentication-results:MX.Example.ORG;spf=pass")]
    [InlineData("AUTHENTICATION-RESULTS:\r\n mx.example.org\r\n ; spf=pass")]
    [InlineData("Authentication-Results: mx.example.org 1; spf=pass")]
    [InlineData("Authentication-Results: mx.example.org/1; spf=pass")]
    [InlineData("Authentication-Results: mx.example.org.; spf=pass")]
    [InlineData("Authentication-Results: (a (nested \\) ; one)) mx.example.org (x) 1 (y); spf=pass")]
    [InlineData("Authentication-Results: \"mx.example.org\"; spf=pass")]
    [InlineData("Authentication-Results: \"mx.\\example.org\"; spf=pass")]
    [InlineData("Authentication-Results: mx(c).example(d).org; spf=pass")]
    [InlineData("Authentication-Results: mx.\r\n example.org; spf=pass")]
    [InlineData("Authentication-Results: mx.example.org")]
    [InlineData("Authentication-Results: mx.example.org none")]
    [InlineData("Authentication-Results: \"mx.example.org; spf=pass")]
    [InlineData("Authentication-Results: (never ends mx.example.org; spf=pass")]
    [InlineData("Authentication-Results: mx.example.org version 1; spf=pass")]
    [InlineData("Authentication-Results: mx.example.org(c)one; spf=pass")]
    [InlineData("Authentication-Results: mx. example.org one; spf=pass")]
    [InlineData("Authentication-Results: mx.example.org 1.0/2; spf=pass")]
    [InlineData("Authentication-Results: mx\\.example.org; spf=pass")]
    [InlineData("Authentication-Results: ) mx.example.org; spf=pass")]
    [InlineData("Authentication-Results: \"mx.\r\n example.org; spf=pass")]
    [InlineData("Authentication-Results: \uff4d\uff58.example.org; spf=pass")]
    public void AuthenticationResults_knows_its_id_in_every_form(string field)
    {
        Assert.True(AuthenticationResults.BearsAuthservId(Block(field + "\r\n").Fields[0], Id));
    }

    [Theory]
    [InlineData("Authentication-Results: other.example.org; spf=pass")]
    [InlineData("Authentication-Results: mx.example.org.evil.example; spf=pass")]
    [InlineData("Authentication-Results: amx.example.org; spf=pass")]
    [InlineData("Authentication-Results: other.example; x=mx.example.org")]
    [InlineData("Authentication-Results: (mx.example.org) other.example; spf=pass")]
    [InlineData("Authentication-Results: ; mx.example.org")]
    [InlineData("X-Authentication-Results: mx.example.org; spf=pass")]
    [InlineData("ARC-Authentication-Results: i=1; mx.example.org; spf=pass")]
    [InlineData("Authentication-Results: m x.example.com; spf=pass")]
    [InlineData("Authentication-Results: other.example (mx.example.org); spf=pass")]
    public void AuthenticationResults_leaves_the_fields_of_others(string field)
    {
        Assert.False(AuthenticationResults.BearsAuthservId(Block(field + "\r\n").Fields[0], Id));
    }

    [Fact]
    public void AuthenticationResults_knows_an_internationalized_id_as_U_labels()
    {
        Assert.True(AuthenticationResults.BearsAuthservId(Block("Authentication-Results: mx.b\u00fccher.example; x=y\r\n").Fields[0], "mx.xn--bcher-kva.example"));
    }

    [Fact]
    public void AuthenticationResults_removes_ours_and_no_other_octet()
    {
        const string Kept1 = "Received: one\r\n\ttwo\r\nAuthentication-Results: other.example; spf=pass\r\n";
        const string Kept2 = "From: a@example.net\r\n";
        var block = Block(Kept1 + "Authentication-Results: mx.example.org;\r\n\tspf=pass\r\n" + Kept2 + "authentication-results: (x)MX.EXAMPLE.ORG; dkim=pass\r\n");

        Assert.Equal(Kept1 + Kept2, Encoding.UTF8.GetString(AuthenticationResults.RemoveOurs(block, Id).Span));
    }

    [Fact]
    public void AuthenticationResults_copies_nothing_when_there_is_nothing_to_remove()
    {
        var octets = "From: a@example.net\r\nAuthentication-Results: other.example; none\r\n"u8.ToArray();
        Assert.True(AuthenticationResults.RemoveOurs(HeaderBlock.Parse(octets), Id).Equals(octets.AsMemory()));
    }

    [Fact]
    public void AuthenticationResults_removes_ours_from_lines_that_are_almost_fields()
    {
        const string From = "From: a@example.net\r\n";
        const string Foreign = "Authentication-Results : other.example; spf=pass\r\n";
        var block = Block("Authentication-Results : mx.example.org; spf=pass\r\n" + Foreign + From + "Authentication-Results\t: mx.example.org;\r\n spf=pass\r\nAuthentication-Results: mx.example.org; x=y\r\n" + From);

        Assert.Equal(Foreign + From + From, Encoding.UTF8.GetString(AuthenticationResults.RemoveOurs(block, Id).Span));
    }

    [Fact]
    public void AuthenticationResults_removes_what_claims_to_be_our_own_trace()
    {
        const string Kept = "From: a@example.net\r\nX-Mailkeys: no\r\n";
        var block = Block("X-Mailkey-Quarantine: none\r\n" + Kept + "x-mailkey-TAG: a\r\n\tb\r\nX-Mailkey-Tag : x\r\n");

        Assert.Equal(Kept, Encoding.UTF8.GetString(AuthenticationResults.RemoveOurs(block, Id).Span));
    }

    [Fact]
    public void AuthenticationResults_of_any_octets_are_removed_without_fault()
    {
        var part = Gen.Elements("Authentication-Results", ":", " ", "mx.example.org", ";", "(", ")", "\"", "\\", "\r\n", "\r\n ", "\0", "1", "From: x\r\n");
        Prop.ForAll(Gen.ArrayOf(part).ToArbitrary(), parts =>
        {
            var octets = Encoding.ASCII.GetBytes(string.Concat(parts));
            var rest = HeaderBlock.Parse(AuthenticationResults.RemoveOurs(HeaderBlock.Parse(octets), Id).ToArray());

            // What is left has none of ours, and what is no field of ours is left.
            return rest.Fields.ToArray().All(field => !AuthenticationResults.BearsAuthservId(field, Id)) &&
                rest.Count("From"u8) == HeaderBlock.Parse(octets).Count("From"u8);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    [Theory]
    [InlineData(" ")]
    [InlineData("\r\n\t")]
    [InlineData("(x)")]
    [InlineData("\"\"")]
    public void AuthenticationResults_finds_its_id_behind_any_padding(string padding)
    {
        var field = Block("Authentication-Results: " + string.Concat(Enumerable.Repeat(padding, 20_000 / padding.Length)) + "mx.example.org; spf=pass\r\n").Fields[0];
        Assert.True(AuthenticationResults.BearsAuthservId(field, Id));
    }

    [Fact]
    public void AuthenticationResults_in_our_name_are_removed_in_every_form_and_those_of_others_in_none()
    {
        // The grammar of RFC 8601 §2.2, with the liberties that readers are known to take.
        var space = Gen.Elements("", " ", "\t", "\r\n ", "\r\n\t \r\n  ");
        var comment = Gen.Elements("", "(c)", "(a (nested \\) \\( ; one))", "(\\\\)", "(\r\n x)", "(\"no quote;)");
        var cfws = from a in space from b in comment from c in space select a + b + c;
        var octets = Gen.Elements(true, false).ArrayOf(Id.Length);
        var cased = octets.Select(upper => string.Concat(Id.Select((c, i) => upper[i] ? char.ToUpperInvariant(c) : c)));
        var quoted = from id in cased from pairs in octets select "\"" + string.Concat(id.Select((c, i) => pairs[i] ? "\\" + c : $"{c}")) + "\"";
        var dotted = from id in cased from at in Gen.Choose(1, Id.Length - 1) from between in cfws select id[..at] + between + id[at..];
        var name = from upper in Gen.Elements(true, false).ArrayOf(FieldName.Length)
                   from before in Gen.Elements("", "", " ", "\t", " \r\n ")
                   select string.Concat(FieldName.Select((c, i) => upper[i] ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c))) + before + ":";
        var field = from start in name
                    from before in cfws
                    from id in Gen.OneOf(cased, cased.Select(id => id + "."), quoted, dotted)
                    from behind in cfws
                    from version in Gen.Elements("", "", " 1", "\r\n\t1", " 12 (x)", "/1")
                    from rest in Gen.Elements(";mailkey=pass", "; spf=pass smtp.mailfrom=bank.example", " ; none", ";\r\n\tdkim=pass (\") header.d=bank.example", "")
                    select start + before + id + behind + version + rest + "\r\n";
        var foreign = from other in Gen.Elements("mx.example.com", "amx.example.org", "mx.example.org.evil.example", "example.org", "\"mx example.org\"")
                      from before in cfws
                      select "Authentication-Results:" + before + other + "; dkim=pass\r\n";
        var others = Gen.OneOf(foreign, Gen.Elements("From: a@example.net\r\n", "ARC-Authentication-Results: i=1; mx.example.org; dkim=pass\r\n", "X-A: mx.example.org;\r\n\tb\r\n"));
        var block = from parts in Gen.OneOf(field.Select(text => (Ours: true, Text: text)), others.Select(text => (Ours: false, Text: text))).ArrayOf() select parts;
        Prop.ForAll(block.ToArbitrary(), parts =>
        {
            var whole = string.Concat(parts.Select(part => part.Text));
            var kept = string.Concat(parts.Where(part => !part.Ours).Select(part => part.Text));
            Assert.Equal(kept, Encoding.UTF8.GetString(AuthenticationResults.RemoveOurs(Block(whole), Id).Span));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));
    }
}
