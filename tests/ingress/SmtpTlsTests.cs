using Mailkey.Smtp;
using Mailkey.Testkit.Https;

namespace Mailkey.Ingress.Tests;

public sealed class SmtpTlsTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("mailkey-tls-");

    private string[] Settings => [$"Smtp:Certificate={Path.Combine(folder.FullName, "cert.pem")}", $"Smtp:CertificateKey={Path.Combine(folder.FullName, "key.pem")}"];

    public SmtpTlsTests() => WriteCertificate("mx.example.org");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task StartTls_secures_the_session_and_forgets_what_was_said()
    {
        await using var server = await SmtpTestServer.StartAsync(Settings);
        using var client = await server.ConnectAsync();
        Assert.Contains("STARTTLS", (await client.AskAsync("EHLO before.example")).Lines);
        Assert.Equal(Replies.ReadyForTls, await client.AskAsync("STARTTLS"));
        await client.StartTlsAsync();

        Assert.Equal(503, (await client.AskAsync("MAIL FROM:<a@b.example>")).Code);
        Assert.DoesNotContain("STARTTLS", (await client.AskAsync("EHLO after.example")).Lines);
        Assert.Equal(503, (await client.AskAsync("STARTTLS")).Code);
        await client.BeginAsync();
        Assert.Equal(250, (await client.DataAsync("x\r\n.\r\n")).Code);
        Assert.Equal(221, (await client.AskAsync("QUIT")).Code);

        var message = Assert.Single(server.Intake.Messages);
        Assert.Equal(("after.example", "ESMTPS"), (message.Connection.ClientName, message.Connection.Protocol));
        Assert.StartsWith("Tls1", message.Connection.Tls, StringComparison.Ordinal);
        Assert.Contains("TLS_", message.Connection.Tls, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartTls_with_commands_behind_it_in_plaintext_ends_the_session()
    {
        await using var server = await SmtpTestServer.StartAsync(Settings);
        using var client = await server.GreetAsync();
        await client.SendAsync("STARTTLS\r\nEHLO injected\r\nMAIL FROM:<a@b.example>\r\n");

        Assert.Equal(Replies.PlaintextAfterStartTls, await client.ReadAsync());
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task StartTls_never_takes_plaintext_for_what_came_by_tls()
    {
        await using var server = await SmtpTestServer.StartAsync(Settings);
        using var client = await server.GreetAsync();
        Assert.Equal(220, (await client.AskAsync("STARTTLS")).Code);
        await client.SendAsync("EHLO injected\r\nMAIL FROM:<a@b.example>\r\nQUIT\r\n");

        await client.AssertClosedAsync();
        Assert.Contains(server.Log.Lines, line => line.Contains("did not negotiate TLS", StringComparison.Ordinal));
    }

    [Fact]
    public async Task StartTls_is_not_for_the_middle_of_a_transaction()
    {
        await using var server = await SmtpTestServer.StartAsync(Settings);
        using var client = await server.GreetAsync();
        await client.BeginAsync();

        Assert.Equal(503, (await client.AskAsync("STARTTLS")).Code);
        Assert.Equal(250, (await client.AskAsync("RSET")).Code);
        Assert.Equal(501, (await client.AskAsync("STARTTLS now")).Code);
    }

    [Fact]
    public async Task StartTls_pipelines_and_times_out_inside_of_tls_too()
    {
        await using var server = await SmtpTestServer.StartAsync(Settings);
        using var client = await server.GreetAsync();
        await client.AskAsync("STARTTLS");
        await client.StartTlsAsync();
        var replies = await client.AskAllAsync("EHLO c", "MAIL FROM:<å@b.example> SMTPUTF8", "RCPT TO:<bob@example.org>", "DATA");
        await client.SendAsync(string.Concat(Enumerable.Repeat(new string('x', 998) + "\r\n", 500)) + ".\r\n");

        Assert.Equal([250, 250, 250, 354], replies.Select(reply => reply.Code));
        Assert.Equal(250, (await client.ReadAsync()).Code);
        Assert.Equal(500_000, server.Intake.Messages[0].Octets.Length);
        Assert.Equal("UTF8SMTPS", server.Intake.Messages[0].Connection.Protocol);

        server.Time.Advance(TimeSpan.FromMinutes(5) + TimeSpan.FromSeconds(1));
        Assert.Equal(Replies.CommandTimeout, await client.ReadAsync());
        await client.AssertClosedAsync();
    }

    [Fact]
    public async Task StartTls_uses_a_new_certificate_when_the_file_changes_and_the_old_one_while_it_is_broken()
    {
        await using var server = await SmtpTestServer.StartAsync(Settings);
        Assert.Equal("CN=mx.example.org", await SubjectAsync(server));

        WriteCertificate("new.example.org");
        server.Time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal("CN=new.example.org", await SubjectAsync(server));

        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "cert.pem"), "no certificate");
        server.Time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal("CN=new.example.org", await SubjectAsync(server));
        Assert.Contains(server.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("cert.pem", StringComparison.Ordinal));
    }

    private static async Task<string> SubjectAsync(SmtpTestServer server)
    {
        using var client = await server.GreetAsync();
        await client.AskAsync("STARTTLS");
        return await client.StartTlsAsync();
    }

    private void WriteCertificate(string name)
    {
        using var authority = new TestAuthority();
        authority.IssueInto(folder.FullName, name);
    }
}
