using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Mailkey.Hosting;

namespace Mailkey.Tool.Tests;

public sealed class ConfigCommandTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("mailkey-tool-");

    public void Dispose() => folder.Delete(recursive: true);

    private string Write(string name, string text)
    {
        var path = Path.Combine(folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }

    private Task<ToolResult> CheckAsync(string json) => Tool.RunAsync("config", "check", "--file", Write("mailkey.json", json));

    [Fact]
    public async Task Config_check_is_content_with_the_defaults()
    {
        var result = await CheckAsync("{}");
        Assert.Contains("The configuration is good.", result.Good, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Config_check_names_every_mistake()
    {
        var result = await CheckAsync(
            """
            { "Mailkey": {
              "Hostname": "a b", "Prot": 1,
              "Smtp": { "Port": "many", "CommandTimeout": "soon", "Certificate": "/nowhere/cert.pem", "CertificateKey": "/nowhere/key.pem" },
              "Domains": [ { "Name": "example.org", "Recipient": [ "ann" ], "CallOut": "perhaps" } ],
              "Dns": { "Resolvers": [ "127.0.0.1:0" ] }, "NextHop": "elsewhere", "Policy": { "Stage": "strict" } } }
            """);
        Assert.Equal(1, result.Code);
        Assert.Equal(
            [
                "Mailkey:Dns:Resolvers", "Mailkey:Domains:0:CallOut", "Mailkey:Domains:0:Recipient:0", "Mailkey:Hostname", "Mailkey:NextHop", "Mailkey:Policy:Stage", "Mailkey:Prot",
                "Mailkey:Smtp:Certificate", "Mailkey:Smtp:CertificateKey", "Mailkey:Smtp:CommandTimeout", "Mailkey:Smtp:Port",
            ],
            result.Output.Split('\n').Where(line => line.StartsWith("wrong:", StringComparison.Ordinal)).Select(line => line["wrong:   ".Length..line.IndexOf(": ", 9, StringComparison.Ordinal)]).Order(StringComparer.Ordinal));
        Assert.Contains("11 mistakes", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    public async Task Config_check_names_a_file_that_is_no_JSON(string json)
    {
        var result = await CheckAsync(json);
        Assert.Equal(1, result.Code);
        Assert.Contains("mailkey.json", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Config_check_looks_whether_the_certificate_fits_its_key()
    {
        using var key = ECDsa.Create();
        using var other = ECDsa.Create();
        var now = TimeProvider.System.GetUtcNow();
        using var good = new CertificateRequest("CN=mx.example.org", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-2), now.AddDays(2));
        using var expired = new CertificateRequest("CN=mx.example.org", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-2), now.AddDays(-1));
        var keyFile = Write("key.pem", key.ExportPkcs8PrivateKeyPem());

        Assert.Equal(0, (await CheckPairAsync(good, keyFile)).Code);
        Assert.Contains("Mailkey:Smtp:Certificate: expired on", (await CheckPairAsync(expired, keyFile)).Output, StringComparison.Ordinal);
        Assert.Contains("are no certificate with its key", (await CheckPairAsync(good, Write("other.pem", other.ExportPkcs8PrivateKeyPem()))).Output, StringComparison.Ordinal);

        Task<ToolResult> CheckPairAsync(X509Certificate2 certificate, string keyPath) =>
            CheckAsync(JsonSerializer.Serialize(new { Mailkey = new { Smtp = new { Certificate = Write("cert.pem", certificate.ExportCertificatePem()), CertificateKey = keyPath } } }));
    }

    [Fact]
    public async Task Config_show_hides_passwords()
    {
        var file = Write("mailkey.json", """{ "Mailkey": { "RabbitMq": { "Uri": "amqp://u:hunter2@host/v" }, "Postgres": { "ConnectionString": "Host=db;Password=hunter2" }, "Agreements": { "Negotiation": { "ConsentKey": "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnQ=" } }, "Domains": [ { "Name": "example.org" } ] } }""");
        var result = await Tool.RunAsync("config", "show", "--file", file);

        using var document = JsonDocument.Parse(result.Good);
        var shown = document.RootElement.GetProperty("Mailkey");
        Assert.DoesNotContain("hunter2", result.Output, StringComparison.Ordinal);
        Assert.Equal("***", shown.GetProperty("Agreements").GetProperty("Negotiation").GetProperty("ConsentKey").GetString());
        Assert.StartsWith("amqp://u:***@host", shown.GetProperty("RabbitMq").GetProperty("Uri").GetString(), StringComparison.Ordinal);
        Assert.Contains("Host=db", shown.GetProperty("Postgres").GetProperty("ConnectionString").GetString(), StringComparison.Ordinal);
        Assert.Equal("example.org", shown.GetProperty("Domains")[0].GetProperty("Name").GetString());
    }

    [Fact]
    public async Task Config_docs_and_defaults_print_what_is_in_the_tree()
    {
        Assert.Equal(ConfigurationDocument.Markdown(), System.Text.Encoding.UTF8.GetString(System.Text.Encoding.Latin1.GetBytes((await Tool.RunAsync("config", "docs")).Good)));
        Assert.Equal(ConfigurationDocument.Defaults(), (await Tool.RunAsync("config", "defaults")).Good);
    }
}
