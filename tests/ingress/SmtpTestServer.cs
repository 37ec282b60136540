using System.Collections.Concurrent;
using System.Globalization;
using Mailkey.Contracts;
using Mailkey.Hosting;
using Mailkey.Ingress.Intake;
using Mailkey.Smtp;
using Mailkey.Testkit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Mailkey.Ingress.Tests;

/// <summary>The SMTP server on a loopback port, with an intake that only remembers.</summary>
internal sealed class SmtpTestServer : IAsyncDisposable
{
    private readonly WebApplication application;

    private SmtpTestServer(WebApplication application, RecordingIntake intake, ManualTime time, RecordingLog log)
    {
        this.application = application;
        Intake = intake;
        Time = time;
        Log = log;
        // The health port comes first.
        var address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Last();
        Port = new Uri(address).Port;
    }

    public RecordingIntake Intake { get; }

    public ManualTime Time { get; }

    public RecordingLog Log { get; }

    public int Port { get; }

    /// <summary>Starts a server that hosts example.org with the recipients alice and bob, and any.example with all.</summary>
    public static Task<SmtpTestServer> StartAsync(params string[] settings) => StartAsync(null, settings);

    /// <summary>The same with further parts.</summary>
    public static async Task<SmtpTestServer> StartAsync(Action<IServiceCollection>? services, params string[] settings)
    {
        var intake = new RecordingIntake();
        var time = new ManualTime();
        var log = new RecordingLog();
        string[] args =
        [
            "--Logging:LogLevel:Default=Debug",
            "--Mailkey:Hostname=mx.example.org",
            "--Mailkey:Smtp:Listen:0=127.0.0.1",
            "--Mailkey:Smtp:Port=0",
            "--Mailkey:Policy:HelpUrl=https://help.example/?d=",
            "--Mailkey:Domains:0:Name=example.org",
            "--Mailkey:Domains:0:Recipients:0=alice",
            "--Mailkey:Domains:0:Recipients:1=bob",
            "--Mailkey:Domains:1:Name=any.example",
            "--Mailkey:Domains:1:Recipients:0=*",
            "--Mailkey:Domains:2:Name=bücher.example",
            "--Mailkey:Domains:2:Recipients:0=*",
            .. settings.Select(setting => $"--Mailkey:{setting}"),
        ];
        var builder = ServiceHost.CreateBuilder("ingress", args);
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(log);
        builder.Logging.SetMinimumLevel(LogLevel.Debug);
        builder.Services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time));
        builder.Services.AddSingleton<IMessageIntake>(intake);
        builder.AddSmtp();
        services?.Invoke(builder.Services);
        var application = builder.Build();
        await application.StartAsync();
        return new(application, intake, time, log);
    }

    /// <summary>Connects and takes the greeting.</summary>
    public async Task<SmtpTestClient> ConnectAsync()
    {
        var client = await SmtpTestClient.ConnectAsync(Port);
        Assert.Equal(220, (await client.ReadAsync()).Code);
        return client;
    }

    /// <summary>Connects and says EHLO.</summary>
    public async Task<SmtpTestClient> GreetAsync()
    {
        var client = await ConnectAsync();
        Assert.Equal(250, (await client.AskAsync("EHLO client.example")).Code);
        return client;
    }

    public Task StopAsync() => application.StopAsync();

    public async ValueTask DisposeAsync() => await application.DisposeAsync();
}

/// <summary>Remembers what sessions hand over.</summary>
internal sealed class RecordingIntake : IMessageIntake
{
    private readonly ConcurrentQueue<RecordedMessage> messages = new();
    private readonly ConcurrentQueue<RecordedRefusal> refusals = new();
    private readonly SemaphoreSlim noted = new(0);

    /// <summary>What the end of a content is answered with.</summary>
    public Func<RecordedMessage, CancellationToken, ValueTask<SmtpReply>> Answer { get; set; } = (_, _) => new(Replies.Accepted);

    /// <summary>What a piece of content is answered with.</summary>
    public Func<RecordedMessage, SmtpReply?> Check { get; set; } = _ => null;

    public IReadOnlyList<RecordedMessage> Messages => [.. messages];

    public IReadOnlyList<RecordedRefusal> Refusals => [.. refusals];

    public IIncomingMessage Begin(string queueId, ConnectionFacts connection, Envelope envelope)
    {
        var message = new RecordedMessage(this, queueId, connection, envelope);
        messages.Enqueue(message);
        return message;
    }

    public void NoteRefusal(string queueId, ConnectionFacts connection, Envelope envelope, SmtpReply reply)
    {
        refusals.Enqueue(new(queueId, connection, envelope, reply));
        noted.Release();
    }

    /// <summary>Waits for a refusal that is noted when a session has ended.</summary>
    public async Task<RecordedRefusal> NextRefusalAsync()
    {
        Assert.True(await noted.WaitAsync(TimeSpan.FromSeconds(10)));
        return refusals.Last();
    }
}

internal sealed record RecordedRefusal(string QueueId, ConnectionFacts Connection, Envelope Envelope, SmtpReply Reply);

internal sealed class RecordedMessage(RecordingIntake intake, string queueId, ConnectionFacts connection, Envelope envelope) : IIncomingMessage
{
    private readonly MemoryStream content = new();

    public string QueueId => queueId;

    public ConnectionFacts Connection => connection;

    public Envelope Envelope => envelope;

    public byte[] Octets => content.ToArray();

    public string Text => System.Text.Encoding.Latin1.GetString(content.ToArray());

    public bool IsComplete { get; private set; }

    public bool IsDisposed { get; private set; }

    public ValueTask<SmtpReply?> WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        content.Write(octets.Span);
        return new(intake.Check(this));
    }

    public async ValueTask<SmtpReply> CompleteAsync(CancellationToken cancellationToken)
    {
        IsComplete = true;
        return await intake.Answer(this, cancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return default;
    }
}

/// <summary>Keeps log lines.</summary>
internal sealed class RecordingLog : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> lines = new();

    public IReadOnlyList<string> Lines => [.. lines];

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        lines.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{logLevel} {formatter(state, exception)} {exception}"));

    public void Dispose()
    {
    }
}
