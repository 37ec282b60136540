using Mailkey.Bounces.Reporting;
using Mailkey.Hosting.Options;

namespace Mailkey.Bounces.Tests.Reporting;

public sealed class ReportRulesTests
{
    private static readonly BouncesOptions Options = new();

    [Fact]
    public void ReportRules_authenticated_sender_is_always_told()
    {
        var report = Reports.Failed("alice@example.com", Reports.Verdict("pass"), Reports.Recipient("bob@example.net"), Reports.Recipient("carol@example.net", "5.2.2"));

        var decision = ReportRules.Decide(report, new() { AdviseUnauthenticated = false });

        Assert.Empty(decision.Suppressed);
        Assert.Empty(decision.Advise);
        Assert.Equal(report.ReportId, decision.Send!.OrderId);
        Assert.Equal(["bob@example.net", "carol@example.net"], decision.Send.Recipients.Select(r => r.Recipient.ForwardPath));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("neutral")]
    [InlineData("temperror")]
    [InlineData(null)]
    public void ReportRules_unproven_sender_asks_for_an_advisory_by_cause(string? result)
    {
        var report = Reports.Failed(
            "alice@example.com",
            result is null ? null : Reports.Verdict(result),
            Reports.Recipient("bob@example.net"),
            Reports.Recipient("carol@example.net", "5.2.2"),
            Reports.Recipient("dave@example.net", "5.1.1"));

        var decision = ReportRules.Decide(report, Options);

        Assert.Null(decision.Send);
        Assert.Equal([FailureCause.UnknownUser, FailureCause.MailboxFull], decision.Advise.Select(a => a.Cause));
        Assert.Equal(["bob@example.net", "dave@example.net"], decision.Advise[0].Order.Recipients.Select(r => r.Recipient.ForwardPath));
        Assert.Equal(["carol@example.net"], decision.Advise[1].Order.Recipients.Select(r => r.Recipient.ForwardPath));
    }

    [Fact]
    public void ReportRules_same_report_gives_the_same_orders_and_another_one_others()
    {
        var report = Reports.Failed("alice@example.com", null, Reports.Recipient("bob@example.net"), Reports.Recipient("carol@example.net", "5.2.2"));

        var first = ReportRules.Decide(report, Options).Advise.Select(a => a.Order.OrderId).ToArray();

        Assert.Equal(first, ReportRules.Decide(report with { }, Options).Advise.Select(a => a.Order.OrderId));
        Assert.Equal(2, first.Distinct().Count());
        Assert.DoesNotContain(ReportRules.Decide(report with { ReportId = Guid.NewGuid() }, Options).Advise[0].Order.OrderId, first);
    }

    [Theory]
    [InlineData("Auto-Submitted: auto-replied", SuppressionReason.AutomaticMail)]
    [InlineData("Auto-Submitted: auto-generated (cron)", SuppressionReason.AutomaticMail)]
    [InlineData("Content-Type: multipart/report; report-type=delivery-status", SuppressionReason.AutomaticMail)]
    [InlineData("Precedence: junk", SuppressionReason.AutomaticMail)]
    [InlineData("Precedence: list", SuppressionReason.ListMail)]
    [InlineData("List-Id: <ours.example.org>", SuppressionReason.ListMail)]
    [InlineData("list-unsubscribe: <mailto:a@example.org>", SuppressionReason.ListMail)]
    public void ReportRules_lists_and_automatic_mail_get_nothing_even_when_authenticated(string field, string reason)
    {
        var report = Reports.Failed("alice@example.com", Reports.Verdict("pass")) with { HeaderBlock = Reports.Header("From: a@example.com", field) };

        AssertSuppressed(report, reason);
    }

    [Fact]
    public void ReportRules_Auto_Submitted_no_is_a_person()
    {
        var report = Reports.Failed("alice@example.com", Reports.Verdict("pass")) with { HeaderBlock = Reports.Header("Auto-Submitted: no") };

        Assert.NotNull(ReportRules.Decide(report, Options).Send);
    }

    [Fact]
    public void ReportRules_header_that_could_not_be_read_counts_as_automatic()
    {
        var report = Reports.Failed("alice@example.com", Reports.Verdict("pass")) with
        {
            HeaderBlock = Reports.Header($"X: {new string('x', 1024 * 1024)}", "Auto-Submitted: auto-replied"),
        };

        AssertSuppressed(report, SuppressionReason.AutomaticMail);
    }

    [Fact]
    public void ReportRules_null_reverse_path_gets_nothing() =>
        AssertSuppressed(Reports.Failed("", Reports.Verdict("pass")), SuppressionReason.NullReversePath);

    [Theory]
    [InlineData("fail")]
    [InlineData("permerror")]
    public void ReportRules_forged_sender_gets_nothing(string result) =>
        AssertSuppressed(Reports.Failed("alice@example.com", Reports.Verdict(result)), SuppressionReason.Forged);

    [Theory]
    [InlineData("none")]
    [InlineData("temperror")]
    public void ReportRules_sender_that_SPF_disowns_gets_nothing(string result) =>
        AssertSuppressed(
            Reports.Failed("alice@example.com", Reports.Verdict(result) with { Spf = new() { Result = "fail", Identity = "mailfrom", Domain = "example.com" } }),
            SuppressionReason.Forged);

    [Theory]
    [InlineData("softfail")]
    [InlineData("neutral")]
    [InlineData("permerror")]
    public void ReportRules_SPF_that_disowns_nobody_silences_nothing(string spf)
    {
        var verdict = Reports.Verdict("none") with { Spf = new() { Result = spf, Identity = "mailfrom", Domain = "example.com" } };

        Assert.Single(ReportRules.Decide(Reports.Failed("alice@example.com", verdict), Options).Advise);
    }

    [Fact]
    public void ReportRules_mailkey_signature_outweighs_SPF()
    {
        // Forwarded as it was: the key still says who wrote it.
        var verdict = Reports.Verdict("pass") with { Spf = new() { Result = "fail", Identity = "mailfrom", Domain = "example.com" } };

        Assert.NotNull(ReportRules.Decide(Reports.Failed("alice@example.com", verdict), Options).Send);
    }

    [Fact]
    public void ReportRules_switch_silences_unproven_senders() =>
        Assert.Equal(
            [SuppressionReason.SwitchedOff],
            ReportRules.Decide(Reports.Failed("alice@example.com", null), new() { AdviseUnauthenticated = false }).Suppressed.Select(s => s.Reason));

    // RFC 3461 §4.1, every keyword against every kind of report.
    [Theory]
    [InlineData(null, true, true, false)]
    [InlineData("NEVER", false, false, false)]
    [InlineData("FAILURE", true, false, false)]
    [InlineData("DELAY", false, true, false)]
    [InlineData("SUCCESS", false, false, true)]
    [InlineData("SUCCESS,FAILURE", true, false, true)]
    [InlineData("success,delay", false, true, true)]
    public void ReportRules_NOTIFY_chooses_for_each_recipient(string? notify, bool failure, bool delay, bool success)
    {
        var other = Reports.Recipient("other@example.net", notify: "SUCCESS,FAILURE,DELAY");
        var asked = Reports.Recipient("bob@example.net", notify: notify);
        var pass = Reports.Verdict("pass");

        Assert.Equal(failure, Told(Reports.Failed("alice@example.com", pass, other, asked)));
        Assert.Equal(delay, Told(Reports.Delayed("alice@example.com", pass, other, asked)));
        Assert.Equal(success, Told(Reports.Succeeded("alice@example.com", pass, relayed: false, other, asked)));

        bool Told(Contracts.DeliveryReport report)
        {
            var decision = ReportRules.Decide(report, Options);
            Assert.Equal("other@example.net", decision.Send!.Recipients[0].Recipient.ForwardPath);
            var told = decision.Send.Recipients.Count == 2;
            Assert.Equal(told, decision.Suppressed.Count == 0);
            Assert.All(decision.Suppressed, s => Assert.Equal(notify == "NEVER" ? SuppressionReason.NotifyNever : SuppressionReason.NotRequested, s.Reason));
            return told;
        }
    }

    [Fact]
    public void ReportRules_kind_follows_from_the_report()
    {
        var pass = Reports.Verdict("pass");
        var wanted = Reports.Recipient("bob@example.net", notify: "SUCCESS,FAILURE,DELAY");

        Assert.Equal(ReportKind.Failed, ReportRules.Decide(Reports.Failed("a@example.com", pass, wanted), Options).Send!.Kind);
        Assert.Equal(ReportKind.Delivered, ReportRules.Decide(Reports.Succeeded("a@example.com", pass, relayed: false, wanted), Options).Send!.Kind);
        Assert.Equal(ReportKind.Relayed, ReportRules.Decide(Reports.Succeeded("a@example.com", pass, relayed: true, wanted), Options).Send!.Kind);
        var delayed = ReportRules.Decide(Reports.Delayed("a@example.com", pass, wanted), Options).Send!;
        Assert.Equal(ReportKind.Delayed, delayed.Kind);
        Assert.Equal(Reports.Received.AddDays(5), delayed.WillRetryUntil);
    }

    private static void AssertSuppressed(Contracts.DeliveryReport report, string reason)
    {
        var decision = ReportRules.Decide(report, Options);
        Assert.Null(decision.Send);
        Assert.Empty(decision.Advise);
        Assert.Equal([reason], decision.Suppressed.Select(s => s.Reason));
    }
}
