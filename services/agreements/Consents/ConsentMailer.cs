using System.Buffers;
using System.Globalization;
using System.Text;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Telemetry;
using Mailkey.Contracts;
using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Mailkey.Messaging;
using Mailkey.Messaging.Journal;
using Mailkey.Messaging.Sagas;
using Mailkey.Mime.Reports;
using Mailkey.Storage;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Consents;

/// <summary>What came of the wish to ask a user.</summary>
public enum ConsentOutcome
{
    /// <summary>The question is recorded, and its mail is on its way.</summary>
    Asked,

    /// <summary>There is nothing to ask any more.</summary>
    NotNeeded,

    /// <summary>This user is asked enough at present, by whomever; later again.</summary>
    TooManyNow,

    /// <summary>This agreement has had its questions.</summary>
    Enough,
}

/// <summary>
/// Asks users by mail. A question counts before its mail leaves, so that no number of proposals makes more mails than the caps say; and its
/// mail is stored before it is handed over, so that it is the same one if that has to be done again.
/// </summary>
public sealed class ConsentMailer(
    AgreementDesk desk, DeskPolicies policies, ConsentQuestions questions, ConsentTokens tokens, IContentStore contents, IJournal journal,
    ServiceIdentity identity, IOptions<MailkeyOptions> options, TimeProvider time)
{
    /// <summary>Path of the page that the link opens, below <c>Mailkey:Agreements:PublicUrl</c>; the token follows.</summary>
    public const string PagePath = "/consent/";

    /// <summary>Asks the user of an agreement, once however often it is called.</summary>
    /// <param name="version">The terms that are asked about.</param>
    /// <param name="round">0 for the first question, then the number of the reminder.</param>
    /// <param name="cause">What the question answers to.</param>
    public async Task<ConsentOutcome> AskAsync(
        AgreementId id, AgreementState state, int version, int round, Actor actor, string? cause, IPublishEndpoint bus, CancellationToken cancellationToken)
    {
        var outcome = await TryAskAsync(id, state, version, round, actor, cause, bus, cancellationToken);
        AgreementsMetrics.CountQuestion(KebabCase<ConsentOutcome>.Word(outcome));
        return outcome;
    }

    private async Task<ConsentOutcome> TryAskAsync(
        AgreementId id, AgreementState state, int version, int round, Actor actor, string? cause, IPublishEndpoint bus, CancellationToken cancellationToken)
    {
        var text = ConsentText.Of(state, version, round);
        var asked = new ConsentedVersion(version, Consent.HashOf(text));
        var answer = await desk.RequestConsentAsync(id, version, text, actor, cause, cancellationToken);
        if (!answer.State.ConsentRequests.Contains(asked))
        {
            return answer.Refusal?.Code != AgreementRefusals.TooManyRequests.Code ? ConsentOutcome.NotNeeded
                : answer.State.ConsentRequests.Count >= policies.Agreements.ConsentRequests ? ConsentOutcome.Enough
                : ConsentOutcome.TooManyNow;
        }

        // A negotiation that is resumed asks anew, in the same words.
        var question = NameBasedId.Create("consent-question", id.ToString(), Number(version), asked.TextHash, Number(answer.State.Resumptions));
        var until = (answer.State.Phase == AgreementPhase.AwaitingConsent ? answer.State.AnswerBy : answer.State.Pending?.AnswerBy) ?? time.GetUtcNow();
        var stored = await questions.FindAsync(question, cancellationToken)
            ?? await StoreAsync(new(question, id, version, text, until), answer.State, cancellationToken);
        if (!stored.IsPublished)
        {
            await bus.Publish(new MessageAcceptedBatch { Messages = [stored.Message] }, cancellationToken);
            journal.AppendAcceptance(stored.Message);
            await questions.MarkPublishedAsync(question, cancellationToken);
        }

        return ConsentOutcome.Asked;
    }

    private async ValueTask<(ConsentQuestion Question, MessageAccepted Message, bool IsPublished)> StoreAsync(
        ConsentQuestion question, AgreementState state, CancellationToken cancellationToken)
    {
        var queueId = OwnQueueId.Of("consent-question", question.Id);
        var messageId = $"<{queueId}@{options.Value.Hostname}>";
        var token = await tokens.IssueAsync(question.Id, question.ExpiresAt, cancellationToken);
        var octets = Compose(question, state, messageId, Link(token));
        ContentReference content;
        await using (var writer = contents.Create(queueId))
        {
            await writer.WriteAsync(octets, cancellationToken);
            content = await writer.CommitAsync(default, cancellationToken);
        }

        var message = Message(queueId, messageId, state.Account, octets.Span, content);
        if (await questions.TryAddAsync(question, message, cancellationToken))
        {
            return (question, message, false);
        }

        // Another replica asks the same question and was quicker.
        await contents.ReleaseAsync(queueId, content, cancellationToken);
        return await questions.FindAsync(question.Id, cancellationToken)
            ?? throw new InvalidOperationException($"Question {question.Id} is neither new nor known.");
    }

    private ReadOnlyMemory<byte> Compose(ConsentQuestion question, AgreementState state, string messageId, string link)
    {
        var hostname = options.Value.Hostname;
        var content = new ArrayBufferWriter<byte>(4096);
        NoticeWriter.Write(
            new()
            {
                From = options.Value.Agreements.Negotiation.ConsentFrom is { Length: > 0 } from ? from : $"postmaster@{hostname}",
                FromName = $"Mail system of {hostname}",
                To = state.Account,

                // Of all that strangers chose, only the domain stands in the header, as A-labels: it is proven, and ASCII.
                Subject = $"Do you want mail forwarded by {state.Forwarder}?",
                Date = time.GetUtcNow(),
                MessageId = messageId,
                Text =
                [
                    $"This is a question of the mail system of {hostname}.",
                    "",
                    .. question.Text.Split('\n'),
                    "",
                    $"To answer, open this page before {question.ExpiresAt.ToUniversalTime().ToString("d MMMM yyyy HH:mm 'UTC'", CultureInfo.InvariantCulture)}; opening it answers nothing yet:",
                    "",
                    $"  {link}",
                    "",
                    "Nobody needs your password for this, and an answer to this message is not read.",
                ],
                SmtpUtf8 = !Ascii.IsValid(state.Account),
            },
            content);
        return content.WrittenMemory;
    }

    private string Link(string token)
    {
        var agreements = options.Value.Agreements;
        var origin = agreements.PublicUrl is { Length: > 0 } url ? url.TrimEnd('/') : string.Create(CultureInfo.InvariantCulture, $"http://{agreements.Listen}:{agreements.Port}");
        return $"{origin}{PagePath}{token}";
    }

    private MessageAccepted Message(string queueId, string messageId, string account, ReadOnlySpan<byte> octets, ContentReference content)
    {
        var now = time.GetUtcNow();
        return new()
        {
            QueueId = queueId,
            ReceivedAt = now,
            AcceptedAt = now,
            Connection = new() { ClientAddress = "127.0.0.1", ClientName = options.Value.Hostname, Protocol = "NOTICE", Server = identity.Instance },
            Envelope = new()
            {
                // RFC 3834 §3.3: nobody answers it, so there is nobody to answer.
                ReversePath = "",
                Recipients = [new() { ForwardPath = account, Notify = "NEVER" }],
                Body = Ascii.IsValid(octets) ? "7BIT" : "8BITMIME",
                SmtpUtf8 = !Ascii.IsValid(account),
            },
            Content = content,
            MessageId = messageId,
        };
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
