using System.Runtime.InteropServices;
using Mailkey.Hosting.Options;
using Mailkey.Policy;
using Mailkey.Policy.Reading;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Policy;

/// <summary>
/// The policy in force. Its file is looked at every few seconds, and on SIGHUP; each message is judged by one policy from
/// beginning to end. A file that is broken at start stops the service; one that breaks later changes nothing and is logged.
/// </summary>
/// <remarks>Looking at time and size works where no change is announced: bind mounts of containers, network file systems.</remarks>
public sealed class CurrentPolicy : BackgroundService
{
    private const int ErrorsLogged = 20;

    private readonly MailkeyOptions _configuration;
    private readonly PolicyOptions _options;
    private readonly StagePolicy _stage;
    private readonly TimeProvider _time;
    private readonly ILogger<CurrentPolicy> _logger;
    private readonly SemaphoreSlim _reloading = new(1, 1);
    private readonly SemaphoreSlim _hangup = new(0);
    private volatile ReceiverPolicy _policy;
    private string _stamp;
    private IReadOnlyList<string> _lists;

    /// <exception cref="InvalidDataException">The file has errors; all of them are in the message.</exception>
    public CurrentPolicy(IOptions<MailkeyOptions> options, TimeProvider time, ILogger<CurrentPolicy> logger)
    {
        _configuration = options.Value;
        _options = _configuration.Policy;
        _time = time;
        _logger = logger;
        _stage = new StagePolicy(_options);
        _policy = new(_stage, PolicyRules.None);
        (_stamp, _lists) = ("", []);
        if (_options.File.Length > 0)
        {
            // The stamp is older than the content: what is written in between is seen as a change.
            var file = PolicyFile.Load(_options.File);
            _lists = file.Lists;
            _stamp = Stamp();
            file = PolicyFile.Load(_options.File);
            _policy = new(_stage, file.Rules ?? throw new InvalidDataException($"Mailkey:Policy:File: the policy has errors.\n{string.Join('\n', file.Errors)}"));
            _lists = file.Lists;
            _logger.LogInformation("Policy of {File}: {Rules} rules", _options.File, _policy.Rules.Count);
            Warn(_policy.Rules);
        }
    }

    /// <summary>The policy for the next message.</summary>
    public ReceiverPolicy Policy => _policy;

    public override void Dispose()
    {
        _reloading.Dispose();
        _hangup.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_options.File.Length == 0)
        {
            return;
        }

        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            _hangup.Release();
        });
        try
        {
            while (true)
            {
                var isForced = await WaitAsync(stoppingToken);
                await ReloadAsync(isForced, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping
        }
    }

    /// <summary>Takes the file over if it has changed.</summary>
    /// <returns>Whether another policy is in force now.</returns>
    internal async Task<bool> ReloadAsync(bool isForced, CancellationToken cancellationToken)
    {
        await _reloading.WaitAsync(cancellationToken);
        try
        {
            var stamp = Stamp();
            if (stamp == _stamp && !isForced)
            {
                return false;
            }

            var file = PolicyFile.Load(_options.File);
            if (!file.Lists.SequenceEqual(_lists) && (file.Rules is not null || file.Lists.Count > 0))
            {
                // From now on these are looked at, also one that is not there yet or has an error: mending it is a change.
                _lists = file.Lists;
                stamp = Stamp();
                file = PolicyFile.Load(_options.File);
            }

            _stamp = stamp;
            if (file.Rules is not { } rules)
            {
                PolicyMetrics.ReloadFailed();
                _logger.LogError(
                    "The policy file has {Count} errors, the policy of before stays in force: {Errors}",
                    file.Errors.Count,
                    string.Join("; ", file.Errors.Take(ErrorsLogged)));
                return false;
            }

            _policy = new(_stage, rules);
            PolicyMetrics.Reloaded();
            _logger.LogInformation("New policy of {File}: {Rules} rules", _options.File, rules.Count);
            Warn(rules);
            return true;
        }
        finally
        {
            _reloading.Release();
        }
    }

    private void Warn(PolicyRules rules)
    {
        foreach (var (name, line, why) in rules.Unanswerable(_configuration).Take(ErrorsLogged))
        {
            _logger.LogWarning("{File}:{Line}: the rule {Rule} {Why}: that never holds", _options.File, line, name, why);
        }
    }

    // True when a signal asks.
    private async Task<bool> WaitAsync(CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var tick = Task.Delay(_options.ReloadInterval, _time, ended.Token);
        var hangup = _hangup.WaitAsync(ended.Token);
        var first = await Task.WhenAny(tick, hangup);
        await first;
        var isForced = hangup.IsCompletedSuccessfully;
        await ended.CancelAsync();
        return isForced;
    }

    // Time and size of the file and its lists, behind links: a mounted configuration is exchanged by moving a link.
    private string Stamp()
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(_options.File))!;
        return string.Join('|', _lists.Select(list => Path.Combine(folder, list)).Prepend(_options.File).Select(Stamp));
    }

    private static string Stamp(string path)
    {
        try
        {
            FileSystemInfo file = new FileInfo(path);
            file = file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
            return file is FileInfo { Exists: true } found ? FormattableString.Invariant($"{found.FullName} {found.LastWriteTimeUtc.Ticks} {found.Length}") : "gone";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return "gone";
        }
    }
}
