namespace Mailkey.Hosting;

/// <summary>Which service this process is, and which of its replicas.</summary>
public sealed class ServiceIdentity(string service)
{
    /// <summary>Name as in compose: ingress, verifier, ….</summary>
    public string Service { get; } = service;

    /// <summary>Unique for this process: service, host, process id.</summary>
    public string Instance { get; } = $"{service}-{Environment.MachineName}-{Environment.ProcessId}".ToLowerInvariant();
}
