using Mailkey.Testkit.Dns;

namespace Mailkey.Tool.Tests;

public sealed class KeyCommandTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("mailkey-tool-");

    public void Dispose() => folder.Delete(recursive: true);

    private string PathOf(string name) => Path.Combine(folder.FullName, name);

    [Theory]
    [InlineData("ed25519")]
    [InlineData("rsa")]
    public async Task Keygen_writes_a_key_that_only_its_owner_can_read(string type)
    {
        var file = PathOf("2026a.pem");
        var result = await Tool.RunAsync("keygen", "--type", type, file);

        Assert.Contains($"mailkey records <domain> --key 2026a={file}", result.Good, StringComparison.Ordinal);
        Assert.StartsWith("-----BEGIN PRIVATE KEY-----", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        Assert.DoesNotContain("PRIVATE KEY", result.Output, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }

        Assert.Equal(["2026a.pem"], folder.GetFiles().Select(left => left.Name));
    }

    [Fact]
    public async Task Keygen_never_overwrites_a_key_unless_told_so()
    {
        var file = PathOf("2026a.pem");
        await Tool.RunAsync("keygen", file);
        var before = await File.ReadAllTextAsync(file);

        var refused = await Tool.RunAsync("keygen", file);
        Assert.Equal(2, refused.Code);
        Assert.Contains("--force", refused.Error, StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllTextAsync(file));

        Assert.Equal(0, (await Tool.RunAsync("keygen", "--force", file)).Code);
        Assert.NotEqual(before, await File.ReadAllTextAsync(file));
    }

    [Theory]
    [InlineData("1024")]
    [InlineData("8192")]
    [InlineData("2049")]
    public async Task Keygen_refuses_sizes_that_receivers_refuse(string bits)
    {
        var result = await Tool.RunAsync("keygen", "--type", "rsa", "--bits", bits, PathOf("x.pem"));
        Assert.Equal(2, result.Code);
        Assert.Contains("2048 to 4096", result.Error, StringComparison.Ordinal);
        Assert.Empty(folder.GetFiles());
    }

    [Fact]
    public async Task Records_are_split_into_strings_that_DNS_can_hold()
    {
        await Tool.RunAsync("keygen", "--type", "rsa", PathOf("r.pem"));
        var line = (await Tool.RunAsync("records", "Example.ORG", "--key", $"2026r={PathOf("r.pem")}", "--form", "zone")).Good.TrimEnd();

        Assert.StartsWith("mailkey.example.org. 3600 IN TXT \"v=MAILKEY1; k=rsa; s=2026r; p=", line, StringComparison.Ordinal);
        var strings = line.Split('"').Where((_, index) => index % 2 == 1).ToList();
        Assert.Equal(2, strings.Count);
        Assert.All(strings, text => Assert.InRange(text.Length, 1, 255));
    }

    [Theory]
    [InlineData("no such domain", "2026a=2026a.pem", "is not a domain name")]
    [InlineData("example.org", "2026a.pem", "NAME=FILE")]
    [InlineData("example.org", "2026A=2026a.pem", "a-z 0-9")]
    [InlineData("example.org", "2026a=/nowhere/2026a.pem", "mailkey keygen")]
    public async Task Records_say_what_is_wrong(string domain, string key, string error)
    {
        var result = await Tool.RunAsync("records", domain, "--key", key);
        Assert.Equal((2, ""), (result.Code, result.Output));
        Assert.Contains(error, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_sees_what_records_printed()
    {
        await Tool.RunAsync("keygen", PathOf("2026a.pem"));
        await Tool.RunAsync("keygen", "--type", "rsa", PathOf("2026r.pem"));
        var zone = (await Tool.RunAsync(
            "records", "example.org", "--key", $"2026a={PathOf("2026a.pem")}", "--key", $"2026r={PathOf("2026r.pem")}", "--revoked", "2025a", "--report", "https://example.org/report", "--form", "zone")).Good;
        await using var dns = await UnboundServer.StartAsync(zone.Split('\n', StringSplitOptions.RemoveEmptyEntries));

        var result = await Tool.RunAsync("check", "example.org", "--resolver", dns.Resolver);
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains("example.org: publishes a key set", result.Output, StringComparison.Ordinal);
        Assert.Contains("key 2026a: ed25519, active", result.Output, StringComparison.Ordinal);
        Assert.Contains("key 2026r: rsa 2048 bits, active", result.Output, StringComparison.Ordinal);
        Assert.Contains("key 2025a: ed25519, revoked", result.Output, StringComparison.Ordinal);
        Assert.Contains("reports to https://example.org/report", result.Output, StringComparison.Ordinal);

        var absent = await Tool.RunAsync("check", "example.net", "--resolver", dns.Resolver);
        Assert.Equal(1, absent.Code);
        Assert.Contains("publish: mailkey.example.net.", absent.Output, StringComparison.Ordinal);

        var json = await Tool.RunAsync("check", "example.org", "--json", "--resolver", dns.Resolver);
        using var document = System.Text.Json.JsonDocument.Parse(json.Good);
        Assert.Equal("exists", document.RootElement.GetProperty("state").GetString());
        Assert.Equal("txt", document.RootElement.GetProperty("source").GetString());
        Assert.Equal(3, document.RootElement.GetProperty("keys").GetArrayLength());
    }

    [Fact]
    public async Task Check_says_what_to_mend()
    {
        await using var dns = await UnboundServer.StartAsync(["mailkey.example.org. 3600 IN TXT \"v=MAILKEY1; k=rsa; s=2026a; p=AAAA\""], ["broken.example"]);

        var damaged = await Tool.RunAsync("check", "example.org", "--resolver", dns.Resolver);
        Assert.Equal(1, damaged.Code);
        Assert.Contains("problem: The key set has no usable active key", damaged.Output, StringComparison.Ordinal);
        Assert.Contains("problem: key 2026a: the RSA key is not a SubjectPublicKeyInfo in DER", damaged.Output, StringComparison.Ordinal);

        var unknown = await Tool.RunAsync("check", "broken.example", "--resolver", dns.Resolver);
        Assert.Equal(2, unknown.Code);
        Assert.Contains("broken.example: can't be judged now", unknown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_refuses_a_resolver_that_is_none()
    {
        var result = await Tool.RunAsync("check", "example.org", "--resolver", "127.0.0.1:x");
        Assert.Equal(2, result.Code);
        Assert.Contains("--resolver takes", result.Error, StringComparison.Ordinal);
    }
}
