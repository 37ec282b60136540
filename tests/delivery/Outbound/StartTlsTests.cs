using System.Security.Cryptography.X509Certificates;
using Mailkey.Delivery.Outbound;
using Mailkey.Testkit.Https;

namespace Mailkey.Delivery.Tests.Outbound;

public sealed class StartTlsTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly X509Certificate2 _certificate;

    public StartTlsTests() => _certificate = _authority.Issue(["somebody.else.example"], expired: true);

    public void Dispose()
    {
        _certificate.Dispose();
        _authority.Dispose();
    }

    [Fact]
    public async Task STARTTLS_is_used_where_offered_whatever_the_certificate_and_what_was_said_before_is_forgotten()
    {
        await using ScriptedServer server = new(async session =>
        {
            await session.WriteAsync("220 hi\r\n");
            await session.ReadLineAsync();
            await session.WriteAsync("250-hi\r\n250-SIZE 1\r\n250 STARTTLS\r\n");
            await session.ReadLineAsync();
            await session.WriteAsync("220 go\r\n");
            await session.EncryptAsync(_certificate);
            await ServeAsync(session, "250-hi\r\n250 PIPELINING\r\n");
        });
        await using var bench = DeliveryBench.To(server.Port);

        Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync("a@example.org")).Kind);

        Assert.Equal(["EHLO mail.edge.example", "STARTTLS", "EHLO mail.edge.example", "MAIL FROM:<sender@example.net>"], server.Lines().Take(4));
    }

    [Fact]
    public async Task Plain_text_put_in_after_STARTTLS_is_not_taken_for_the_servers_word()
    {
        await using ScriptedServer server = new(async session =>
        {
            await session.WriteAsync("220 hi\r\n");
            await session.ReadLineAsync();
            await session.WriteAsync("250-hi\r\n250 STARTTLS\r\n");
            await session.ReadLineAsync();
            await session.WriteAsync("220 go\r\n250-injected\r\n250 PIPELINING\r\n");
            await session.EncryptAsync(_certificate);
        });
        await using var bench = DeliveryBench.To(server.Port);

        var outcome = Assert.Single(await bench.SendAsync("a@example.org"));

        Assert.Equal(OutcomeKind.Deferred, outcome.Kind);
        Assert.Contains("plain text after STARTTLS", outcome.Reply, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("220 go\r\n")]
    [InlineData("454 4.7.0 not now\r\n")]
    public async Task A_host_that_can_not_do_what_it_offers_gets_its_mail_in_the_clear(string answer)
    {
        await using ScriptedServer server = new(async session =>
        {
            await session.WriteAsync("220 hi\r\n");
            await ServeAsync(session, "250-hi\r\n250 STARTTLS\r\n", answer);
        });
        await using var bench = DeliveryBench.To(server.Port);

        Assert.Equal(OutcomeKind.Delivered, Assert.Single(await bench.SendAsync("a@example.org")).Kind);
    }

    public static TheoryData<string> StrangeNames => [@"\013\010evil.example", @"a\.b\032c.example", "x..y", "-", string.Concat(Enumerable.Repeat(@"\000", 250)), "xn--\u00e9", "xn--a.example", "xn--99999999.example", "a_b.example", "-x.evil.example", "127.0.0.1", "::1"];

    [Theory]
    [MemberData(nameof(StrangeNames))]
    public async Task A_host_whose_name_is_no_host_name_is_no_fault_of_ours(string name)
    {
        await using ScriptedServer server = new(async session =>
        {
            await session.WriteAsync("220 hi\r\n");
            await session.ReadLineAsync();
            await session.WriteAsync("250-hi\r\n250 STARTTLS\r\n");
            await session.ReadLineAsync();
            await session.WriteAsync("220 go\r\n");
            await session.EncryptAsync(_certificate);
            await ServeAsync(session, "250 hi\r\n");
        });
        ExchangerAddress address = new(name, new(System.Net.IPAddress.Loopback, server.Port));

        var (connection, problem) = await SmtpConnection.OpenAsync(address, isLmtp: false, "mail.edge.example", new(), TimeProvider.System, TestContext.Current.CancellationToken);

        Assert.Null(problem);
        Assert.True(connection!.IsEncrypted);
        await connection.DisposeAsync();
    }

    private static async Task ServeAsync(ScriptedServer.Session session, string hello, string startTls = "502 no\r\n")
    {
        while (await session.ReadLineAsync() is { } line)
        {
            switch (line.Split(' ', ':')[0])
            {
                case "EHLO":
                    await session.WriteAsync(hello);
                    break;
                case "STARTTLS":
                    await session.WriteAsync(startTls);
                    if (startTls.StartsWith("220", StringComparison.Ordinal))
                    {
                        return;
                    }

                    break;
                case "DATA":
                    await session.WriteAsync("354 go\r\n");
                    while (await session.ReadLineAsync() is { } content && content != ".")
                    {
                    }

                    await session.WriteAsync("250 taken\r\n");
                    break;
                default:
                    await session.WriteAsync("250 ok\r\n");
                    break;
            }
        }
    }
}
