using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace Mailkey.Testkit.Reports;

/// <summary>Other people's readers of delivery reports.</summary>
public static class ReportReaders
{
    private const string PythonReader = """
        import sys, json, email, email.policy
        raw = sys.stdin.buffer.read()
        m = email.message_from_bytes(raw, policy=email.policy.default)
        parts = list(m.iter_parts())
        status = [[[k, str(v)] for k, v in group.items()] for group in parts[1].get_payload()] if parts[1].get_content_type() == 'message/delivery-status' else \
            [[[k, str(v)] for k, v in email.message_from_string(g, policy=email.policy.default).items()] for g in raw.decode().replace("\r\n", "\n").split("--=_")[2].split("\n\n")[1:] if g.strip()]
        print(json.dumps({
            "defects": [str(d) for p in m.walk() for d in p.defects],
            "header": {k.lower(): str(v) for k, v in m.items()},
            "types": [p.get_content_type() for p in parts],
            "report": m.get_param("report-type"),
            "text": parts[0].get_content(),
            "status": status,
            "returned": (parts[2].get_payload(decode=True) or b"").decode("latin-1"),
        }))
        """;

    private const string SisimaiReader = """
        use Sisimai; use JSON::PP;
        local $/; my $mail = <STDIN>;
        my $found = Sisimai->make(\$mail, delivered => 1) || [];
        print encode_json([map { {
            recipient => $_->recipient->address, status => $_->deliverystatus, reason => $_->reason, action => $_->action,
            sender => $_->addresser->address, diagnostic => $_->diagnosticcode, rhost => $_->rhost,
        } } @$found]);
        """;

    /// <summary>Python's email package.</summary>
    public static Task<JsonElement> PythonAsync(byte[] message) => RunAsync("python3", ["-c", PythonReader], message);

    /// <summary>Sisimai, the reader that bulk senders use.</summary>
    public static Task<JsonElement> SisimaiAsync(byte[] message) => RunAsync("perl", ["-e", SisimaiReader], message);

    private static async Task<JsonElement> RunAsync(string program, string[] arguments, byte[] input)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} does not start");
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.BaseStream.WriteAsync(input, TestContext.Current.CancellationToken);
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode == 0
            ? JsonDocument.Parse(await output).RootElement
            : throw new InvalidOperationException($"{program}: {await error}");
    }
}
