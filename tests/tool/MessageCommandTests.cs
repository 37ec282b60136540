using System.Text.Json;
using Mailkey.Testkit.Dns;

namespace Mailkey.Tool.Tests;

public sealed class MessageCommandTests : IAsyncLifetime
{
    private const string Message = "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: Dinner\r\n\r\nAt eight?\r\n";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("mailkey-tool-");
    private string key = "";
    private string keySet = "";

    public async ValueTask InitializeAsync()
    {
        key = Path.Combine(folder.FullName, "2026a.pem");
        keySet = Path.Combine(folder.FullName, "keys.json");
        _ = (await Tool.RunAsync("keygen", key)).Good;
        await File.WriteAllTextAsync(keySet, (await Tool.RunAsync("records", "example.org", "--key", $"2026a={key}", "--form", "host")).Good);
    }

    public ValueTask DisposeAsync()
    {
        folder.Delete(recursive: true);
        return default;
    }

    private Task<ToolResult> SignAsync(string message = Message, params string[] more) =>
        Tool.RunAsync(["sign", "--key", key, "--selector", "2026a", "--from", "ann@example.org", "--to", "bob@example.net", "--to", "carol@example.net", .. more], message);

    private Task<ToolResult> VerifyAsync(string message, string to = "bob@example.net", string from = "ann@example.org") =>
        Tool.RunAsync(["verify", "--from", from, "--to", to, "--key-set", keySet], message);

    [Theory]
    [InlineData("relaxed/relaxed")]
    [InlineData("simple/simple")]
    public async Task Sign_and_verify_agree(string canonicalization)
    {
        var signed = (await SignAsync(Message, "-c", canonicalization)).Good;
        Assert.EndsWith(Message, signed, StringComparison.Ordinal);
        Assert.StartsWith("Mailkey-Signature: v=1; a=ed25519-sha256; c=" + canonicalization, signed, StringComparison.Ordinal);

        var good = await VerifyAsync(signed);
        Assert.Equal(0, good.Code);
        Assert.Contains("result     pass", good.Output, StringComparison.Ordinal);
        Assert.Contains("signature  mailkey, key 2026a of example.org", good.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sign_keeps_the_line_ends_of_a_Unix_file()
    {
        var signed = (await SignAsync(Message.ReplaceLineEndings("\n"))).Good;
        Assert.DoesNotContain('\r', signed);
        Assert.Equal(0, (await VerifyAsync(signed)).Code);
        Assert.Equal(0, (await VerifyAsync(signed.ReplaceLineEndings("\r\n"))).Code);
    }

    [Fact]
    public async Task Verify_says_no_to_what_was_changed_or_replayed()
    {
        var signed = (await SignAsync()).Good;
        var changed = await VerifyAsync(signed.Replace("eight", "nine", StringComparison.Ordinal));
        Assert.Equal(1, changed.Code);
        Assert.Contains("the body was changed after signing", changed.Output, StringComparison.Ordinal);

        var replayed = await VerifyAsync(signed, "victim@example.net");
        Assert.Equal(1, replayed.Code);
        Assert.Contains("made for other recipients", replayed.Output, StringComparison.Ordinal);

        Assert.Contains("no signature", (await VerifyAsync(Message)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_finds_the_key_set_in_DNS()
    {
        var zone = (await Tool.RunAsync("records", "example.org", "--key", $"2026a={key}", "--form", "zone")).Good;
        await using var dns = await UnboundServer.StartAsync([zone.TrimEnd()], ["broken.example"]);
        var signed = (await SignAsync()).Good;

        var good = await Tool.RunAsync(["verify", "--from", "<ann@example.org>", "--to", "<bob@example.net>", "--resolver", dns.Resolver, "--json"], signed);
        using var document = JsonDocument.Parse(good.Good);
        Assert.Equal("pass", document.RootElement.GetProperty("result").GetString());
        Assert.Equal("txt", document.RootElement.GetProperty("key_source").GetString());

        var absent = await Tool.RunAsync(["verify", "--from", "a@example.net", "--to", "bob@example.net", "--resolver", dns.Resolver], signed);
        Assert.Equal(1, absent.Code);
        Assert.Contains("result     none", absent.Output, StringComparison.Ordinal);

        var unknown = await Tool.RunAsync(["verify", "--from", "a@broken.example", "--to", "bob@example.net", "--resolver", dns.Resolver], signed);
        Assert.Equal(2, unknown.Code);
        Assert.Contains("result     temperror", unknown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_judges_the_EHLO_name_of_a_bounce()
    {
        var signed = (await Tool.RunAsync(["sign", "--key", key, "--selector", "2026a", "--from", "<>", "--domain", "example.org", "--to", "bob@example.net"], Message)).Good;
        Assert.Equal(0, (await Tool.RunAsync(["verify", "--from", "<>", "--helo", "example.org", "--to", "bob@example.net", "--key-set", keySet], signed)).Code);
        Assert.Equal(2, (await Tool.RunAsync(["verify", "--from", "<>", "--to", "bob@example.net", "--key-set", keySet], signed)).Code);
    }

    [Theory]
    [InlineData("", "no message on standard input")]
    [InlineData("From : x\r\n\r\n", "header block is malformed")]
    [InlineData("From: x\r\nFrom: y\r\n\r\n", "more than one From field")]
    public async Task Sign_refuses_what_no_receiver_would_take(string message, string error)
    {
        var result = await SignAsync(message);
        Assert.Equal((2, ""), (result.Code, result.Output));
        Assert.Contains(error, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--days", "15")]
    [InlineData("--days", "0")]
    [InlineData("--canonicalization", "strict")]
    [InlineData("--no-such-option", "x")]
    public async Task Sign_names_wrong_usage(string option, string value)
    {
        var result = await SignAsync(Message, option, value);
        Assert.Equal((2, ""), (result.Code, result.Output));
        Assert.Contains("mailkey sign --help", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sign_with_dkim_and_verify_agree_through_DNS()
    {
        var rsa = Path.Combine(folder.FullName, "rsa.pem");
        _ = (await Tool.RunAsync("keygen", rsa, "--type", "rsa")).Good;
        var zone = (await Tool.RunAsync("records", "example.org", "--key", $"2026e={key}", "--key", $"2026r={rsa}", "--revoked", "2025", "--form", "dkim")).Good;
        Assert.Contains("2026r._domainkey.example.org. 3600 IN TXT \"v=DKIM1; k=rsa; p=", zone, StringComparison.Ordinal);
        Assert.Contains("2025._domainkey.example.org. 3600 IN TXT \"v=DKIM1; k=ed25519; p=\"", zone, StringComparison.Ordinal);
        await using var dns = await UnboundServer.StartAsync(zone.TrimEnd().Split('\n'), ["broken.example"]);

        var signed = (await Tool.RunAsync(["sign", "--dkim", "-d", "example.org", "-k", rsa, "-s", "2026r", "-k", key, "-s", "2026e"], Message)).Good;
        Assert.StartsWith("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n\td=example.org; s=2026r;", signed, StringComparison.Ordinal);
        Assert.DoesNotContain("l=", signed.ReplaceLineEndings("").Split("bh=")[0], StringComparison.Ordinal);

        var good = await Tool.RunAsync(["verify", "--dkim", "--resolver", dns.Resolver], signed);
        Assert.Equal(0, good.Code);
        Assert.Matches("^pass       d=example.org s=2026r a=rsa-sha256 b=.{8}\npass       d=example.org s=2026e a=ed25519-sha256 b=.{8}\n$", good.Output.ReplaceLineEndings("\n"));

        var changed = await Tool.RunAsync(["verify", "--dkim", "--resolver", dns.Resolver, "--json"], signed.Replace("eight", "nine", StringComparison.Ordinal));
        Assert.Equal(1, changed.Code);
        using var document = JsonDocument.Parse(changed.Output);
        Assert.Equal("the body was changed after signing", document.RootElement.GetProperty("signatures")[1].GetProperty("reason").GetString());

        var none = await Tool.RunAsync(["verify", "--dkim", "--resolver", dns.Resolver], Message);
        Assert.Equal((1, "none       no DKIM-Signature"), (none.Code, none.Output.TrimEnd()));
        var unknown = (await Tool.RunAsync(["sign", "--dkim", "-d", "broken.example", "-k", key, "-s", "a"], Message)).Good;
        Assert.Equal(2, (await Tool.RunAsync(["verify", "--dkim", "--resolver", dns.Resolver], unknown)).Code);
    }

    [Theory]
    [InlineData("sign", "-k", "x", "-s", "a")]
    [InlineData("sign", "-k", "x", "-s", "a", "--from", "a@example.org")]
    [InlineData("sign", "--dkim", "-d", "example.org", "-k", "x", "-k", "y", "-s", "a")]
    [InlineData("sign", "-k", "x", "-s", "a", "-k", "y", "-s", "b", "--from", "a@example.org", "--to", "b@example.net")]
    [InlineData("verify")]
    [InlineData("verify", "--from", "a@example.org")]
    public async Task Sign_and_verify_say_what_is_missing(params string[] arguments)
    {
        var result = await Tool.RunAsync(arguments, Message);
        Assert.Equal((2, ""), (result.Code, result.Output));
        Assert.Contains($"mailkey {arguments[0]} --help", result.Error, StringComparison.Ordinal);
    }
}
