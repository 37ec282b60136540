using Mailkey.Tool;

await using var console = ToolConsole.OfProcess();
return await MailkeyTool.RunAsync(args, console, CancellationToken.None);
