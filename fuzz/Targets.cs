using System.Buffers;
using System.Net;
using System.Text;
using Mailkey.Agreements.Keys;
using Mailkey.Authentication;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Dns;
using Mailkey.HttpSignatures;
using Mailkey.Mime;
using Mailkey.Policy.Reading;
using Mailkey.Smtp;
using Mailkey.Smtp.Sasl;
using Mailkey.Spf;
using SignatureInput = Mailkey.Authentication.Signatures.SignatureInput;

namespace Mailkey.Fuzz;

/// <summary>Every parser that reads what a stranger sent.</summary>
internal static class Targets
{
    private static readonly SignatureVerifier Signatures = new();

    private static readonly DkimVerifier Dkim = new(new FixedKeys(), TimeProvider.System);

    private static readonly KeySet Keys = new()
    {
        Domain = "example.org",
        Keys = [new() { Name = "k", Type = KeyType.Ed25519, Status = KeyStatus.Active, Material = new byte[32] }],
    };

    private static readonly SearchValues<char> EndOfFieldOrComment = SearchValues.Create("()<>\"\\,;@");

    private const string TokenOfNobody = "abcdefghijklmnopqrstuvwxyzi";

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        Target("smtp-mail", octets => MailArguments.TryParse(octets, isExtended: true, out _, out _),
            ["FROM:<a@example.org> SIZE=10 BODY=8BITMIME RET=FULL ENVID=x+2Dy SMTPUTF8", "FROM:<>", "FROM:<@a,@b:\"q s\"@[IPv6:::1]>"],
            ["<", ">", "@", "\"", "\\", "+3D", " SIZE=", " SMTPUTF8", "é", "xn--", "[127.0.0.1]"]),
        Target("smtp-rcpt", octets => RcptArguments.TryParse(octets, isExtended: true, smtpUtf8: true, out _, out _),
            ["TO:<b@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+40example.net", "TO:<Postmaster>", "TO:<a%b@c@d>"],
            ["<", ">", "@", " NOTIFY=NEVER", " ORCPT=utf-8;\\x{20}", "%", "!"]),
        Target("smtp-mail-agreement", octets => MailArguments.TryParse(octets, isExtended: true, new("XFWDAGREE", Auth: true), out _, out _),
            ["FROM:<a@example.org> XFWDAGREE=abcdefghijklmnopqrstuvwxyz2 AUTH=<>", "FROM:<> AUTH=e+3Dmc2@example.com SIZE=1"], [" XFWDAGREE=", " AUTH=", "+3D", "+00", "<>", "="]),
        Target("sasl-plain", octets => PlainMessage.TryParse(octets, out _), ["a\0b\0c", "\0name\0secret"], ["\0", "\0\0"]),
        Target("scram-client-first", octets => ScramClientFirst.TryParse(octets, out _),
            ["n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "y,a=x=2Cy,n=x=3Dy,r=abc,ext=1"], ["n,", "y,", "p=", ",", "=2C", "=3D", "r=", "a=", "m=", "\0"]),
        Target("scram-client-final", octets => ScramClientFinal.TryParse(octets, out _), ["c=biws,r=abcdef,p=AAAA", "c=,r=x,e=1,p=,p=AA=="], [",p=", "c=", "r=", ",", "="]),
        Target("list-id", octets => ListId.TryParse(octets, out _), [" Developers <dev.lists.example.org>", "\"<a>\" <b>"], ["<", ">", "\"", " "]),
        Target("smtp-bdat", octets => BdatArguments.TryParse(octets, out _, out _), ["10", "0 LAST", "9223372036854775808 LAST"], [" LAST", "99999999999999999999"]),
        Target("smtp-mailbox", octets => Mailbox.TryParse(octets, out _, out _), ["a.b+c@example.org", "\"a b\\\"\"@xn--bcher-kva.example", "ü@bücher.example"], ["\u202e", "é", "e\u0301", ".", "@"]),
        Target("smtp-data", DataOnlyEndsWithItsFiveOctets, ["From: a\r\n\r\nbody\r\n..dot\r\n.\r\n", "a\r\n.\r\r\n.\n"], ["\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.", "\r\n\0.\r\n"]),
        Target("smtp-data-round-trip", EncodedDataDecodesToItself, ["line\r\n.line\r\n\r\n..\r\n", "no end"], ["\r\n", ".", "\r\n.", "\r\n.\r\n"]),
        Target("smtp-reply", ReplyParsing, ["250-a\r\n250-PIPELINING\r\n250 2.0.0 ok\r\n", "550 5.1.1 no\r\n"], ["250-", "250 ", "\r\n", "\n", "999 "]),
        Target("mime-header", HeaderKeepsItsOctets,
            ["From: a@b\r\nTo: c\r\n d\r\nAuthentication-Results: mx (c\\)) /1; spf=pass\r\n", "Received: x\r\nFrom : y\r\n\r\n"],
            ["Authentication-Results:", "\r\n ", "\r\n\t", "(", ")", "\"", "mx.example", ";", "List-Id:", "\0"]),
        Target("tag-list", octets => TagList.TryParse(octets, out _, out _), ["v=1; a=rsa-sha256; b=AA==", "p=;t=y"], [";", "=", "\r\n ", " "]),
        Target("key-record", octets => KeyRecord.Parse(octets), ["v=MAILKEY1; k=ed25519; s=a; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "v=MAILKEY1; k=rsa; s=b; p="], ["v=MAILKEY1", "; p=", "; s=", "; t=y", "; d=", "; r=https://"]),
        Target("host-document", octets => HostDocument.TryParse(octets, "example.org", out _, out _),
            ["""{"version":1,"domain":"example.org","serial":42,"keys":[{"name":"a","type":"ed25519","key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","status":"active"}],"max_age":3600}"""],
            ["{", "}", "[", "]", "\"keys\":", "\"serial\":-1", "1e999", "null", "\\u0000"]),
        Target("policy-file", octets => PolicyFile.Parse("policy.json", octets, (string _, out string reason) => { reason = "is not there"; return null; }),
            ["""{"lists":{"l":["example.org"]},"before-stage":[{"name":"a","when":{"client":"192.0.2.0/24","not":{"spf":"fail"}},"then":"exempt"}],"rules":[{"name":"b","when":{"any":[{"size":{"below":"1K"}}],"sender-domain":"@l"},"then":{"rate-limit":{"key":"client","count":1,"per":"1h"}}}]}"""],
            ["{", "}", "[", "]", "\"when\":", "\"then\":", "\"greylist\"", "\"@l\"", "// x\n", "/*", "\\ud800", "1e999", "null", "::/0"]),
        Target("dns-response", octets => DnsResponse.TryParse(octets, out _, out _), [DnsSeed()], ["\xc0\x0c", "\0", "\0\x10\0\x01", "\xff\xff"], Encoding.Latin1),
        Target("spf-record", SpfRecordIsItsTerms,
            ["v=spf1 a mx/24//64 ip4:192.0.2.0/24 ip6:2001:db8::/32 include:%{d2}.example.org ptr:%{ir}.x.org exists:%{l1r+-}._spf.%{d} -all", "v=spf1 redirect=_spf.example.org exp=%{o}.why.example x=%{c}"],
            ["%{", "}", "%%", "%_", " ", "//", "/", ":", "::", "include:", "exists:", "redirect=", "exp=", "ip4:", "ip6:", "-all", "?", "1.2.3.4", ".org"]),
        Target("spf-evaluation", SpfEvaluationKeepsToItsLimits,
            ["v=spf1 a:%{i}.x.org mx ptr:%{p} exists:%{S}.%{h} include:%{d} ?all exp=%{ir}.%{v}.arpa", "v=spf1 -all exp=why.example", "%{c} is not %{s} (%{L1r-}) at %{t}, %{r}"],
            ["v=spf1 ", "%{s}", "%{L2r+-}", "%{p}", "%{h}", "exp=", "include:a.b ", "mx:", "redirect=%{d}", " -all", "."]),
        Target("signature", SignatureNeverPasses,
            ["Mailkey-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=k; t=1; x=2; mf=YUBleGFtcGxlLm9yZw==; rt=AA==; h=from:from; bh=AA==; b=AA==\r\nFrom: a@example.org\r\n",
             "DKIM-Signature: v=1; a=ed25519-sha256; d=example.org; s=k; h=from; bh=AA==; b=AA==\r\nFrom: a\r\n"],
            ["; h=", "; l=0", "; x=", "d=", "DKIM-Signature:", "Mailkey-Signature:", "from:", "c=simple"]),
        Target("dkim-key-record", octets => DkimKeyRecord.TryParse(octets, out _, out _),
            ["v=DKIM1; k=ed25519; t=s:y; h=sha256; s=email; n=x; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "p=", "k=rsa; p=MAkCAQMCAQM="], ["v=DKIM1", "; p=", "k=ed25519", "; t=y", "MAkC", ":"]),
        Target("dkim-signature", DkimSignatureNeverPasses,
            ["DKIM-Signature: v=1; a=ed25519-sha256; d=example.org; s=k; i=a=40b@example.org; h=from; bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=AAAA\r\nFrom: a\r\n",
             "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed; d=b\u00fccher.example; s=k; q=dns/txt; t=1; x=2; l=0; h=from:to; bh=AA==; b=AA==\r\nFrom: a\r\nTo: b\r\n"],
            ["; h=", "; l=0", "; x=", "; i=", "=40", "d=", "DKIM-Signature:", "from:", "c=simple", "@", "\r\n "]),
        Target("http-signature", HttpSignatureIsWhatItWrites,
            ["sig1=(\"@method\" \"@target-uri\" \"content-digest\");created=1;keyid=\"example.org/k\";alg=\"ed25519\";tag=\"mailkey\";nonce=\"n\"\nsig1=:AAAA:", "a=(\"x\";sf;bs;key=\"k\"), b=();created=-1;x=1.5;y=?0;z=tok/en\nb=::, a=:AA==:"],
            ["\n", "=(", ")", "\"", "\\\"", ";created=", ";keyid=", ";", ", ", ":AA==:", "::", "?1", "-0", "1.000", "999999999999999", "*", "sig1"]),
        Target("content-digest", DigestIsGoodOnlyOfTheBody,
            ["sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:", "sha-512=:AA==:;a=1, md5=:AA==:", ContentDigest.Of([])], ["sha-256=", "sha-512=", ":", "=", ", ", ";a", "\t"]),
        Target("token", TokenIsWhatItWrites, [TokenOfNobody, $"bob-{TokenOfNobody}@example.org", $"a.B-{TokenOfNobody.ToUpperInvariant()}@b\u00fccher.example"], ["-", "@", ".", "\"", "2", "a", "A", "\u212a", "\u0130", "xn--"]),
        Target("client-name", ClientNameFitsIntoAField, ["relay.example.org", "[127.0.0.1]", "[IPv6:::1]", "a_b."], ["[", "]", ":", ".", "_", "-", "(", " ", "\r\n"]),
        Target("body-hash", BodyHashDoesNotDependOnPieces, ["a  b \r\n\r\n\t\r\nc\r\n\r\n\r\n", "\r\n", " "], ["\r\n", " ", "\t", "\r", "\n"]),
    ];

    private static FuzzTarget Target(string name, FuzzAction run, string[] seeds, string[] tokens, Encoding? encoding = null) =>
        new(name, run, [.. seeds.Select((encoding ?? Encoding.UTF8).GetBytes)], [.. tokens.Select((encoding ?? Encoding.UTF8).GetBytes)]);

    private static string DnsSeed()
    {
        Span<byte> message = stackalloc byte[512];
        DnsQuery.TryWrite(message, "mailkey.example.org", DnsRecordType.Txt, mixCase: false, edns: true, out var length, out _);
        message[2] |= 0x80;
        message[7] = 1;
        return Encoding.Latin1.GetString(message[..length]) + "\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x05\x04v=MA";
    }

    private static void DataOnlyEndsWithItsFiveOctets(ReadOnlySpan<byte> input)
    {
        foreach (var bareLineEnds in Enum.GetValues<BareLineEnds>())
        {
            var whole = Decode(input, input.Length, bareLineEnds, out var complete, out var used);
            var inPieces = Decode(input, 3, bareLineEnds, out var completeInPieces, out var usedInPieces);
            Promise(complete == completeInPieces && used == usedInPieces, "the end of data depends on how it was cut");
            Promise(whole.AsSpan().SequenceEqual(inPieces), "the content depends on how it was cut");
            var end = input.StartsWith(".\r\n"u8) ? 3 : input.IndexOf("\r\n.\r\n"u8) is >= 0 and var at ? at + 5 : -1;
            Promise(complete == (end >= 0) && (!complete || used == end), "data ended elsewhere than at CRLF.CRLF");
        }
    }

    private static byte[] Decode(ReadOnlySpan<byte> input, int pieceLength, BareLineEnds bareLineEnds, out bool complete, out int used)
    {
        var decoder = DataDecoder.ForData(bareLineEnds);
        var output = new ArrayBufferWriter<byte>();
        used = 0;
        while (used < input.Length && !decoder.IsComplete)
        {
            var window = input.Slice(used, Math.Min(Math.Max(pieceLength, 1), input.Length - used));
            var position = 0;
            while (decoder.TryRead(window, ref position, out var piece))
            {
                output.Write(piece.IsLineEnd ? "\r\n"u8 : window.Slice(piece.Offset, piece.Length));
            }

            used += position;
        }

        complete = decoder.IsComplete;
        return output.WrittenSpan.ToArray();
    }

    private static void EncodedDataDecodesToItself(ReadOnlySpan<byte> input)
    {
        if (input.Contains((byte)0))
        {
            return;
        }

        // What the encoder makes of a stray CR or LF is a line end.
        var content = Encoding.Latin1.GetString(input).Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n').Replace("\n", "\r\n", StringComparison.Ordinal);
        if (content.Length > 0 && !content.EndsWith("\r\n", StringComparison.Ordinal))
        {
            content += "\r\n";
        }

        var wire = new ArrayBufferWriter<byte>();
        var encoder = default(DataEncoder);
        encoder.Encode(input, wire);
        encoder.Complete(wire);
        var decoded = Decode(wire.WrittenSpan, 7, BareLineEnds.Reject, out var complete, out var used);
        Promise(complete && used == wire.WrittenCount, "encoded data ends early or not at all");
        Promise(decoded.AsSpan().SequenceEqual(Encoding.Latin1.GetBytes(content)), "encoded data decodes to something else");
    }

    private static void ReplyParsing(ReadOnlySpan<byte> input)
    {
        var buffer = new ReadOnlySequence<byte>(input.ToArray());
        var parser = new ReplyParser();
        while (parser.TryParse(ref buffer, out var reply) == OperationStatus.Done)
        {
            Promise(reply!.Code is >= 200 and <= 599, "a reply code out of range");
            _ = EhloResponse.Parse(reply);
        }
    }

    private static void HeaderKeepsItsOctets(ReadOnlySpan<byte> input)
    {
        var octets = input.ToArray();
        var block = HeaderBlock.Parse(octets);
        Promise(block.Octets.Span.SequenceEqual(input), "a header block changed its octets");
        foreach (ref readonly var field in block.Fields)
        {
            Promise(octets.AsSpan().Overlaps(field.Octets.Span), "a field is not of its block");
            _ = field.UnfoldedValue();
        }

        _ = block.MessageId();
        var kept = HeaderBlock.Parse(AuthenticationResults.RemoveOurs(block, "mx.example").ToArray());
        foreach (ref readonly var field in kept.Fields)
        {
            Promise(!AuthenticationResults.BearsAuthservId(field, "mx.example"), "a result in our name survived");
        }
    }

    private static void SpfRecordIsItsTerms(ReadOnlySpan<byte> input)
    {
        var text = Encoding.Latin1.GetString(input);
        if (!SpfRecord.TryParse(text, out var record, out var error))
        {
            Promise(error.Position >= 0 && error.Position <= text.Length && error.Message is not null, "an error of nowhere");
            return;
        }

        var position = 0;
        var end = SpfRecord.Version.Length;
        while (record.TryReadTerm(ref position, out var term))
        {
            Promise(text.AsSpan(end, term.Start - end).Trim(' ').IsEmpty, "something between two terms");
            Promise(term.DomainLength == 0 || (term.DomainStart > term.Start && term.DomainStart + term.DomainLength <= term.Start + term.Length), "a domain outside of its term");
            end = term.Start + term.Length;
        }

        Promise(text.AsSpan(end).Trim(' ').IsEmpty, "something after the last term");
    }

    private static void SpfEvaluationKeepsToItsLimits(ReadOnlySpan<byte> input)
    {
        var text = Encoding.Latin1.GetString(input);
        var resolver = new EchoResolver(text);
        var question = new SpfQuestion { Client = IPAddress.Loopback, ReversePath = $"{text}@example.org", ClientName = text };
        var evaluation = new SpfEvaluator(resolver, TimeSpan.FromHours(1), TimeProvider.System).EvaluateAsync(question, CancellationToken.None).AsTask();
        Promise(evaluation.IsCompleted, "an evaluation that waits for nothing");
        var result = evaluation.Result;
        foreach (var shown in (string?[])[result.Explanation, result.Problem, result.Directive])
        {
            Promise(shown is null || !shown.AsSpan().ContainsAnyExceptInRange(' ', '~'), "a text with control characters");
        }

        Promise(result.Explanation is null || result.Explanation.Length <= SpfLimits.Explanation, "an explanation without end");

        // The record, ten terms with ten exchanges each or a record below, the names of the client, the explanation.
        const int most = 1 + (SpfLimits.LookupTerms * (1 + SpfLimits.MailExchanges)) + 1 + SpfLimits.ClientNames + 1;
        Promise(resolver.Questions <= most, "more questions than RFC 7208 allows");
    }

    private static void SignatureNeverPasses(ReadOnlySpan<byte> input)
    {
        var verdict = Signatures.Verify(
            new SignatureInput
            {
                Headers = HeaderBlock.Parse(input.ToArray()),
                Body = new(new byte[32], new byte[32]),
                Domain = "example.org",
                ReversePath = "a@example.org",
                ForwardPaths = ["b@example.net"],
                Now = DateTimeOffset.UnixEpoch,
            },
            Keys);
        Promise(!verdict.IsPass, "a forged signature passed");
        Promise(!verdict.Reason.AsSpan().ContainsAnyExceptInRange(' ', '~'), "a reason with control characters");
    }

    private static void DkimSignatureNeverPasses(ReadOnlySpan<byte> input)
    {
        var block = HeaderBlock.Parse(input.ToArray());
        var verification = Dkim.VerifyAsync(block, new(new byte[32], new byte[32]), TimeSpan.FromHours(1), CancellationToken.None).AsTask();
        Promise(verification.IsCompletedSuccessfully, "a verification waits though every key is there");
        var findings = verification.Result;
        Promise(findings.Signatures.Count <= DkimVerifier.MaxSignatures, "too many signatures were looked at");
        foreach (var finding in findings.Signatures)
        {
            Promise(finding.Result is not (ResultWord.Pass or ResultWord.TempError), "a forged signature passed, or waits for another try");
            Promise(!$"{finding.Reason}{finding.Domain}{finding.Selector}{finding.Identity}{finding.Algorithm}{finding.SignatureStart}".AsSpan().ContainsAnyExceptInRange(' ', '~'), "evidence with control characters");
        }
    }

    private sealed class FixedKeys : IDnsResolver
    {
        private static readonly DnsRecord[] Records =
        [
            new() { Name = "", Type = DnsRecordType.Txt, TimeToLive = TimeSpan.Zero, Text = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" },
            new() { Name = "", Type = DnsRecordType.Txt, TimeToLive = TimeSpan.Zero, Text = "p=MAkCAQMCAQM=" },
        ];

        public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken) =>
            new(new DnsAnswer { Status = DnsStatus.Success, Records = Records });
    }

    private static void BodyHashDoesNotDependOnPieces(ReadOnlySpan<byte> input)
    {
        foreach (var canonicalization in Enum.GetValues<Canonicalization>())
        {
            using var whole = new BodyHasher(canonicalization);
            using var inPieces = new BodyHasher(canonicalization);
            whole.Append(input);
            for (var at = 0; at < input.Length; at += 3)
            {
                inPieces.Append(input[at..Math.Min(input.Length, at + 3)]);
            }

            Promise(whole.Finish().AsSpan().SequenceEqual(inPieces.Finish()), "a body hash depends on how the body was cut");
        }
    }

    // A DNS in which every name has the same text, and hosts in every number.
    private sealed class EchoResolver(string text) : IDnsResolver
    {
        public int Questions { get; private set; }

        public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken)
        {
            Questions++;
            Promise(name.Length is > 0 and <= 4 * Dns.DomainName.MaxLength && !name.AsSpan().ContainsAnyExceptInRange('!', '~'), "a question about what is no name");
            var record = new DnsRecord { Name = name, Type = type, TimeToLive = TimeSpan.Zero };
            DnsRecord[] records = type switch
            {
                DnsRecordType.Txt => [record with { Text = text }],
                DnsRecordType.A => [record with { Address = text.Length % 3 == 0 ? IPAddress.Loopback : IPAddress.Any }],
                _ => [.. Enumerable.Range(0, text.Length % 12).Select(n => record with { Target = $"{n}.example.org" })],
            };
            return new(new DnsAnswer { Status = records.Length > 0 ? DnsStatus.Success : DnsStatus.NoData, Records = records });
        }
    }

    private static void HttpSignatureIsWhatItWrites(ReadOnlySpan<byte> input)
    {
        var end = input.IndexOf((byte)'\n');
        if (end < 0 || !MessageSignature.TryParse(input[..end], input[(end + 1)..], out var signatures, out _))
        {
            return;
        }

        Promise(signatures.Count <= MessageSignature.MaxSignatures, "as many signatures as somebody likes");
        var (written, writtenValues) = (string.Join(", ", signatures.Select(signature => signature.InputField)), string.Join(", ", signatures.Select(signature => signature.SignatureField)));
        if (written.Length > MessageSignature.MaxFieldLength || writtenValues.Length > MessageSignature.MaxFieldLength)
        {
            return;
        }

        Promise(MessageSignature.TryParse(written, writtenValues, out var again, out var error), $"what was read cannot be read when written: {error.Message}");
        Promise(again!.Select(signature => signature.InputField).SequenceEqual(signatures.Select(signature => signature.InputField)), "an input means something else when written");
        Promise(again!.Zip(signatures).All(pair => pair.First.Value.Span.SequenceEqual(pair.Second.Value.Span)), "a value changes when written");
    }

    private static void DigestIsGoodOnlyOfTheBody(ReadOnlySpan<byte> input)
    {
        // Whoever makes one that fits by changing octets has broken SHA-256; the seed fits the empty body, and that one must go on to fit.
        Promise(ContentDigest.Check(input, "another"u8) != ContentDigestResult.Good, "a digest of nothing fits a body");
        if (ContentDigest.Check(input, default) == ContentDigestResult.Good)
        {
            var text = Encoding.Latin1.GetString(input);
            Promise(text.Contains(ContentDigest.Of([])[..^4], StringComparison.Ordinal) || text.Contains("sha-512", StringComparison.Ordinal), "a digest fits that is not there");
        }
    }

    private static void TokenIsWhatItWrites(ReadOnlySpan<byte> input)
    {
        foreach (var purpose in Enum.GetValues<TokenPurpose>())
        {
            if (OpaqueToken.TryParse(input, purpose, out var token))
            {
                Promise(token.ToString().Length == OpaqueToken.Length && OpaqueToken.TryParse(token.ToString(), purpose, out var again) && again == token, "a token means another when written");
            }
        }

        if (UniqueAddress.TryParse(input, out var address))
        {
            Promise(address.ToString() == Written(address), "an address means another when written");
        }

        static string? Written(UniqueAddress address) => UniqueAddress.TryParse(address.ToString(), out var again) ? again.ToString() : null;
    }

    private static void ClientNameFitsIntoAField(ReadOnlySpan<byte> input)
    {
        if (ClientName.TryParse(input, out var name))
        {
            Promise(name.Length > 0 && !name.AsSpan().ContainsAnyExceptInRange('!', '~') && !name.AsSpan().ContainsAny(EndOfFieldOrComment), "a name that would end a field or a comment");
        }
    }

    private static void Promise(bool kept, string promise)
    {
        if (!kept)
        {
            throw new BrokenPromiseException(promise);
        }
    }
}
