using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Contracts.Journal;
using Mailkey.Ledger;
using Mailkey.Messaging.Journal;
using Mailkey.Smtp;

namespace Mailkey.Tool.Journal;

/// <summary>
/// Tells the life of a message from its events. Everything in them may come from a stranger: it is printed escaped.
/// </summary>
internal sealed class LifeOfMessage(string queueId, IReadOnlyList<StoredEvent> events)
{
    /// <summary>Characters of one text of a stranger.</summary>
    private const int TextLimit = 1000;

    private const string Indent = "                ";

    private readonly Dictionary<string, string> _outcomes = new(StringComparer.Ordinal);
    private readonly List<string> _reports = [];
    private Envelope? _envelope;

    public void Write(TextWriter output)
    {
        var lines = events.SelectMany(Tell).ToList();
        output.WriteLine($"Message {Text(queueId)}");
        foreach (var e in events)
        {
            switch (Read(e))
            {
                case AcceptedForDelivery accepted:
                    Head(output, accepted.Connection, accepted.Envelope, accepted.ReceivedAt, accepted.Size, accepted.MessageId, accepted.Verdict);
                    break;
                case TransactionRefused refused:
                    Head(output, refused.Connection, refused.Envelope, e.At, refused.Size, refused.MessageId, refused.Verdict);
                    break;
                default:
                    continue;
            }

            break;
        }

        output.WriteLine();
        foreach (var line in lines)
        {
            output.WriteLine(line);
        }

        Outcome(output);
    }

    /// <summary>A text of a stranger for the terminal; the lines of a reply on one line.</summary>
    public static string Text(string text) =>
        Printable.Escape(text.TrimEnd('\r', '\n').Replace("\r\n", " / ", StringComparison.Ordinal), TextLimit);

    /// <summary>Time in UTC with milliseconds.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static string Path(string path) => $"<{Text(path)}>";

    private static object? Read(StoredEvent e)
    {
        try
        {
            return e.Type switch
            {
                "accepted-for-delivery" => Parse(JournalJson.Default.AcceptedForDelivery),
                "refusals-left-out" => Parse(JournalJson.Default.RefusalsLeftOut),
                "transaction-refused" => Parse(JournalJson.Default.TransactionRefused),
                "recipient-delivered" => Parse(JournalJson.Default.RecipientDelivered),
                "recipient-deferred" => Parse(JournalJson.Default.RecipientDeferred),
                "recipient-failed" => Parse(JournalJson.Default.RecipientFailed),
                "delivery-report-sent" => Parse(JournalJson.Default.DeliveryReportSent),
                "delivery-report-suppressed" => Parse(JournalJson.Default.DeliveryReportSuppressed),
                _ => null,
            };
        }
        catch (JsonException)
        {
            // Written by a version with another shape: shown as it is.
            return null;
        }

        T? Parse<T>(JsonTypeInfo<T> type)
            where T : class => JsonSerializer.Deserialize(e.Data.Span, type);
    }

    private static void Head(
        TextWriter output, ConnectionFacts connection, Envelope envelope, DateTimeOffset receivedAt, long size, string? messageId, Verdict? verdict)
    {
        Line(output, "Received", Time(receivedAt));
        Line(output, "Client", $"{Text(connection.ClientAddress)} as {Text(connection.ClientName)}, {Text(connection.Protocol)}, {(connection.Tls is { } tls ? Text(tls) : "no TLS")}, taken by {Text(connection.Server)}");
        Line(output, "From", Path(envelope.ReversePath));
        foreach (var recipient in envelope.Recipients)
        {
            Line(output, "To", Path(recipient.ForwardPath) + (recipient.Notify is { } notify ? $" NOTIFY={Text(notify)}" : ""));
        }

        if (messageId is not null)
        {
            Line(output, "Message-ID", Text(messageId));
        }

        Line(output, "Size", string.Create(CultureInfo.InvariantCulture, $"{size} octets"));
        if (verdict is null)
        {
            Line(output, "Verdict", "none: no verifier was asked");
            return;
        }

        var key = verdict.KeyName is { } name ? $", key {Text(name)}" : "";
        var source = verdict.KeySource is { } found ? $" by {Text(found)}" : "";
        var signature = verdict.SignatureKind is { } kind ? $", {Text(kind)} signature" : ", no signature";
        Line(output, "Verdict", $"{Text(verdict.Result)} for {Text(verdict.Domain)}: mailkey host {Text(verdict.HostState)}{source}{key}{signature}");
        Line(output, "Rule", Text(verdict.Rule));
        if (envelope.Quarantine is { } quarantine)
        {
            Line(output, "Quarantine", $"delivered apart, by rule {Text(quarantine)}");
        }

        if (verdict.Tags is { Count: > 0 } tags)
        {
            Line(output, "Tagged by", Text(string.Join(", ", tags)));
        }

        Line(output, "Reason", Text(verdict.Reason));
        if (verdict.HeaderProblem is { } problem)
        {
            Line(output, "Header", Text(problem));
        }

        if (verdict.Agreement is { } agreement)
        {
            Line(output, "Agreement", Agreement(agreement));
        }

        foreach (var dkim in verdict.Dkim)
        {
            Line(output, "DKIM", Dkim(dkim));
        }

        if (verdict.Spf is { } spf)
        {
            Line(output, "SPF", Spf(spf));
        }

        foreach (var list in verdict.Blocklists)
        {
            Line(output, list.Kind == "allow" ? "Allowlist" : "Blocklist", Blocklist(list));
        }

        Line(output, "Judged by", string.Create(CultureInfo.InvariantCulture, $"{Text(verdict.Verifier)} in {verdict.ElapsedMicroseconds / 1000.0:0.0} ms"));
    }

    private static string Agreement(AgreementEvidence agreement)
    {
        var of = agreement.Forwarder is { } forwarder ? $" of {Text(forwarder)}, {Text(agreement.Trust ?? "")}, terms {agreement.Version.ToString(CultureInfo.InvariantCulture)}" : "";
        var by = agreement.AuthenticatedBy is { } proof ? $", proven by {Text(proof)}" : "";
        var skipped = agreement.Skipped.Count > 0 ? $"; skipped: {Text(string.Join(", ", agreement.Skipped))}" : "";
        return $"{Text(agreement.Result)} {Text(agreement.Id)}{of}, named by {Text(agreement.Method)}{by}{skipped}{(agreement.Reason is { } reason ? $": {Text(reason)}" : "")}";
    }

    private static string Dkim(DkimEvidence dkim)
    {
        var bits = dkim.KeyBits is { } length ? string.Create(CultureInfo.InvariantCulture, $", {length} bits") : "";
        var seen = dkim.Seen is > 1 and var times ? string.Create(CultureInfo.InvariantCulture, $"; delivery {times} of this signature") : "";
        return $"{Text(dkim.Result)} d={Text(dkim.Domain)} s={Text(dkim.Selector)} a={Text(dkim.Algorithm ?? "?")}{bits}{(dkim.Reason is { } reason ? $": {Text(reason)}" : "")}{seen}";
    }

    private static string Spf(SpfEvidence spf)
    {
        var domain = spf.Domain.Length > 0 ? $" for {Text(spf.Domain)}" : "";
        var by = spf.Mechanism is { } mechanism ? $", by {Text(mechanism)}" : "";
        var says = spf.Result == "fail" ? "; the domain says: " : ": ";
        return $"{Text(spf.Result)}{domain} ({Text(spf.Identity)}){by}{(spf.Reason is { } reason ? says + Text(reason) : "")}";
    }

    private static string Blocklist(BlocklistEvidence list)
    {
        var codes = list.Codes.Count > 0 ? $" as {Text(string.Join(' ', list.Codes))}" : "";
        return $"{Text(list.Zone)}: {Text(list.Result)}{codes}{(list.Reason is { } reason ? $": {Text(reason)}" : "")}";
    }

    private static void Line(TextWriter output, string name, string value) => output.WriteLine($"  {name,-12}{value}");

    private IEnumerable<string> Tell(StoredEvent e)
    {
        var time = Time(e.At);
        switch (Read(e))
        {
            case AcceptedForDelivery accepted:
                _envelope = accepted.Envelope;
                return [$"{time}  accepted (250){(accepted.Envelope.Quarantine is null ? "" : ", quarantined")}"];
            case TransactionRefused refused:
                return [$"{time}  refused: {refused.Reply.Code.ToString(CultureInfo.InvariantCulture)} {Text(refused.Reply.EnhancedCode)} {Text(refused.Reply.Text)}"];
            case RefusalsLeftOut leftOut:
                return [string.Create(CultureInfo.InvariantCulture, $"{time}  {leftOut.Count} more refused transactions of {(leftOut.Network.Length > 0 ? Text(leftOut.Network) : "many networks")} are not in the journal, since {Time(leftOut.Since)}")];
            case RecipientDelivered delivered:
                _outcomes[delivered.ForwardPath] = $"delivered {time}";
                return Attempt($"{time}  {Path(delivered.ForwardPath)} delivered", delivered.Attempt, delivered.NextHop, delivered.Reply);
            case RecipientDeferred deferred:
                _outcomes[deferred.ForwardPath] = $"waits, next attempt {Time(deferred.NextAttempt)}";
                return [.. Attempt($"{time}  {Path(deferred.ForwardPath)} deferred", deferred.Attempt, deferred.NextHop, deferred.Reply),
                    $"{Indent}next attempt {Time(deferred.NextAttempt)}"];
            case RecipientFailed failed:
                _outcomes[failed.ForwardPath] = $"failed {time} ({Text(failed.Status)})";
                return Attempt($"{time}  {Path(failed.ForwardPath)} failed for good, {Text(failed.Status)}", failed.Attempt, failed.NextHop, failed.Reply);
            case DeliveryReportSent sent:
                _reports.Add(sent.ReportQueueId);
                return [$"{time}  notification about {Path(sent.Recipient)} ({Text(sent.Action)}) sent as {Text(sent.ReportQueueId)}, advisory note: {Text(sent.Advisory)}"];
            case DeliveryReportSuppressed suppressed:
                return [$"{time}  no notification about {Path(suppressed.Recipient)} ({Text(suppressed.Action)}): {Text(suppressed.Reason)}"];
            default:
                return [$"{time}  {Text(e.Type)} {Text(System.Text.Encoding.UTF8.GetString(e.Data.Span))}"];
        }
    }

    private static string[] Attempt(string what, int attempt, string nextHop, string reply) =>
        [string.Create(CultureInfo.InvariantCulture, $"{what}, attempt {attempt}, by {Text(nextHop)}"), $"{Indent}{Text(reply)}"];

    private void Outcome(TextWriter output)
    {
        if (_envelope is not null)
        {
            output.WriteLine();
            foreach (var recipient in _envelope.Recipients)
            {
                output.WriteLine($"{Path(recipient.ForwardPath)}: {_outcomes.GetValueOrDefault(recipient.ForwardPath, "no attempt yet")}");
            }
        }

        foreach (var report in _reports.Distinct(StringComparer.Ordinal))
        {
            output.WriteLine($"The notification: mailkey trace {Text(report)}");
        }
    }
}
