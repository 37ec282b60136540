using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Mailkey.Agreements.Accounts;

/// <summary>
/// Asks an IMAP server whether a password is right, by logging in (RFC 9051 §6.2.3) and out again. Never without TLS, and nothing that
/// came before TLS is believed.
/// </summary>
internal sealed class ImapLogin
{
    /// <summary>Octets of a name or a password.</summary>
    public const int MaxLength = PasswordHash.MaxPasswordLength;

    private const int ImapsPort = 993;
    private const int ImapPort = 143;

    // RFC 9051 names no limit for a response line of a server; capabilities, the longest here, stay far below.
    private const int MaxLine = 8 * 1024;

    // Untagged lines before an answer: greeting, capabilities, alerts.
    private const int MaxLines = 100;

    // RFC 5530 §3: these don't say that the password is wrong.
    private static readonly string[] NotAnAnswer = ["[UNAVAILABLE]", "[SERVERBUG]", "[INUSE]", "[LIMIT]", "[CONTACTADMIN]", "[PRIVACYREQUIRED]"];

    private readonly string _host;
    private readonly int _port;
    private readonly bool _startTls;
    private readonly TimeSpan _timeout;
    private readonly X509Certificate2Collection? _authorities;

    private ImapLogin(Uri server, X509Certificate2Collection? authorities, TimeSpan timeout)
    {
        _startTls = server.Scheme == "imap";
        _host = server.IdnHost;
        _port = server.Port > 0 ? server.Port : _startTls ? ImapPort : ImapsPort;
        _authorities = authorities;
        _timeout = timeout;
    }

    /// <param name="server"><c>imaps://host[:port]</c>, or <c>imap://host[:port]</c> for STARTTLS.</param>
    /// <param name="authorities">PEM file of the authorities to trust; empty: those of the system.</param>
    public static ImapLogin Create(Uri server, string authorities, TimeSpan timeout)
    {
        X509Certificate2Collection? trusted = null;
        if (authorities.Length > 0)
        {
            trusted = [];
            trusted.ImportFromPemFile(authorities);
        }

        return new(server, trusted, timeout);
    }

    /// <summary>Whether the server lets somebody in.</summary>
    /// <returns>And why it could not be found out.</returns>
    public async Task<(PasswordCheck Check, string Reason)> CheckAsync(string name, string password, CancellationToken cancellationToken)
    {
        var (nameOctets, passwordOctets) = (Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(password));

        // A literal has no NUL (RFC 9051 §9, CHAR8). An empty one some servers take for anonymous.
        if (nameOctets.Length is 0 or > MaxLength || passwordOctets.Length is 0 or > MaxLength || nameOctets.Contains((byte)0) || passwordOctets.Contains((byte)0))
        {
            return (PasswordCheck.Wrong, "");
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_timeout);
        try
        {
            return await LogInAsync(nameOctets, passwordOctets, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (PasswordCheck.Unavailable, $"no answer within {_timeout}");
        }
        catch (Exception e) when (e is IOException or SocketException or AuthenticationException or ProtocolException)
        {
            return (PasswordCheck.Unavailable, e.Message);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(passwordOctets);
        }
    }

    private async Task<(PasswordCheck, string)> LogInAsync(byte[] name, byte[] password, CancellationToken cancellationToken)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(_host, _port, cancellationToken);
        await using var plain = new NetworkStream(socket, ownsSocket: false);
        if (_startTls)
        {
            // Lines are read octet by octet from a small buffer that ends with them: what follows the answer to STARTTLS in the clear is an attack
            // (RFC 9051 §6.2.1), and here a handshake that fails.
            var before = new Lines(plain);
            await GreetingAsync(before, cancellationToken);
            await before.WriteAsync("s STARTTLS\r\n"u8.ToArray(), cancellationToken);
            var (isOk, text) = await AnswerAsync(before, "s", cancellationToken);
            if (!isOk)
            {
                throw new ProtocolException($"no STARTTLS: {text}");
            }

            if (before.HasMore)
            {
                throw new ProtocolException("the server says more after its answer to STARTTLS");
            }
        }

        await using var tls = new SslStream(plain);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = _host,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                CertificateChainPolicy = _authorities is null ? null : Trust(_authorities),
            },
            cancellationToken);
        var lines = new Lines(tls);
        if (!_startTls)
        {
            await GreetingAsync(lines, cancellationToken);
        }

        // Name and password go as literals, which no octet of theirs can leave (RFC 9051 §4.3).
        if (await SendLiteralAsync(lines, "a LOGIN ", name, cancellationToken) is { } first)
        {
            return first;
        }

        if (await SendLiteralAsync(lines, " ", password, cancellationToken) is { } second)
        {
            return second;
        }

        await lines.WriteAsync("\r\n"u8.ToArray(), cancellationToken);
        var answer = await AnswerAsync(lines, "a", cancellationToken);
        if (answer.IsOk)
        {
            // It need not be waited for.
            await lines.WriteAsync("b LOGOUT\r\n"u8.ToArray(), cancellationToken);
        }

        return Judge(answer);
    }

    private static (PasswordCheck, string) Judge((bool IsOk, string Text) answer) =>
        answer.IsOk ? (PasswordCheck.Right, "")
        : answer.Text.StartsWith("NO ", StringComparison.OrdinalIgnoreCase) && !Array.Exists(NotAnAnswer, code => answer.Text.Contains(code, StringComparison.OrdinalIgnoreCase))
            ? (PasswordCheck.Wrong, "")
            : (PasswordCheck.Unavailable, answer.Text);

    private static async Task<(PasswordCheck, string)?> SendLiteralAsync(Lines lines, string before, byte[] octets, CancellationToken cancellationToken)
    {
        await lines.WriteAsync(Encoding.ASCII.GetBytes($"{before}{{{octets.Length}}}\r\n"), cancellationToken);
        for (var i = 0; i < MaxLines; i++)
        {
            var line = await lines.ReadAsync(cancellationToken);
            if (line.StartsWith('+'))
            {
                await lines.WriteAsync(octets, cancellationToken);
                return null;
            }

            // It won't even hear it: LOGINDISABLED, or a limit of its own.
            if (line.StartsWith("a ", StringComparison.Ordinal))
            {
                return (PasswordCheck.Unavailable, Printable(line[2..]));
            }

            Untagged(line);
        }

        throw new ProtocolException("too many lines");
    }

    private static async Task GreetingAsync(Lines lines, CancellationToken cancellationToken)
    {
        // RFC 9051 §7.1: PREAUTH would let everybody be anybody.
        var greeting = await lines.ReadAsync(cancellationToken);
        if (!greeting.StartsWith("* OK", StringComparison.OrdinalIgnoreCase))
        {
            throw new ProtocolException($"not a greeting: {Printable(greeting)}");
        }
    }

    private static async Task<(bool IsOk, string Text)> AnswerAsync(Lines lines, string tag, CancellationToken cancellationToken)
    {
        for (var i = 0; i < MaxLines; i++)
        {
            var line = await lines.ReadAsync(cancellationToken);
            if (line.StartsWith($"{tag} ", StringComparison.Ordinal))
            {
                var text = line[(tag.Length + 1)..];
                return (text.Equals("OK", StringComparison.OrdinalIgnoreCase) || text.StartsWith("OK ", StringComparison.OrdinalIgnoreCase), Printable(text));
            }

            Untagged(line);
        }

        throw new ProtocolException("too many lines");
    }

    private static void Untagged(string line)
    {
        if (line.StartsWith("* BYE", StringComparison.OrdinalIgnoreCase) || !line.StartsWith("* ", StringComparison.Ordinal))
        {
            throw new ProtocolException(Printable(line));
        }
    }

    // For the log of an operator.
    private static string Printable(string text)
    {
        var shown = text.Length > 200 ? text[..200] : text;
        return string.Create(shown.Length, shown, static (to, from) =>
        {
            for (var i = 0; i < from.Length; i++)
            {
                to[i] = from[i] is >= ' ' and <= '~' ? from[i] : '?';
            }
        });
    }

    private static X509ChainPolicy Trust(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }

    /// <summary>The server does not speak IMAP as one expects.</summary>
    private sealed class ProtocolException(string message) : Exception(message);

    /// <summary>The lines of a connection.</summary>
    private sealed class Lines(Stream stream)
    {
        private readonly byte[] _buffer = new byte[MaxLine];
        private int _start;
        private int _end;

        /// <summary>Whether something came that nobody has read.</summary>
        public bool HasMore => _end > _start;

        /// <summary>The next line without its end.</summary>
        public async ValueTask<string> ReadAsync(CancellationToken cancellationToken)
        {
            while (true)
            {
                var feed = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
                if (feed >= 0)
                {
                    var line = Encoding.Latin1.GetString(_buffer, _start, feed);
                    _start += feed + 1;
                    return line.EndsWith('\r') ? line[..^1] : line;
                }

                if (_start > 0)
                {
                    _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                    (_start, _end) = (0, _end - _start);
                }

                if (_end == _buffer.Length)
                {
                    throw new ProtocolException("a line is too long");
                }

                var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
                _end += read > 0 ? read : throw new ProtocolException("the connection was closed");
            }
        }

        public async ValueTask WriteAsync(byte[] octets, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(octets, cancellationToken);
            await stream.FlushAsync(cancellationToken);
        }
    }
}
