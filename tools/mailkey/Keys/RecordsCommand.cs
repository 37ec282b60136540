using System.CommandLine;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;
using Mailkey.Dns;

namespace Mailkey.Tool.Keys;

/// <summary><c>mailkey records</c></summary>
internal static class RecordsCommand
{
    private const int MaxNote = 100;

    public static Command Create(ToolConsole console, TimeProvider time)
    {
        var domain = new Argument<string>("domain") { Description = "The domain of your addresses, the part after the @ of the envelope sender." };
        var keys = new Option<string[]>("--key", "-k") { Description = "NAME=FILE: a private key and the name it gets. Repeat for each key of the set." };
        var revoked = new Option<string[]>("--revoked") { Description = "Name of a key that must not be trusted any more." };
        var test = new Option<bool>("--test") { Description = "Mark the keys as test keys: no credit for good signatures, no refusal of bad ones or none." };
        var note = new Option<string?>("--note") { Description = "A note for other postmasters." };
        var report = new Option<string?>("--report") { Description = "https URL where you want to hear of refusals." };
        var exchanger = new Option<string?>("--mx") { Description = "Publish at this mail exchanger of the domain instead: for domains whose zone can't be changed." };
        var ttl = new Option<int>("--ttl") { Description = "Seconds that others may keep the records.", DefaultValueFactory = _ => 3600 };
        var serial = new Option<long?>("--serial") { Description = "Serial of the host file; must grow with each change. Default: the time." };
        var form = new Option<string>("--form", "-f") { Description = "zone: TXT lines only; host: the JSON file only; both: with comments; dkim: the same keys for DKIM-Signatures.", DefaultValueFactory = _ => "both" };
        form.AcceptOnlyFromAmong("zone", "host", "both", "dkim");
        var command = new ToolCommand(
            "records",
            "Print what to publish for a domain.",
            """
            A key set is published as TXT records at mailkey.<domain>, or as a JSON file on an HTTPS host of that
            name. One of the two is enough; with both, the TXT records win.

            From the moment it is published, receivers refuse unsigned mail of the domain. Begin with --test, watch
            what happens, then publish without it; while all keys are test keys, no message is refused for want of a
            signature. Wait for the TTL before you sign with a new key.

            Examples:
              mailkey records example.org --key 2026a=2026a.pem
              mailkey records example.org --key 2026a=2026a.pem --key 2026b=2026b.pem --revoked 2025a
              mailkey records example.org --key 2026a=2026a.pem --test --form zone >> example.org.zone
              mailkey records example.org --key 2026a=2026a.pem --form host > /var/www/.well-known/mailkey
              mailkey records example.org --key 2026r=2026r.pem --form dkim >> example.org.zone
            """)
        { domain, keys, revoked, test, note, report, exchanger, ttl, serial, form };
        command.SetAction(result => Run(
            console,
            new Request(
                result.GetRequiredValue(domain), result.GetValue(keys) ?? [], result.GetValue(revoked) ?? [], result.GetValue(test), result.GetValue(note), result.GetValue(report), result.GetValue(exchanger), result.GetValue(ttl),
                result.GetValue(serial) ?? time.GetUtcNow().ToUnixTimeSeconds(), result.GetRequiredValue(form))));
        return command;
    }

    private static int Run(ToolConsole console, Request request)
    {
        if (!DomainName.TryNormalize(request.Domain, out var domain))
        {
            return console.Fail($"\"{request.Domain}\" is not a domain name.");
        }

        if (request.Exchanger is { } exchanger)
        {
            if (!DomainName.TryNormalize(exchanger, out var host))
            {
                return console.Fail($"\"{exchanger}\" is not a host name.");
            }

            request = request with { Exchanger = host };
        }

        if (request.Keys.Length + request.Revoked.Length == 0)
        {
            return console.Fail("no key to publish. Give --key NAME=FILE; make one with: mailkey keygen FILE");
        }

        if (request.Note is { } note && (note.Length > MaxNote || note.Any(c => c is < ' ' or > '~' or ';')))
        {
            return console.Fail($"--note takes up to {MaxNote} printable ASCII characters without semicolon.");
        }

        if (request.Report is { } report && (!Uri.TryCreate(report, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps || report.Any(c => c is <= ' ' or > '~' or ';')))
        {
            return console.Fail("--report takes an https URL without spaces and semicolons.");
        }

        List<PublishedKey> published = [];
        foreach (var item in request.Keys)
        {
            var parts = item.Split('=', 2);
            if (parts.Length != 2 || !KeyFile.IsName(parts[0]))
            {
                return console.Fail($"--key takes NAME=FILE, with a name of 1 to 63 of a-z 0-9 and hyphen. It is \"{item}\".");
            }

            if (!KeyFile.TryRead(parts[1], out var key, out var error))
            {
                return console.Fail(error);
            }

            using (key)
            {
                published.Add(KeyRecords.Publish(key, parts[0], request.Test, request.Note));
            }
        }

        foreach (var name in request.Revoked)
        {
            if (!KeyFile.IsName(name))
            {
                return console.Fail($"--revoked takes a name of 1 to 63 of a-z 0-9 and hyphen. It is \"{name}\".");
            }

            published.Add(new() { Name = name, Type = KeyType.Ed25519, Status = KeyStatus.Revoked, Material = default });
        }

        if (published.Select(key => key.Name).Distinct(StringComparer.Ordinal).Count() != published.Count)
        {
            return console.Fail("two keys have the same name. A receiver uses neither.");
        }

        var set = new KeySet { Domain = domain, Serial = request.Serial, Keys = published, ReportUrl = request.Report };
        Print(console, request, set);
        return ExitCode.Yes;
    }

    private static void Print(ToolConsole console, Request request, KeySet set)
    {
        foreach (var key in request.Form == "dkim" ? set.Keys : [])
        {
            var text = DkimKeyRecord.ToTxt(key.Type, key.Status == KeyStatus.Revoked ? default : key.Material.Span, key.Test);
            console.Text.WriteLine(KeyRecords.ToZoneLineAt(DkimKeyRecord.NameOf(key.Name, set.Domain), text, TimeSpan.FromSeconds(request.Ttl)));
        }

        if (request.Form is "zone" or "both")
        {
            if (request.Form == "both")
            {
                console.Text.WriteLine($"; Either: TXT records, one for each key, for the zone of {request.Exchanger ?? set.Domain}");
            }

            foreach (var key in set.Keys)
            {
                console.Text.WriteLine(KeyRecords.ToZoneLine(request.Exchanger ?? set.Domain, KeyRecords.ToTxt(key, request.Report, request.Exchanger is null ? null : set.Domain), TimeSpan.FromSeconds(request.Ttl)));
            }
        }

        if (request.Form is "host" or "both")
        {
            if (request.Form == "both")
            {
                console.Text.WriteLine($"\n; Or: this file as https://{KeyHostSearch.Label}.{request.Exchanger ?? set.Domain}{KeySetFetcher.Path} with type application/json");
            }

            console.Text.Write(KeyRecords.ToHostDocument(set, TimeSpan.FromSeconds(request.Ttl)));
            if (request.Form == "both")
            {
                console.Text.WriteLine($"\n; Then: mailkey check {set.Domain}");
            }
        }
    }

    private sealed record Request(
        string Domain, string[] Keys, string[] Revoked, bool Test, string? Note, string? Report, string? Exchanger, int Ttl, long Serial, string Form);
}
