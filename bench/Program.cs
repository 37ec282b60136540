using System.Diagnostics;
using Mailkey.Bench;

var options = BenchOptions.Parse(args);
if (options.Ledger > 0)
{
    Console.WriteLine(await LedgerLoad.RunAsync(options.Ledger, CancellationToken.None));
    return 0;
}

if (options.Lookups > 0)
{
    Console.WriteLine(await LookupLoad.RunAsync(options.Lookups, CancellationToken.None));
    return 0;
}

Console.Error.WriteLine("starting the system");
await using var system = await BenchSystem.StartAsync(options, CancellationToken.None);
if (options.Around is not null)
{
    Console.Error.WriteLine("warming up");
    await new Measurement(system).WarmUpAsync(Profile.Main, options.WarmUp);

    // For a measuring program of somebody else: it gets all it needs by its environment.
    var start = new ProcessStartInfo("bash") { UseShellExecute = false };
    start.ArgumentList.Add("-c");
    start.ArgumentList.Add(options.Around);
    start.Environment["SINK_PORT"] = $"{system.SinkPort}";
    start.Environment["SIGN_KEY"] = system.KeyFile;
    start.Environment["MAILKEY_EXTERNAL"] = $"external=127.0.0.1:{system.SmtpPort}:{string.Join(',', system.Processes.Select(process => process.Process))}";
    using var command = Process.Start(start) ?? throw new InvalidOperationException("bash did not start");
    await command.WaitForExitAsync();
    return command.ExitCode;
}

var measurement = new Measurement(system);
var profiles = options.Quick ? [Profile.Main] : options.Kinds ? Profile.Kinds : Profile.All;
Console.Error.WriteLine("warming up");
await measurement.WarmUpAsync(Profile.Main, options.WarmUp);
foreach (var profile in profiles.Where(profile => profile.Kind != MailKind.Mailkey))
{
    await measurement.WarmUpAsync(profile, options.WarmUp / 10);
}

for (var round = 1; round <= options.Rounds; round++)
{
    foreach (var profile in profiles)
    {
        Console.Error.WriteLine($"round {round}: {profile}");
        await measurement.RunAsync(profile, profile.MessagesOf(options.Messages));
    }
}

var report = Report.Write(options, measurement, system);
Console.WriteLine(report);
if (options.Output is not null)
{
    await File.WriteAllTextAsync(options.Output, report);
}

return measurement.Lost == 0 ? 0 : 1;
