using System.CommandLine;

return new RootCommand("The operator's command.").Parse(args).Invoke();
