using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Smtp.Tls;

/// <summary>The certificate for STARTTLS. A changed file is taken up by the next session; running ones keep what they have.</summary>
internal sealed class ServerCertificate
{
    /// <summary>How often the files are looked at, at most.</summary>
    private static readonly TimeSpan LookPeriod = TimeSpan.FromSeconds(5);

    private readonly string path;
    private readonly string keyPath;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Lock gate = new();
    private (DateTime Certificate, DateTime Key) written;
    private long looked;
    private SslServerAuthenticationOptions options;

    private ServerCertificate(string path, string keyPath, TimeProvider time, ILogger logger)
    {
        (this.path, this.keyPath, this.time, this.logger) = (path, keyPath, time, logger);
        written = Written();
        looked = time.GetTimestamp();
        options = Read();
    }

    /// <summary>The options of a new TLS session.</summary>
    public SslServerAuthenticationOptions Options
    {
        get
        {
            lock (gate)
            {
                if (time.GetElapsedTime(looked) >= LookPeriod)
                {
                    looked = time.GetTimestamp();
                    Reload();
                }

                return options;
            }
        }
    }

    /// <summary>Reads the files that the options name; null when they name none. A service whose certificate is broken does not start.</summary>
    public static ServerCertificate? Load(SmtpOptions options, TimeProvider time, ILogger logger)
    {
        if (string.IsNullOrEmpty(options.Certificate))
        {
            return null;
        }

        try
        {
            return new(options.Certificate, string.IsNullOrEmpty(options.CertificateKey) ? options.Certificate : options.CertificateKey, time, logger);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new OptionsValidationException(
                MailkeyOptions.Section, typeof(MailkeyOptions), [$"{MailkeyOptions.Section}:Smtp:Certificate: \"{options.Certificate}\" can't be loaded: {exception.Message}"]);
        }
    }

    private void Reload()
    {
        try
        {
            var now = Written();
            if (now != written)
            {
                options = Read();
                written = now;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException)
        {
            // Half a file while it is being written: the next look finds the rest.
            SmtpLog.CertificateNotReloaded(logger, exception, path);
        }
    }

    private (DateTime Certificate, DateTime Key) Written() => (Written(path), Written(keyPath));

    // Of the file that links lead to: renewal often moves a link and leaves the files alone.
    private static DateTime Written(string path) => (File.ResolveLinkTarget(path, returnFinalTarget: true) ?? new FileInfo(path)).LastWriteTimeUtc;

    private SslServerAuthenticationOptions Read()
    {
        var certificate = X509Certificate2.CreateFromPemFile(path, keyPath);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(path);
        SmtpLog.CertificateLoaded(logger, path, certificate.NotAfter.ToUniversalTime());
        return new SslServerAuthenticationOptions
        {
            // offline: what the file has is the chain; nothing is fetched while a client waits.
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true),

            // RFC 8996: nothing older than TLS 1.2.
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateRequired = false,

            // Each handshake that a client asks for again costs us more than it.
            AllowRenegotiation = false,
        };
    }
}
